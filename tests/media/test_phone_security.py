"""A phone's media under SRTP with keys from SDP: real packets both ways, and forged ones."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from audiocodecs.g711 import PCMA as A_LAW
from audiocodecs.tones import tone
from gateway.errors import RtpError
from gateway.media.messages import Direction, Payload, PhoneKeys, PhoneMedia
from gateway.media.phone_leg import PhoneLeg
from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import ReceiverReport, ReportBlock, parse_compound
from gateway.rtp.srtp import SrtpProfile, SrtpReceiver, SrtpSender
from tests.helpers.listening import share_of

PHONE, ELSEWHERE, STRANGER = ("192.0.2.1", 4000), ("198.51.100.9", 31000), ("203.0.113.5", 6000)
PCMA, EVENT = Payload(8, "PCMA", 8000), Payload(101, "TELEPHONE-EVENT", 8000)
SUITES = [
    "AES_CM_128_HMAC_SHA1_80",
    "AES_CM_128_HMAC_SHA1_32",
    "AEAD_AES_128_GCM",
    "AEAD_AES_256_GCM",
]
K80 = SUITES[0]

each_suite = pytest.mark.parametrize("suite", SUITES)


def key_of(suite: str, octet: int) -> bytes:
    profile = SrtpProfile.of_suite(suite)
    return bytes([octet]) * (profile.key_length + profile.salt_length)


def agreed(suite: str, *, local: int = 1, remote: int = 2) -> PhoneMedia:
    keys = PhoneKeys(suite, key_of(suite, local), key_of(suite, remote))
    return PhoneMedia(PHONE, None, PHONE[0], (PCMA, EVENT), keys=keys)


@dataclass
class Phone:
    """The other end: it protects with `remote` and opens with `local` of the same keys."""

    keys: PhoneKeys
    ssrc: int = 5
    sequence: int = 65530
    timestamp: int = 0
    sender: SrtpSender = field(init=False)
    receiver: SrtpReceiver = field(init=False)

    def __post_init__(self) -> None:
        profile = SrtpProfile.of_suite(self.keys.suite)
        size = profile.key_length
        self.sender = SrtpSender(profile, self.keys.remote[:size], self.keys.remote[size:])
        self.receiver = SrtpReceiver(profile, self.keys.local[:size], self.keys.local[size:])

    def plain(self, payload: bytes = b"\xd5" * 160) -> bytes:
        """Its next packet, before it is protected."""
        self.sequence += 1
        self.timestamp += 160
        return RtpPacket(8, self.sequence & 0xFFFF, self.timestamp, self.ssrc, payload).serialize()

    def packet(self, payload: bytes = b"\xd5" * 160) -> bytes:
        return self.sender.protect(self.plain(payload))


def pair(suite: str = K80) -> tuple[PhoneLeg, Phone]:
    media = agreed(suite)
    assert media.keys is not None
    return PhoneLeg(media, 0.0), Phone(media.keys)


@each_suite
def test_a_phone_is_heard_and_hears(suite: str) -> None:
    leg, phone = pair(suite)
    spoken = tone([1000.0], 0.6, rate=8000)
    heard, sent = [], []
    for number in range(30):
        frame = A_LAW.encode(spoken[160 * number : 160 * (number + 1)])
        leg.receive(phone.packet(frame), PHONE, 0.02 * number)
        heard.append(leg.pull(0.02 * number + 0.001))
        sent += leg.push(frame)
    assert share_of(1000.0, np.concatenate(heard[10:]), 8000) > 0.9
    opened = [RtpPacket.parse(phone.receiver.unprotect(packet)) for packet in sent]
    assert [packet.payload for packet in opened] == [
        A_LAW.encode(spoken[160 * number : 160 * (number + 1)]) for number in range(30)
    ]


@each_suite
def test_reports_go_both_ways(suite: str) -> None:
    leg, phone = pair(suite)
    (packet,) = leg.push(A_LAW.encode(tone([1000.0], 0.02, rate=8000)))
    ours = RtpPacket.parse(phone.receiver.unprotect(packet)).ssrc
    block = ReportBlock(ours, 64, 1, 0, 0, 0, 0)
    report = ReceiverReport(5, (block,)).serialize()
    leg.receive_rtcp(report, PHONE, 1.0)
    assert leg.sent().lost == 0
    leg.receive_rtcp(phone.sender.protect_rtcp(report), PHONE, 1.0)
    assert leg.sent().lost == 1
    due = leg.rtcp(5.0)
    assert due is not None
    assert parse_compound(phone.receiver.unprotect_rtcp(due[0]))[0].ssrc == ours
    goodbye = leg.goodbye()
    assert goodbye is not None
    assert phone.receiver.unprotect_rtcp(goodbye[0])


def after_a_wrap(suite: str = K80) -> tuple[PhoneLeg, Phone, list[bytes]]:
    """A phone whose sequence numbers have wrapped, and its first packets."""
    leg, phone = pair(suite)
    first = [phone.packet() for _ in range(10)]
    for number, packet in enumerate(first):
        leg.receive(packet, PHONE, 0.02 * number)
    assert leg.received().packets == 10
    return leg, phone, first


@each_suite
def test_a_phone_that_begins_anew_with_its_key_after_an_offer_is_heard(suite: str) -> None:
    leg, phone, _ = after_a_wrap(suite)
    anew = Phone(phone.keys, sequence=40000, timestamp=9_000_000)
    spoken = tone([1000.0], 1.0, rate=8000)

    def speak(begin: float) -> list[np.ndarray]:
        heard = []
        for number in range(50):
            frame = A_LAW.encode(spoken[160 * number : 160 * (number + 1)])
            leg.receive(anew.packet(frame), ELSEWHERE, begin + 0.02 * number)
            heard.append(leg.pull(begin + 0.02 * number + 0.001))
        return heard

    speak(1500.0)
    assert leg.received().packets == 10  # nothing has been agreed on anew
    leg.negotiated(replace(agreed(suite), direction=Direction.INACTIVE), 1501.0)
    leg.negotiated(agreed(suite), 3000.0)
    heard = speak(3001.0)
    assert share_of(1000.0, np.concatenate(heard[15:]), 8000) > 0.9
    assert leg.latched == ELSEWHERE


def test_a_phone_that_goes_on_after_an_offer_is_not_mistaken_for_one_that_begins_anew() -> None:
    leg, phone, first = after_a_wrap()
    leg.negotiated(agreed(K80), 1.0)
    leg.receive(phone.packet(), PHONE, 1.0)
    for packet in first:  # somebody repeats what he has recorded
        leg.receive(packet, STRANGER, 1.1)
    assert (leg.received().packets, leg.received().discarded) == (11, 10)
    assert leg.latched == PHONE


def test_what_is_repeated_before_the_phone_goes_on_does_not_silence_it() -> None:
    leg, phone, first = after_a_wrap()
    leg.negotiated(agreed(K80), 1.0)
    leg.receive(first[0], STRANGER, 1.0)
    before = leg.received().packets
    for number in range(5):
        leg.receive(phone.packet(), PHONE, 1.1 + 0.02 * number)
    assert leg.received().packets == before + 5
    assert leg.latched == PHONE


def test_what_is_not_the_phones_is_dropped_and_counted() -> None:
    leg, phone = pair()
    good = phone.packet()
    forged = good[:-1] + bytes([good[-1] ^ 1])
    other = Phone(PhoneKeys(K80, key_of(K80, 1), key_of(K80, 9)))
    for data in (phone.plain(), forged, other.packet(), bytes(30), b"\x80"):
        leg.receive(data, PHONE, 0.0)
    leg.receive_rtcp(phone.sender.protect_rtcp(ReceiverReport(5).serialize())[:-1], PHONE, 0.0)
    assert leg.latched is None
    assert (leg.received().packets, leg.received().discarded) == (0, 6)
    leg.receive(good, PHONE, 0.0)
    leg.receive(good, STRANGER, 0.1)  # who has only listened on the line
    assert (leg.received().packets, leg.received().discarded) == (1, 7)
    assert leg.latched == PHONE


def test_a_phone_that_moves_is_followed_at_its_first_packet() -> None:
    leg, phone = pair()
    leg.receive(phone.packet(), PHONE, 0.0)
    late = phone.packet()
    leg.receive(phone.packet(), ELSEWHERE, 0.04)
    assert leg.destination == ELSEWHERE
    leg.receive(late, PHONE, 0.05)  # overtaken: heard, and no reason to move back
    assert leg.destination == ELSEWHERE
    assert leg.received().packets == 3


def test_the_same_keys_agreed_on_again_go_on_although_numbers_have_wrapped() -> None:
    leg, phone = pair()
    for number in range(10):
        leg.receive(phone.packet(), PHONE, 0.02 * number)
    assert phone.sequence > 65535
    leg.negotiated(agreed(K80), 1.0)
    leg.receive(phone.packet(), PHONE, 1.0)
    assert leg.received().packets == 11


def test_packets_of_the_former_key_are_heard_until_the_new_one_is_used() -> None:
    leg, phone = pair()
    leg.receive(phone.packet(), PHONE, 0.0)
    before, after = phone.packet(), phone.packet()
    media = agreed(K80, local=3, remote=4)
    assert media.keys is not None
    leg.negotiated(media, 0.03)
    leg.receive(before, PHONE, 0.04)
    assert leg.received().packets == 2
    anew = Phone(media.keys, sequence=phone.sequence, timestamp=phone.timestamp)
    leg.receive(anew.packet(), PHONE, 0.08)
    leg.receive(after, PHONE, 0.09)
    assert (leg.received().packets, leg.received().discarded) == (3, 1)
    (packet,) = leg.push(b"\x55" * 160)
    with pytest.raises(RtpError):
        phone.receiver.unprotect(packet)
    assert anew.receiver.unprotect(packet)


def test_encryption_may_begin_and_end_with_an_offer() -> None:
    leg, phone = pair()
    leg.receive(phone.packet(), PHONE, 0.0)
    leg.negotiated(replace(agreed(K80), keys=None), 1.0)
    leg.receive(phone.plain(), PHONE, 1.0)
    (plain,) = leg.push(b"\x55" * 160)
    assert (RtpPacket.parse(plain).payload, leg.received().packets) == (b"\x55" * 160, 2)
    leg.negotiated(agreed(K80), 2.0)
    leg.receive(phone.plain(), PHONE, 2.0)
    assert leg.received().packets == 2
    leg.receive(phone.packet(), PHONE, 2.02)
    assert leg.received().packets == 3
