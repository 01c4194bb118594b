"""DTLS-SRTP with a phone on one port: a path is checked, hands are shaken, media is opened."""

from dataclasses import replace

import pytest
from aioice import stun

from gateway.errors import RtpError
from gateway.media.messages import Address, Fingerprint, Payload, PhoneDtls, PhoneIce, PhoneMedia
from gateway.media.phone_leg import PhoneLeg
from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import parse_compound
from gateway.webrtc.dtls import DailyIdentity, DtlsEndpoint, DtlsIdentity, Role
from tests.webrtc.test_dtls import BEYOND_ITS_MESSAGE
from tests.webrtc.test_ice_lite import OURS, check

PHONE, OTHER, STRANGER = ("192.0.2.9", 50000), ("192.0.2.9", 50001), ("203.0.113.5", 6000)
OTHERWHERE = ("203.0.113.6", 6001)
PCMA = Payload(8, "PCMA", 8000)
GATEWAY, IDENTITY = DtlsIdentity(), DtlsIdentity()


class Phone:
    """The other end of DTLS, and what it sends."""

    def __init__(self, role: Role = Role.CLIENT, identity: DtlsIdentity = IDENTITY) -> None:
        known = (("sha-256", GATEWAY.fingerprint()),)
        self.dtls = DtlsEndpoint(identity, role, known)
        self._sequence = 0

    def packet(self) -> bytes:
        assert self.dtls.keys is not None
        self._sequence += 1
        plain = RtpPacket(8, self._sequence, 160 * self._sequence, 5, b"\xd5" * 160)
        return self.dtls.keys.sender.protect(plain.serialize())

    def shake_hands(self, leg: PhoneLeg, at: Address = PHONE) -> None:
        """Carry datagrams both ways until there are no more."""
        self.dtls.start()
        busy = True
        while busy:
            out = self.dtls.datagrams_to_send()
            for datagram in out:
                leg.security.receive_other(datagram, at)
            back = leg.security.datagrams_to_send()
            for datagram, destination in back:
                if destination == at and 20 <= datagram[0] <= 63:
                    self.dtls.receive(datagram)
            busy = bool(out or back)


def media(
    *, ice: PhoneIce | None = OURS, setup: str = "passive", identity: DtlsIdentity = IDENTITY
) -> PhoneMedia:
    dtls = PhoneDtls((Fingerprint("sha-256", identity.fingerprint()),), setup, ice)
    remote = None if ice is not None else PHONE
    return PhoneMedia(remote, None, "192.0.2.9", (PCMA,), dtls=dtls, rtcp_mux=True)


def leg_of(agreed: PhoneMedia) -> PhoneLeg:
    return PhoneLeg(agreed, 0.0, identity=GATEWAY)


def nominate(leg: PhoneLeg, at: Address = PHONE) -> None:
    leg.security.receive_other(check(nominates=True), at)


@pytest.mark.parametrize("ice", [OURS, None], ids=["ice", "no ice"])
@pytest.mark.parametrize(("ours", "theirs"), [("passive", Role.CLIENT), ("active", Role.SERVER)])
def test_hands_are_shaken_and_both_hear_each_other(
    ice: PhoneIce | None, ours: str, theirs: Role
) -> None:
    leg, phone = leg_of(media(ice=ice, setup=ours)), Phone(theirs)
    assert leg.push(b"\x55" * 160) == []  # not before there are keys
    assert leg.rtcp(9.0) is leg.goodbye() is None
    if ice is not None:
        nominate(leg)
    phone.shake_hands(leg)
    leg.receive(phone.packet(), PHONE, 1.0)
    assert leg.received().packets == 1
    assert leg.destination == leg.latched == PHONE
    (packet,) = leg.push(b"\x55" * 160)
    assert phone.dtls.keys is not None
    assert RtpPacket.parse(phone.dtls.keys.receiver.unprotect(packet)).payload == b"\x55" * 160
    report = leg.rtcp(9.0)
    assert report is not None and report[1] == PHONE
    assert parse_compound(phone.dtls.keys.receiver.unprotect_rtcp(report[0]))
    leg.security.close()
    for datagram, _ in leg.security.datagrams_to_send():
        phone.dtls.receive(datagram)
    assert phone.dtls.closed


def test_a_phone_that_waits_to_be_checked_is_until_hands_are_shaken() -> None:
    """FreeSWITCH does not begin before, though we say a=ice-lite."""
    leg, phone = leg_of(media()), Phone()

    def checks_of_ours(role: str = "ICE-CONTROLLING") -> int:
        leg.security.receive_other(check(role=role, nominates=True), PHONE)
        sent = leg.security.datagrams_to_send()
        assert all(destination == PHONE for _, destination in sent)
        messages = [stun.parse_message(data) for data, _ in sent if data[0] <= 3]
        return sum(message.message_class is stun.Class.REQUEST for message in messages)

    assert checks_of_ours("ICE-CONTROLLED") == 0  # whom we tell to change its role
    assert checks_of_ours() == checks_of_ours() == 1
    phone.shake_hands(leg)
    assert checks_of_ours() == 0


def test_a_port_for_rtcp_that_nobody_has_shaken_hands_on_gets_nothing() -> None:
    leg, phone = leg_of(replace(media(ice=None), rtcp_mux=False)), Phone()
    phone.shake_hands(leg)
    leg.receive(phone.packet(), PHONE, 1.0)
    assert len(leg.push(b"\x55" * 160)) == leg.received().packets == 1
    assert leg.rtcp(9.0) is leg.goodbye() is None


def test_media_goes_to_the_nominated_path_wherever_it_comes_from() -> None:
    leg, phone = leg_of(media()), Phone()
    nominate(leg)
    phone.shake_hands(leg)
    leg.receive(phone.packet(), OTHER, 1.0)
    assert leg.received().packets == 1
    assert leg.destination == PHONE
    nominate(leg, OTHER)
    assert leg.destination == OTHER


def test_plain_packets_are_dropped_before_and_after() -> None:
    leg, phone = leg_of(media()), Phone()
    plain = RtpPacket(8, 1, 160, 5, b"\xd5" * 160).serialize()
    leg.receive(plain, PHONE, 0.0)
    nominate(leg)
    phone.shake_hands(leg)
    leg.receive(plain, PHONE, 0.0)
    assert (leg.received().packets, leg.received().discarded) == (0, 2)


@pytest.mark.parametrize(
    "agreed", [media(), media(ice=None, setup="active")], ids=["with ice", "where we begin"]
)
def test_a_stranger_gets_no_handshake(agreed: PhoneMedia) -> None:
    leg, stranger = leg_of(agreed), Phone()
    leg.security.datagrams_to_send()
    stranger.shake_hands(leg, STRANGER)
    assert stranger.dtls.keys is None
    assert leg.received().discarded == 1


def test_a_phone_behind_a_nat_is_whoever_has_its_certificate() -> None:
    leg, phone = leg_of(media(ice=None)), Phone()
    other = Phone(identity=DtlsIdentity())
    other.shake_hands(leg, OTHERWHERE)
    phone.shake_hands(leg, STRANGER)
    leg.receive(phone.packet(), STRANGER, 1.0)
    assert leg.received().packets == len(leg.push(b"\x55" * 160)) == 1
    assert leg.destination == STRANGER
    other.shake_hands(leg, OTHERWHERE)
    Phone().shake_hands(leg)
    leg.negotiated(media(ice=None), 2.0)  # a hold
    leg.receive(phone.packet(), STRANGER, 2.0)
    assert leg.received().packets == 2
    leg.security.close()
    assert [at for _, at in leg.security.datagrams_to_send()] == [STRANGER]


def test_who_is_where_the_phone_says_it_is_needs_no_luck() -> None:
    leg, phone, stranger = leg_of(media(ice=None)), Phone(), Phone(identity=DtlsIdentity())
    for dtls, at in ((stranger.dtls, STRANGER), (phone.dtls, PHONE)):
        dtls.start()
        for datagram in dtls.datagrams_to_send():
            leg.security.receive_other(datagram, at)
    answers = [(data, at) for data, at in leg.security.datagrams_to_send() if at == PHONE]
    stranger.shake_hands(leg, OTHERWHERE)  # it is late
    for data, _ in answers:
        phone.dtls.receive(data)
    phone.shake_hands(leg)
    assert phone.dtls.keys is not None


def test_only_so_many_strangers_are_answered() -> None:
    leg = leg_of(media(ice=None))
    answered = 0
    for port in range(1000, 1020):
        stranger = Phone(identity=DtlsIdentity())
        stranger.dtls.start()
        for datagram in stranger.dtls.datagrams_to_send():
            leg.security.receive_other(datagram, (STRANGER[0], port))
        answered += bool(leg.security.datagrams_to_send())
    assert answered == 5
    phone = Phone()
    phone.shake_hands(leg)
    assert phone.dtls.keys is not None


def test_a_certificate_that_was_not_signalled_does_not_spoil_the_phones_handshake() -> None:
    leg = leg_of(media(ice=None))
    other = Phone(identity=DtlsIdentity())
    other.shake_hands(leg)
    with pytest.raises(RtpError):
        leg.security.open(other.packet(), is_rtcp=False)
    phone = Phone()
    phone.shake_hands(leg)
    leg.receive(phone.packet(), PHONE, 1.0)
    assert leg.received().packets == 1


def test_a_fragment_beyond_its_message_does_not_spoil_the_phones_handshake() -> None:
    leg, phone = leg_of(media(ice=None)), Phone()
    leg.security.receive_other(BEYOND_ITS_MESSAGE, PHONE)
    phone.shake_hands(leg)
    assert leg.security.is_on


def test_a_hold_goes_on_with_the_association_and_another_certificate_begins_a_new_one() -> None:
    leg, phone = leg_of(media()), Phone()
    nominate(leg)
    phone.shake_hands(leg)
    leg.receive(phone.packet(), PHONE, 1.0)
    leg.negotiated(media(), 2.0)
    leg.receive(phone.packet(), PHONE, 2.0)
    assert leg.received().packets == 2
    identity = DtlsIdentity()
    leg.negotiated(media(identity=identity), 3.0)
    leg.receive(phone.packet(), PHONE, 3.0)
    assert leg.received().packets == 2
    phone.dtls = DtlsEndpoint(identity, Role.CLIENT, (("sha-256", GATEWAY.fingerprint()),))
    phone.shake_hands(leg)
    leg.receive(phone.packet(), PHONE, 3.0)
    assert leg.received().packets == 3


@pytest.mark.parametrize("ice", [OURS, None], ids=["ice", "no ice"])
def test_a_phone_may_shake_hands_anew_and_is_heard_by_the_old_keys_meanwhile(
    ice: PhoneIce | None,
) -> None:
    """Asterisk does, after every offer/answer, and says nothing until we have answered."""
    leg, before, phone = leg_of(media(ice=ice)), Phone(), Phone()
    if ice is not None:
        nominate(leg)
    before.shake_hands(leg)
    leg.negotiated(media(ice=ice), 1.0)
    phone.dtls.start()
    for datagram in phone.dtls.datagrams_to_send():
        leg.security.receive_other(datagram, PHONE)
    leg.receive(before.packet(), PHONE, 1.1)
    for datagram, _ in leg.security.datagrams_to_send():
        phone.dtls.receive(datagram)
    phone.shake_hands(leg)
    leg.receive(phone.packet(), PHONE, 1.2)
    assert leg.received().packets == 2
    (packet,) = leg.push(b"\x55" * 160)
    assert phone.dtls.keys is not None
    assert RtpPacket.parse(phone.dtls.keys.receiver.unprotect(packet)).payload == b"\x55" * 160


def test_where_we_began_a_phone_that_has_forgotten_is_asked_anew() -> None:
    """So does Asterisk with `dtls_setup = passive`."""
    leg, phone = leg_of(media(ice=None, setup="active")), Phone(Role.SERVER)
    phone.shake_hands(leg)
    leg.negotiated(media(ice=None, setup="active"), 1.0)
    leg.receive(phone.packet(), PHONE, 1.1)
    phone.shake_hands(leg)  # takes no notice
    leg.receive(phone.packet(), PHONE, 1.2)
    leg.negotiated(media(ice=None, setup="active"), 2.0)
    forgetful = Phone(Role.SERVER)
    forgetful.shake_hands(leg)
    leg.receive(forgetful.packet(), PHONE, 2.1)
    assert leg.received().packets == 3


def test_a_handshake_anew_that_comes_to_nothing_changes_nothing() -> None:
    leg, phone = leg_of(media()), Phone()
    nominate(leg)
    phone.shake_hands(leg)
    for _ in range(9):
        Phone(identity=DtlsIdentity()).shake_hands(leg)
    leg.receive(phone.packet(), PHONE, 1.0)
    assert leg.received().packets == len(leg.push(b"\x55" * 160)) == 1
    leg.negotiated(media(), 1.0)
    for turn in range(9):  # what succeeds does not count
        again = Phone()
        again.shake_hands(leg)
        leg.receive(again.packet(), PHONE, 1.1)
        assert leg.received().packets == 2 + turn


def test_a_first_flight_that_comes_late_begins_nothing() -> None:
    leg, phone = leg_of(media(ice=None)), Phone()
    phone.dtls.start()
    flight = phone.dtls.datagrams_to_send()
    for datagram in flight:
        leg.security.receive_other(datagram, PHONE)
    for datagram, _ in leg.security.datagrams_to_send():
        phone.dtls.receive(datagram)
    phone.shake_hands(leg)
    leg.security.receive_other(flight[0], PHONE)
    assert leg.security.datagrams_to_send() == []


def test_a_lost_flight_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    repeated: list[bool] = []
    monkeypatch.setattr(
        DtlsEndpoint, "handle_timeout", lambda endpoint: repeated.append(endpoint.keys is None)
    )
    leg, phone = leg_of(media()), Phone()
    leg.security.handle_timeout()
    nominate(leg)
    phone.shake_hands(leg)
    leg.security.handle_timeout()
    assert repeated == [True]


def test_an_identity_lasts_a_day() -> None:
    daily = DailyIdentity()
    first = daily.at(5.0)
    assert daily.at(86_000.0) is first
    assert daily.at(90_000.0) is not first
