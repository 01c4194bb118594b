"""Rules 33 to 37: what the lab's videobridge demands of a client, and what it does with audio."""

from dataclasses import dataclass, field

import pytest
from aioice import stun
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.lab.bridge_endpoint import BridgeEndpoint, BridgeTimers
from gateway.lab.endpoint_feedback import BridgeMediaOffer, Negotiated
from gateway.lab.faults import Faults
from gateway.lab.ice import ControllingAgent, IceState
from gateway.lab.media_gate import MediaGate
from gateway.lab.videobridge import LabVideobridge
from gateway.rtp import red
from gateway.rtp.packet import RtpPacket, pack_extensions, unpack_extensions
from gateway.rtp.rtcp import (
    GenericNack,
    ReceiverReport,
    SenderReport,
    parse_compound,
)
from gateway.rtp.srtp import SrtpProfile
from gateway.rtp.transport_cc import TransportFeedback
from gateway.webrtc import dtls
from gateway.webrtc.dtls import DtlsEndpoint, DtlsIdentity, Role

HOME = ("192.0.2.1", 4000)
SSRC = 77


@dataclass
class Client:
    """A scripted client of one bridge endpoint; every rule can be broken on purpose."""

    violations: list[tuple[int, str]] = field(default_factory=list)
    media: list[RtpPacket] = field(default_factory=list)
    reports: list[SenderReport] = field(default_factory=list)
    ufrag: str = "clnt"
    pwd: str = "p" * 22
    now: float = 100.0
    negotiated: Negotiated = field(default_factory=Negotiated)

    def __post_init__(self) -> None:
        self.endpoint = BridgeEndpoint(
            9999,
            BridgeMediaOffer(frozenset({111, 126}), 1, red=112, transport_cc_id=7),
            violation=lambda rule, what: self.violations.append((rule, what)),
            on_media=self.media.append,
            on_report=self.reports.append,
            find_cached=self._cached,
            timers=BridgeTimers(),
            negotiated=self.negotiated,
        )
        self.endpoint.gate.ssrcs = frozenset({SSRC})
        self.identity = DtlsIdentity()
        self.dtls: DtlsEndpoint | None = None
        self.received: list[bytes] = []

    def _cached(self, ssrc: int, sequence: int) -> RtpPacket | None:
        return self.endpoint.gate.cached(ssrc, sequence)

    @property
    def rules(self) -> set[int]:
        return {rule for rule, _ in self.violations}

    def answer(self, setup: str = "active", fingerprint: str | None = None) -> None:
        """What the session-accept tells the bridge."""
        value = fingerprint or self.identity.fingerprint()
        self.endpoint.connect(
            ufrag=self.ufrag,
            pwd=self.pwd,
            fingerprint=("sha-256", value),
            setup=setup,
            now=self.now,
        )

    def check(self, **changes) -> stun.Message:
        """A connectivity check, right unless told otherwise."""
        agent = self.endpoint.agent
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        request.attributes["USERNAME"] = changes.get("username", f"{agent.ufrag}:{self.ufrag}")
        request.attributes["PRIORITY"] = 1
        request.attributes[changes.get("role", "ICE-CONTROLLED")] = 1
        request.add_message_integrity(changes.get("pwd", agent.pwd).encode())
        if changes.get("fingerprint") is False:
            del request.attributes["FINGERPRINT"]
        self.endpoint.receive(bytes(request), changes.get("source", HOME), self.now)
        return request

    def exchange(self) -> None:
        """Answer what the bridge sends until it has nothing more to send."""
        for _ in range(40):
            outgoing = self.endpoint.take_outgoing()
            if not outgoing:
                return
            for data, address in outgoing:
                assert address == HOME
                self._take(data)

    def _take(self, data: bytes) -> None:
        if data[0] <= 3:
            message = stun.parse_message(data)
            if message.message_class == stun.Class.REQUEST:
                assert message.check_message_integrity(self.pwd.encode())
                response = stun.Message(
                    stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id
                )
                response.attributes["XOR-MAPPED-ADDRESS"] = HOME
                response.add_message_integrity(self.pwd.encode())
                self.endpoint.receive(bytes(response), HOME, self.now)
        elif self.dtls is not None and self.dtls.keys is None:
            self.dtls.receive(data)
            for datagram in self.dtls.datagrams_to_send():
                self.endpoint.receive(datagram, HOME, self.now)
        else:
            self.received.append(data)

    def connect(self, setup: str = "active", **dtls_options) -> None:
        """Everything up to the keys, as a right client does it."""
        role = Role.CLIENT if setup == "active" else Role.SERVER
        known = (("sha-256", self.endpoint.identity.fingerprint()),)
        self.dtls = DtlsEndpoint(self.identity, role, known, **dtls_options)
        self.answer(setup)
        self.check()
        self.exchange()
        if role is Role.CLIENT:
            self.dtls.start()
            for datagram in self.dtls.datagrams_to_send():
                self.endpoint.receive(datagram, HOME, self.now)
        self.exchange()

    def say(self, packet: RtpPacket) -> None:
        assert self.dtls
        assert self.dtls.keys
        self.endpoint.receive(self.dtls.keys.sender.protect(packet.serialize()), HOME, self.now)

    def tell(self, *packets) -> None:
        assert self.dtls
        assert self.dtls.keys
        compound = b"".join(packet.serialize() for packet in packets)
        protected = self.dtls.keys.sender.protect_rtcp(compound)
        self.endpoint.receive(protected, HOME, self.now)

    def heard(self) -> list[RtpPacket]:
        self.exchange()
        assert self.dtls
        assert self.dtls.keys
        packets = []
        for data in self.received:
            if not 192 <= data[1] <= 223:
                packets.append(RtpPacket.parse(self.dtls.keys.receiver.unprotect(data)))
        self.received.clear()
        return packets

    def reports_heard(self) -> list:
        self.exchange()
        assert self.dtls
        assert self.dtls.keys
        packets = []
        for data in self.received:
            if 192 <= data[1] <= 223:
                packets += parse_compound(self.dtls.keys.receiver.unprotect_rtcp(data))
        self.received.clear()
        return packets


def voice(sequence: int, *, level: int | None = 20, ssrc: int = SSRC, pt: int = 111) -> RtpPacket:
    extension = (0, b"") if level is None else pack_extensions({1: bytes([level]), 5: b"\0\1"})
    return RtpPacket(pt, sequence & 0xFFFF, 960 * sequence, ssrc, b"opus", extension=extension)


def test_a_right_client_breaks_no_rule() -> None:
    client = Client()
    client.connect()
    assert client.endpoint.connected
    client.say(voice(1))
    client.tell(SenderReport(SSRC, 1, 1, 1, 4))
    assert [packet.sequence for packet in client.media] == [1]
    assert client.violations == []


def test_rule_33_the_bridge_is_controlling_and_learns_the_address_from_the_checks() -> None:
    client = Client()
    client.check()
    client.answer()
    client.exchange()
    assert client.endpoint.agent.state is IceState.CONNECTED
    assert client.endpoint.agent.peer == HOME


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": "someone:else"},
        {"pwd": "wrong-password-of-22-chars"},
        {"fingerprint": False},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_rule_33_a_check_that_is_not_authentic_is_ignored(wrong: dict) -> None:
    client = Client()
    client.answer()
    client.check(**wrong)
    assert client.endpoint.take_outgoing() == []
    assert client.rules == {33}


def test_rule_33_a_client_that_wants_to_control_is_told_of_the_conflict() -> None:
    client = Client()
    client.answer()
    client.check(role="ICE-CONTROLLING")
    [(data, _)] = client.endpoint.take_outgoing()
    assert stun.parse_message(data).attributes["ERROR-CODE"][0] == 487


def test_rule_33_once_it_has_chosen_an_address_checks_from_others_are_forbidden() -> None:
    client = Client()
    client.connect()
    for source, error in ((HOME, None), ((HOME[0], HOME[1] + 1), 403)):
        client.check(source=source)
        [(data, address)] = client.endpoint.take_outgoing()
        assert (address, stun.parse_message(data).error_code) == (source, error)
    assert client.violations == []


def test_rule_33_consent_is_asked_for_the_whole_call_and_its_loss_ends_the_endpoint() -> None:
    client = Client()
    client.connect()
    for _ in range(100):
        client.now += 1.0
        client.endpoint.handle_timer(client.now)
        client.exchange()
    assert client.endpoint.agent.consents >= 5
    assert client.endpoint.failed is None
    for _ in range(200):
        client.now += 0.5
        client.endpoint.handle_timer(client.now)
        client.endpoint.take_outgoing()  # the client does not answer any more
    assert client.endpoint.failed


def test_rule_33_junk_is_no_stun_and_no_error() -> None:
    agent = ControllingAgent()
    agent.receive(b"\0\1junk", HOME, 0.0)
    assert agent.outgoing == []


def test_rule_33_damaged_stun_is_no_error_either() -> None:
    priority_of_one_octet = b"\0\x24\0\1\xff\0\0\0"
    damaged = b"\0\1\0\x08\x21\x12\xa4\x42" + b"x" * 12 + priority_of_one_octet
    client = Client()
    client.answer()
    client.endpoint.receive(damaged, HOME, client.now)
    assert client.endpoint.take_outgoing() == []
    bridge = LabVideobridge(lambda *_: None, lambda *_: None)
    bridge.datagram_received(damaged, HOME)
    assert bridge.clients == 0


@pytest.mark.parametrize("setup", ["active", "passive"])
def test_rule_34_both_dtls_roles_work(setup: str) -> None:
    client = Client()
    client.connect(setup)
    assert client.endpoint.connected
    client.say(voice(1))
    assert len(client.media) == 1


def test_rule_34_gcm_is_preferred_and_the_older_profile_is_accepted() -> None:
    first, second = Client(), Client()
    first.connect()
    second.connect(profiles=(SrtpProfile.AES128_CM_SHA1_80,))
    assert first.dtls
    assert first.dtls.keys
    assert first.dtls.keys.profile is SrtpProfile.AEAD_AES_128_GCM
    assert second.endpoint.connected


def test_rule_34_a_fingerprint_that_does_not_match_fails() -> None:
    client = Client()
    client.identity = DtlsIdentity()
    other = DtlsIdentity().fingerprint()
    client.answer(fingerprint=other)
    client.check()
    client.exchange()
    known = (("sha-256", client.endpoint.identity.fingerprint()),)
    client.dtls = DtlsEndpoint(client.identity, Role.CLIENT, known)
    client.dtls.start()
    for datagram in client.dtls.datagrams_to_send():
        client.endpoint.receive(datagram, HOME, client.now)
    client.exchange()
    assert client.endpoint.failed
    assert client.rules == {34}


def test_rule_34_an_rsa_certificate_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    key = rsa.generate_private_key(65537, 2048)
    client.identity.key = key  # type: ignore[assignment]
    client.identity.certificate = dtls.generate_certificate(key)  # type: ignore[arg-type]
    monkeypatch.setattr(dtls, "_CIPHERS", b"ALL")
    client.connect()
    assert client.endpoint.failed
    assert client.rules == {34}


def test_rule_34_a_handshake_may_take_thirty_seconds() -> None:
    client = Client()
    client.answer()
    client.check()
    client.exchange()
    for _ in range(31):
        client.now += 1.0
        client.endpoint.handle_timer(client.now)
        client.exchange()
    assert client.endpoint.failed
    assert (34, "the DTLS handshake took longer than 30 s") in client.violations


@pytest.mark.parametrize(
    "packet",
    [voice(1, pt=0), voice(1, ssrc=5), voice(1, level=None)],
    ids=["payload type", "SSRC", "no audio level"],
)
def test_rule_35_audio_that_was_not_agreed_on_is_a_violation(packet: RtpPacket) -> None:
    client = Client()
    client.connect()
    client.say(packet)
    assert client.rules == {35}


def test_rule_35_replayed_and_forged_packets_are_dropped() -> None:
    client = Client()
    client.connect()
    assert client.dtls
    assert client.dtls.keys
    protected = client.dtls.keys.sender.protect(voice(1).serialize())
    client.endpoint.receive(protected, HOME, client.now)
    client.endpoint.receive(protected, HOME, client.now)
    client.endpoint.receive(protected[:-1] + b"\0", HOME, client.now)
    assert len(client.media) == 1
    assert client.rules == {35}


def gate() -> tuple[MediaGate, list[tuple[int, str]]]:
    violations: list[tuple[int, str]] = []
    made = MediaGate(frozenset({111}), 1, lambda rule, what: violations.append((rule, what)))
    made.ssrcs = frozenset({SSRC})
    return made, violations


def test_rule_35_silence_is_discarded_from_the_fifth_packet_on_and_masked() -> None:
    made, _ = gate()
    levels = [20, 127, 127, 127, 127, 127, 127, 20, 20]
    passed = [made.admit(voice(n, level=level)) for n, level in enumerate(levels, start=65530)]
    forwarded = [packet for packet in passed if packet]
    assert [packet is not None for packet in passed] == [True] * 5 + [False] * 2 + [True] * 2
    sequences = [packet.sequence for packet in forwarded]
    assert sequences == [65530, 65531, 65532, 65533, 65534, 65535, 0]
    assert forwarded[5].timestamp - forwarded[4].timestamp == 3 * 960


def test_rule_35_who_is_force_muted_is_not_heard() -> None:
    made, _ = gate()
    made.force_muted = True
    assert made.admit(voice(1)) is None
    assert made.admit(voice(2, level=None)) is not None  # known only by its level
    made.force_muted = False
    assert made.admit(voice(3))


def test_rule_36_other_extensions_are_stripped_and_real_losses_stay() -> None:
    made, _ = gate()
    first, second = made.admit(voice(1)), made.admit(voice(4))
    assert first
    assert second
    assert unpack_extensions(first.extension) == {1: b"\x14"}
    assert (first.ssrc, first.payload_type, first.payload) == (SSRC, 111, b"opus")
    assert second.sequence - first.sequence == 3


def test_rule_36_faults_are_the_same_for_the_same_seed() -> None:
    def run(seed: int) -> list[int]:
        faults = Faults(loss=0.2, duplicate=0.2, reorder=0.2, seed=seed)
        return [p.sequence for n in range(200) for p in faults.carry(voice(n), "client")]

    assert run(1) == run(1) != run(2)
    assert run(1) != sorted(run(1))
    assert len(set(run(1))) < 190


def test_rule_37_the_bridge_reports_twice_a_second_from_its_own_ssrc() -> None:
    client = Client()
    client.connect()
    client.say(voice(1))
    for _ in range(100):
        client.now += 0.02
        client.endpoint.handle_timer(client.now)
    reports = [r for r in client.reports_heard() if isinstance(r, ReceiverReport)]
    assert 4 <= len(reports) <= 5
    assert {report.ssrc for report in reports} == {9999}
    assert reports[-1].blocks[0].ssrc == SSRC


def test_rule_37_a_lost_packet_is_sent_again_on_request() -> None:
    client = Client()
    client.connect()
    for sequence in range(5):
        client.say(voice(sequence))
    client.tell(GenericNack(SSRC, SSRC, (3,)))
    assert [packet.sequence for packet in client.heard()] == [3]


@pytest.mark.parametrize("makes_good", [False, True])
async def test_rule_37_the_bridge_keeps_audio_to_send_again_only_if_it_is_told_to(
    makes_good: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge = LabVideobridge(
        lambda rule, who, what: None,
        lambda room, endpoint: None,
        faults=Faults(makes_good=makes_good),
    )
    await bridge.start("127.0.0.1")
    try:
        bridge.allocate("room", "1a2b3c4d")
        client = bridge.client("room", "1a2b3c4d")
        sent: list[int] = []
        monkeypatch.setattr(client, "send", lambda packet: sent.append(packet.sequence))
        speak = bridge.add_speaker("room", "ann", lambda packet: None)
        for sequence in range(3):
            speak(RtpPacket(111, sequence, 960 * sequence, 0x1234, b"opus"))
        client._retransmit(GenericNack(SSRC, 0x1234, (1,)))
        assert sent == ([0, 1, 2, 1] if makes_good else [0, 1, 2])
    finally:
        await bridge.close()


def test_rule_37_a_lost_packet_is_asked_for_once() -> None:
    client = Client()
    client.connect()
    for sequence in (0, 1, 4, 5, 6):
        client.say(voice(sequence))
    nacks = [report for report in client.reports_heard() if isinstance(report, GenericNack)]
    assert nacks == [GenericNack(9999, SSRC, (2, 3))]
    client.say(voice(2))
    client.say(voice(3))
    assert [packet.sequence for packet in client.media] == [0, 1, 4, 5, 6, 2, 3]
    assert client.violations == []


def red_voice(sequence: int) -> RtpPacket:
    blocks = [red.Block(111, 960, b"before"), red.Block(111, 0, b"opus")]
    return voice(sequence, pt=112)._replace(payload=red.serialize(blocks))


def test_rule_35_redundancy_is_for_those_it_was_offered_to() -> None:
    knows, does_not = Client(negotiated=Negotiated(red=True)), Client()
    for client in (knows, does_not):
        client.connect()
        client.say(red_voice(1))
    assert [packet.payload_type for packet in knows.media] == [112]
    assert (knows.violations, does_not.rules, does_not.media) == ([], {35}, [])


def test_rule_36_who_has_not_negotiated_redundancy_gets_the_packet_itself() -> None:
    knows, does_not = Client(negotiated=Negotiated(red=True)), Client()
    for client in (knows, does_not):
        client.connect()
        client.endpoint.send(red_voice(1))
    assert [(packet.payload_type, packet.payload) for packet in does_not.heard()] == [
        (111, b"opus")
    ]
    assert [packet.payload for packet in knows.heard()] == [red_voice(1).payload]


def test_rule_36_redundancy_that_cannot_be_taken_out_is_dropped() -> None:
    client = Client()
    client.connect()
    client.endpoint.send(red_voice(1)._replace(payload=b"\xef"))
    client.endpoint.send(red_voice(2))
    assert [packet.sequence for packet in client.heard()] == [2]


def numbered(sequence: int, number: int) -> RtpPacket:
    extension = pack_extensions({1: b"\x14", 7: number.to_bytes(2)})
    return voice(sequence)._replace(extension=extension)


def test_rule_37_feedback_is_for_those_who_negotiated_it() -> None:
    client = Client(negotiated=Negotiated(transport_cc=True))
    client.connect()
    for sequence in range(40):
        if sequence != 7:
            client.now += 0.02
            client.say(numbered(sequence, 0xFFF8 + sequence & 0xFFFF))
            client.endpoint.handle_timer(client.now)
    told = [report for report in client.reports_heard() if isinstance(report, TransportFeedback)]
    assert len(told) >= 3
    assert sum(feedback.lost for feedback in told) == 1
    for sequence in range(3):
        client.endpoint.send(voice(sequence, ssrc=5))
    numbers = [unpack_extensions(packet.extension)[7] for packet in client.heard()]
    assert [int.from_bytes(number) for number in numbers] == [0, 1, 2]
    client.tell(TransportFeedback(SSRC, 9999, 0, 1, 1, (1, None)))
    assert (client.endpoint.feedback.feedbacks, client.endpoint.feedback.told_lost) == (1, 1)
    assert client.violations == []
    client.say(voice(40))
    assert client.rules == {37}


@pytest.mark.parametrize("wrong", ["number", "feedback"])
def test_rule_37_feedback_nobody_negotiated_is_wrong(wrong: str) -> None:
    client = Client()
    client.connect()
    if wrong == "number":
        client.say(numbered(1, 1))
    else:
        client.tell(TransportFeedback(SSRC, 9999, 0, 1, 1, (1,)))
    assert client.rules == {37}


def test_rule_37_who_sends_must_report_within_five_seconds() -> None:
    client = Client()
    client.connect()
    for sequence in range(300):
        client.now += 0.02
        client.say(voice(sequence))
    assert client.rules == {37}
    quiet = Client()
    quiet.connect()
    for sequence in range(1000):
        quiet.now += 0.02
        quiet.say(voice(sequence))
        if sequence % 100 == 0:
            quiet.tell(SenderReport(SSRC, 1, 1, 1, 1))
    assert quiet.violations == []


def test_rule_37_a_report_of_another_source_is_none() -> None:
    client = Client()
    client.connect()
    for sequence in range(300):
        client.now += 0.02
        client.say(voice(sequence))
        if sequence % 100 == 0:
            client.tell(SenderReport(SSRC + 1, 1, 1, 1, 1))
    assert client.rules == {37}
    assert client.reports == []


def test_an_endpoint_without_a_sign_of_life_is_inactive_and_later_expires() -> None:
    client = Client()
    client.connect()
    client.say(voice(1))
    client.endpoint.agent.state = IceState.WAITING  # no consent checks: only silence counts
    client.now += 9
    client.endpoint.handle_timer(client.now)
    assert client.endpoint.inactive == 1
    client.tell(ReceiverReport(SSRC))
    client.now += 61
    client.endpoint.handle_timer(client.now)
    assert client.endpoint.failed == "expired"


def test_an_endpoint_that_nobody_takes_expires_after_two_minutes() -> None:
    client = Client()
    for seconds, failed in ((0, None), (110, None), (130, "never connected")):
        client.endpoint.handle_timer(client.now + seconds)
        assert client.endpoint.failed == failed
    assert client.violations == []


async def test_who_sends_by_the_endpoint_it_had_before_as_well_is_blamed() -> None:
    blamed: list[tuple[int, str]] = []
    bridge = LabVideobridge(
        lambda rule, who, what: blamed.append((rule, who)), lambda room, endpoint: None
    )
    await bridge.start("127.0.0.1")
    try:
        bridge.allocate("room", "1a2b3c4d")
        former = bridge.client("room", "1a2b3c4d")
        bridge.allocate("room", "1a2b3c4d")
        current = bridge.client("room", "1a2b3c4d")
        packet = RtpPacket(111, 1, 960, 0x1234, b"opus")
        former._on_media(packet)  # the new one is not in use yet
        assert blamed == []
        current.received = 1
        current._on_media(packet)
        assert blamed == []
        former._on_media(packet)
        assert blamed == [(30, "1a2b3c4d")]
    finally:
        await bridge.close()
