"""What a leg sends to the videobridge: levels, redundancy, numbers, and packets sent again."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from audiocodecs.frames import Samples
from audiocodecs.frames import audio_level as sound_level
from audiocodecs.tones import tone
from gateway.media import messages as m
from gateway.media.bridge_leg import BridgeLeg
from gateway.rtp import red
from gateway.rtp.packet import RtpPacket, audio_level, unpack_extensions
from gateway.rtp.rtcp import GenericNack, ReceiverReport, ReportBlock, parse_compound
from gateway.rtp.srtp import SrtpProfile, SrtpReceiver, SrtpSender
from gateway.rtp.transport_cc import TransportFeedback

PROFILE, KEY, SALT = SrtpProfile.AEAD_AES_128_GCM, b"k" * 16, b"s" * 12
BACK = (b"b" * 16, b"t" * 12)  # what the bridge protects with
OWN, BRIDGE, OTHER = 77, 9999, 5
OPUS, RED, EVENT = 109, 63, 101
LEVEL, TRANSPORT_CC = 3, 5
VOICE = np.tile(tone([440.0], 0.02, rate=8000), 1)


@dataclass
class Bridge:
    """A bridge's end of the connection; it opens everything it gets."""

    datagrams: list[bytes] = field(default_factory=list)
    packets: list[RtpPacket] = field(default_factory=list)
    reports: list = field(default_factory=list)
    is_wanted = True

    def __post_init__(self) -> None:
        self._protects = SrtpSender(PROFILE, KEY, SALT)
        self._opens = SrtpReceiver(PROFILE, KEY, SALT)
        self._answers = SrtpSender(PROFILE, *BACK)

    def send_rtp(self, packet: bytes) -> None:
        self.datagrams.append(self._protects.protect(packet))
        self.packets.append(RtpPacket.parse(packet))

    def send_rtcp(self, packet: bytes) -> None:
        self.reports += parse_compound(
            self._opens.unprotect_rtcp(self._protects.protect_rtcp(packet))
        )

    def want_rtp(self, wanted: bool) -> None:
        self.is_wanted = wanted

    def rtcp(self, *packets) -> bytes:
        return self._answers.protect_rtcp(b"".join(packet.serialize() for packet in packets))

    def rtp(self, packet: RtpPacket) -> bytes:
        return self._answers.protect(packet.serialize())


def leg_to(bridge: Bridge, **offered) -> BridgeLeg:
    offer = m.BridgeOffer(
        session="s",
        ufrag="",
        pwd="",
        fingerprints=(),
        setup="actpass",
        candidates=(),
        opus=m.Payload(OPUS, "OPUS", 48000, 2),
        audio_level_id=LEVEL,
        ssrc=OWN,
        bridge_ssrc=BRIDGE,
        **offered,
    )
    receiver = SrtpReceiver(PROFILE, *BACK)
    return BridgeLeg(offer, bridge, receiver, 100.0, bitrate=24000, complexity=1)


def with_red(bridge: Bridge) -> BridgeLeg:
    return leg_to(bridge, red=m.Payload(RED, "RED", 48000, 2))


def say(leg: BridgeLeg, *frames: Samples | None) -> None:
    for frame in frames:
        leg.send(frame, 127 if frame is None else sound_level(frame))


NOTHING = [None] * 60


@pytest.mark.parametrize("offered", [{}, {"red": m.Payload(RED, "RED", 48000, 2)}])
def test_a_talk_spurt_ends_with_packets_that_say_so_and_then_nothing_is_sent(
    offered: dict,
) -> None:
    bridge = Bridge()
    leg = leg_to(bridge, **offered)
    say(leg, VOICE, VOICE, *NOTHING, VOICE, VOICE)
    *tail, again, last = bridge.packets[2:]
    # Discontinuous transmission: two packets without audio end what is sent (RFC 7587 3.1.3).
    assert [len(packet.payload) <= 2 for packet in tail[-3:]] == [False, True, True]
    assert 5 < len(tail) <= 25
    # Every packet states its level; the bridge discards what is said to be digital silence.
    levels = [audio_level(packet, LEVEL) for packet in bridge.packets]
    assert levels[2:-2] == [126] * len(tail)
    assert all(level is not None and level < 40 for level in levels[:2] + levels[-2:])
    # Only speech is called speech: a bridge repeats nothing else, if it protects what it forwards.
    extensions = [unpack_extensions(packet.extension)[LEVEL] for packet in bridge.packets]
    assert [element[0] >= 0x80 for element in extensions] == [True] * 2 + [False] * len(tail) + [
        True
    ] * 2
    # The first after the silence is marked, follows in number, and says how long it was.
    assert [packet.marker for packet in bridge.packets[1:]].count(True) == 1
    assert again.marker
    assert (again.sequence - tail[-1].sequence) & 0xFFFF == 1
    assert (again.timestamp - bridge.packets[1].timestamp) & 0xFFFFFFFF == 61 * 960
    assert (last.timestamp - again.timestamp) & 0xFFFFFFFF == 960


def test_who_has_not_spoken_yet_sends_nothing() -> None:
    bridge = Bridge()
    say(leg_to(bridge), *NOTHING)
    assert bridge.packets == []


def test_nothing_from_before_a_pause_is_repeated_after_it() -> None:
    bridge = Bridge()
    leg = with_red(bridge)
    say(leg, VOICE, VOICE, *NOTHING, VOICE, VOICE)
    assert [packet.payload_type for packet in bridge.packets[:2]] == [OPUS, RED]
    assert [packet.payload_type for packet in bridge.packets[-2:]] == [OPUS, RED]
    assert {packet.payload_type for packet in bridge.packets[2:-2]} == {OPUS}


def test_time_without_a_path_is_told_by_the_timestamp_and_nothing_older_is_repeated() -> None:
    bridge = Bridge()
    leg = with_red(bridge)
    say(leg, VOICE)
    leg.absent(3.0)
    say(leg, VOICE)
    before, after = bridge.packets
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 960 + 3 * 48000
    assert after.sequence == before.sequence + 1
    assert (after.marker, after.payload_type) == (True, OPUS)


def test_with_red_a_packet_repeats_the_one_before_it() -> None:
    bridge = Bridge()
    leg = with_red(bridge)
    say(leg, *[VOICE] * 4)
    assert [packet.payload_type for packet in bridge.packets] == [OPUS, RED, RED, RED]
    said = [bridge.packets[0].payload]
    for packet in bridge.packets[1:]:
        repeated, own = red.parse(packet.payload)
        assert (repeated.payload_type, own.payload_type) == (OPUS, OPUS)
        assert repeated.offset == 960
        assert repeated.payload == said[-1]
        said.append(own.payload)


def loss(fraction: float) -> ReceiverReport:
    return ReceiverReport(BRIDGE, (ReportBlock(OWN, round(fraction * 256), 0, 0, 0, 0, 0),))


def test_two_packets_are_repeated_while_the_bridge_loses_many() -> None:
    bridge = Bridge()
    leg = with_red(bridge)
    blocks = []
    for reported in (0.0, 0.15, 0.08, 0.02):
        leg.receive_rtcp(bridge.rtcp(loss(reported)), (), 101.0)
        say(leg, *[VOICE] * 3)
        blocks.append(len(red.parse(bridge.packets[-1].payload)))
    assert blocks == [2, 3, 3, 2]


def test_a_packet_asked_for_is_sent_again_octet_by_octet_and_at_most_twice() -> None:
    bridge = Bridge()
    leg = leg_to(bridge)
    say(leg, *[VOICE] * 60)
    sent, sequences = list(bridge.datagrams), [packet.sequence for packet in bridge.packets]
    bridge.datagrams.clear()
    for now in (101.0, 101.1, 101.2):
        nack = GenericNack(BRIDGE, OWN, (sequences[-5], sequences[-4], sequences[0]))
        leg.receive_rtcp(bridge.rtcp(nack), (), now)
    # What is older than a second is gone.
    assert bridge.datagrams == [sent[-5], sent[-4]] * 2
    assert leg.feedback.cache.repeated == 4


def test_a_request_about_another_source_is_not_for_us() -> None:
    bridge = Bridge()
    leg = leg_to(bridge)
    say(leg, VOICE)
    bridge.datagrams.clear()
    leg.receive_rtcp(
        bridge.rtcp(GenericNack(BRIDGE, OTHER, (bridge.packets[0].sequence,))), (), 101.0
    )
    assert bridge.datagrams == []


def test_packets_are_numbered_for_the_transport_only_if_that_was_negotiated() -> None:
    for number, expected in ((None, [None] * 3), (TRANSPORT_CC, [0, 1, 2])):
        bridge = Bridge()
        leg = leg_to(bridge, transport_cc_id=number)
        say(leg, *[VOICE] * 3)
        elements = [unpack_extensions(packet.extension) for packet in bridge.packets]
        numbers = [element.get(TRANSPORT_CC) for element in elements]
        assert [n if n is None else int.from_bytes(n) for n in numbers] == expected
        assert all(LEVEL in element for element in elements)


def arrivals(bridge: Bridge, leg: BridgeLeg, numbers: dict[int, float]) -> None:
    for place, (number, now) in enumerate(numbers.items()):
        extension = (0xBEDE, bytes([TRANSPORT_CC << 4 | 1, *number.to_bytes(2), 0]))
        packet = RtpPacket(OPUS, place, 0, OTHER, b"x", extension=extension)
        leg.feedback.arrived(bridge.rtp(packet), now)


def test_arrivals_are_told_every_100_ms_only_if_that_was_negotiated() -> None:
    numbers = {n: 101 + 0.02 * n for n in range(50) if n % 10}
    bridge = Bridge()
    arrivals(bridge, leg_to(bridge), numbers)
    assert bridge.reports == []
    leg = leg_to(bridge, transport_cc_id=TRANSPORT_CC)
    arrivals(bridge, leg, numbers)
    leg.feedback.tell_arrivals(102.5)
    assert all(isinstance(report, TransportFeedback) for report in bridge.reports)
    assert {report.ssrc for report in bridge.reports} == {BRIDGE}
    assert 8 <= len(bridge.reports) <= 11
    assert sum(report.lost for report in bridge.reports) == 4
    assert sum(len(report.arrivals) for report in bridge.reports) == 49


def test_what_the_bridge_tells_about_arrivals_is_counted() -> None:
    bridge = Bridge()
    leg = leg_to(bridge, transport_cc_id=TRANSPORT_CC)
    told = TransportFeedback(BRIDGE, OWN, 0, 1, 0, (3, None, None, 5))
    leg.receive_rtcp(bridge.rtcp(told), (), 101.0)
    assert leg.feedback.counter.reported_lost == 2
