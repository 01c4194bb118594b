import pylibsrtp
import pytest
from pylibsrtp import _binding

from gateway.errors import RtpError
from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import ReceiverReport
from gateway.rtp.srtp import MOST_SOURCES, SrtpProfile, SrtpReceiver, SrtpSender

PROFILES = list(SrtpProfile)


def pair(profile: SrtpProfile) -> tuple[SrtpSender, SrtpReceiver]:
    key, salt = bytes(range(profile.key_length)), bytes(range(profile.salt_length))
    return SrtpSender(profile, key, salt), SrtpReceiver(profile, key, salt)


def voice(sequence: int, ssrc: int = 5) -> bytes:
    return RtpPacket(111, sequence & 0xFFFF, sequence * 960, ssrc, b"voice").serialize()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_what_is_protected_comes_out_again(profile: SrtpProfile) -> None:
    sender, receiver = pair(profile)
    protected = sender.protect(voice(1))
    assert b"voice" not in protected
    assert receiver.unprotect(protected) == voice(1)
    report = ReceiverReport(5).serialize()
    assert receiver.unprotect_rtcp(sender.protect_rtcp(report)) == report


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_forged_replayed_and_foreign_packets_are_refused(profile: SrtpProfile) -> None:
    sender, receiver = pair(profile)
    protected = sender.protect(voice(1))
    for forged in (protected[:-1] + bytes([protected[-1] ^ 1]), voice(1), b"", bytes(40)):
        with pytest.raises(RtpError):
            receiver.unprotect(forged)
    receiver.unprotect(protected)
    with pytest.raises(RtpError, match="replay"):
        receiver.unprotect(protected)
    with pytest.raises(RtpError):
        receiver.unprotect_rtcp(bytes(24))


@pytest.mark.parametrize(
    ("suite", "rtp", "rtcp"),
    [
        ("AES_CM_128_HMAC_SHA1_80", 10, 14),
        ("AES_CM_128_HMAC_SHA1_32", 4, 14),
        ("AEAD_AES_128_GCM", 16, 20),
        ("AEAD_AES_256_GCM", 16, 20),
    ],
)
def test_a_suite_of_sdp_adds_the_octets_of_its_rfc(suite: str, rtp: int, rtcp: int) -> None:
    sender, _ = pair(SrtpProfile.of_suite(suite))
    assert len(sender.protect(voice(1))) == len(voice(1)) + rtp
    report = ReceiverReport(5).serialize()
    assert len(sender.protect_rtcp(report)) == len(report) + rtcp


def with_mki(protected: bytes, mki: bytes, tag: int) -> bytes:
    end = len(protected) - tag
    return protected[:end] + mki + protected[end:]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_the_identifier_of_a_master_key_is_taken_off(profile: SrtpProfile) -> None:
    key, salt = bytes(range(profile.key_length)), bytes(range(profile.salt_length))
    sender, receiver = pair(profile)[0], SrtpReceiver(profile, key, salt, b"\x00\x01")
    rtp_tag, rtcp_tag = profile.tag_lengths
    identified = with_mki(sender.protect(voice(1)), b"\x00\x01", rtp_tag)
    with pytest.raises(RtpError):
        pair(profile)[1].unprotect(identified)
    assert receiver.unprotect(identified) == voice(1)
    report = ReceiverReport(5).serialize()
    identified = with_mki(sender.protect_rtcp(report), b"\x00\x01", rtcp_tag)
    assert receiver.unprotect_rtcp(identified) == report
    with pytest.raises(RtpError):
        receiver.unprotect(with_mki(sender.protect(voice(2)), b"\x00\x02", rtp_tag))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_who_names_an_identifier_and_leaves_it_out_is_understood(profile: SrtpProfile) -> None:
    key, salt = bytes(range(profile.key_length)), bytes(range(profile.salt_length))
    protected = pair(profile)[0].protect(voice(1))
    end = len(protected) - profile.tag_lengths[0]
    like_it = protected[end - 1 : end]  # by chance
    for mki in (b"\x00\x01\x02", like_it):
        assert SrtpReceiver(profile, key, salt, mki).unprotect(protected) == voice(1)


def test_a_packet_longer_than_any_network_carries_is_refused() -> None:
    sender, receiver = pair(SrtpProfile.AEAD_AES_128_GCM)
    for size in (1501, 1700, 65507):
        with pytest.raises(RtpError, match="too long"):
            receiver.unprotect(bytes([0x80]) + bytes(size - 1))
    longest = RtpPacket(111, 1, 960, 5, bytes(1488)).serialize()
    assert len(sender.protect(longest)) == 1516


def test_the_private_names_of_pylibsrtp_are_there() -> None:
    policy = pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND)
    assert pylibsrtp.Session(policy)._srtp[0]
    for name in ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp"):
        assert callable(getattr(_binding.lib, name))
    assert pylibsrtp.ERRORS[_binding.lib.srtp_err_status_ok] == "nothing to report"


def test_one_packet_a_second_keeps_the_rollover_counter() -> None:
    """A copy that is mostly dropped unread can be taken over after the sequence has wrapped."""
    sender, receiver = pair(SrtpProfile.AEAD_AES_128_GCM)
    for sequence in range(0, 3 * 65536, 50):
        assert receiver.unprotect(sender.protect(voice(sequence))) == voice(sequence)
    assert receiver.unprotect(sender.protect(voice(3 * 65536))) == voice(3 * 65536)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_source_whose_numbers_have_wrapped_before_it_is_heard_is_understood(
    profile: SrtpProfile,
) -> None:
    """It has spoken before there were keys, or before its first packets arrived."""
    sender, receiver = pair(profile)
    lost, late, *heard = (sender.protect(voice(number)) for number in range(65530, 65560))
    assert lost not in heard
    stranger, _ = pair(profile)
    forged = stranger.protect(voice(65536 + 7))[:-1] + b"?"
    with pytest.raises(RtpError):
        receiver.unprotect(forged)
    for number, packet in enumerate(heard[10:], 65542):
        assert receiver.unprotect(packet) == voice(number)
    assert receiver.unprotect(late) == voice(65531)
    with pytest.raises(RtpError, match="replay"):
        receiver.unprotect(heard[12])


def test_of_very_many_sources_those_are_forgotten_that_were_heard_longest_ago() -> None:
    """They would all be looked through at each packet."""
    sender, receiver = pair(SrtpProfile.AES128_CM_SHA1_80)
    first, second, report = voice(1, ssrc=1), voice(1, ssrc=2), ReceiverReport(1).serialize()
    first, second = sender.protect(first), sender.protect(second)
    receiver.unprotect(first)
    receiver.unprotect(second)
    for ssrc in range(3, MOST_SOURCES + 2):
        receiver.unprotect(sender.protect(voice(1, ssrc)))
        receiver.unprotect_rtcp(sender.protect_rtcp(report))
    with pytest.raises(RtpError, match="replay"):
        receiver.unprotect(first)
    assert receiver.unprotect(second) == voice(1, ssrc=2)
