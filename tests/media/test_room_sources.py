"""A source over a bad network, as a room hears it: redundancy, packets asked for, key presses.

Everything is in media time: a lossy link with a seed carries what a leg, or a browser, sends.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import G711
from audiocodecs.opus import OpusEncoder
from audiocodecs.tones import pulsed as pulsed_tone
from audiocodecs.tones import tone
from gateway.media import messages as m
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.mixing import Mixing
from gateway.media.room_bus import RoomBus
from gateway.media.utterance import Over
from gateway.rtp.packet import RtpPacket
from gateway.rtp.red import RedSender
from gateway.rtp.rtcp import GenericNack, ReceiverReport, ReportBlock, middle, ntp_time
from gateway.rtp.telephone_event import DIGITS, Press
from tests.helpers.examples import at_most
from tests.helpers.link import Link
from tests.media.test_bridge_leg import EVENT, OPUS, RED, Bridge, leg_to

ANN = 5
STEADY = tone([440.0], 1.0, rate=48000)[2400:-2400]
SPEECH = pulsed_tone(440.0, rate=48000)
BEGIN = 200.0


@dataclass(eq=False)
class Ears:
    """A caller who says nothing, and keeps who pressed what."""

    leg: BridgeLeg | None
    pressed_keys: list[tuple[str, Press]] = field(default_factory=list)
    rate = 8000
    own_ssrcs = frozenset[int]()
    listens = False
    law: G711 | None = None

    def next_frame(self, now: float) -> Samples:
        return silence(160)

    def speak(self, level: int) -> bool:
        return False

    def voice(self, rate: int) -> Samples:
        raise AssertionError("it says nothing")

    def announcement(self) -> Samples | None:
        return None

    def speech(self) -> Over | None:
        return None

    def hear(self, heard: bytes | Samples) -> None: ...

    def pressed(self, endpoint: str, press: Press) -> None:
        self.pressed_keys.append((endpoint, press))


@dataclass
class Room:
    """A bus with one caller, and the bridge that sends to it."""

    offered: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bridge = Bridge()
        self.leg = leg_to(self.bridge, telephone_event=m.Payload(EVENT, "X", 8000), **self.offered)
        self.ears = Ears(self.leg)
        self.bus = RoomBus()
        self.bus.join(self.ears)
        self.bus.set_sources(self.ears, (m.Source(ANN, "ann"),), BEGIN)

    def hear(self, arrivals: list[tuple[float, RtpPacket]]) -> m.StreamReport:
        """Let packets arrive, and 20 ms pass 50 times a second, to the end of them."""
        protected = [(at, self.bridge.rtp(packet)) for at, packet in arrivals]
        return self.hear_protected(protected)

    def hear_protected(self, arrivals: list[tuple[float, bytes]]) -> m.StreamReport:
        waiting = list(arrivals)
        for tick in range(round((arrivals[-1][0] - BEGIN) * 50) + 20):
            now = BEGIN + tick * 0.02 + 0.007
            while waiting and waiting[0][0] <= now:
                at, data = waiting.pop(0)
                self.bus.receive(self.leg, data, at)
            self.bus.tick(now, {self.ears: 127}, {8000: Mixing(160)})
        return self.bus.heard()


@cache
def spoken(
    seconds: float, *, red: bool, pulsed: bool = False
) -> tuple[tuple[float, RtpPacket], ...]:
    """A voice as a browser sends it, with RED or without, and when.

    Of a steady tone nothing can be left out, so that delay is not given back.
    """
    encoder, sender = OpusEncoder(48000), RedSender(OPUS)
    encoder.set_loss(0.0)  # without Opus' own FEC: it is RED that is tried
    packets = []
    for number in range(round(seconds * 50)):
        frame = np.take(
            SPEECH if pulsed else STEADY, range(number * 960, number * 960 + 960), mode="wrap"
        )
        plain = encoder.encode(frame)
        redundant = sender.payload(plain, number * 960) if red else None
        packet = RtpPacket(OPUS, number, number * 960, ANN, plain)
        if redundant is not None:
            packet = packet._replace(payload_type=RED, payload=redundant)
        packets.append((BEGIN + number * 0.02, packet))
    return tuple(packets)


def lossy(
    packets: Iterable[tuple[float, RtpPacket]], loss: float, seed: int
) -> list[tuple[float, RtpPacket]]:
    """As they arrive; which are lost depends on the seed alone, not on what is in them."""
    return Link(loss=loss, delay=0.01, jitter=0.004, seed=seed).carry(packets)


RED_OFFERED = {"red": m.Payload(RED, "RED", 48000, 2)}


def test_of_who_is_gone_the_worst_stays_and_what_is_now_is_of_who_is_there() -> None:
    room = Room()
    worst = room.hear(Link(jitter=0.06, seed=1).carry(spoken(5, red=False)))
    assert (worst.jitter_now, worst.delay_now) == (worst.jitter, worst.delay)
    assert worst.jitter > 5 and worst.delay > 20
    room.bus.set_sources(room.ears, (), BEGIN + 6)
    kept = room.bus.heard()
    assert (kept.jitter_now, kept.delay_now) == (0.0, 0.0)
    assert (kept.jitter, kept.delay) == (worst.jitter, worst.delay)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_red_a_lossy_network_leaves_fewer_and_shorter_holes(seed: int) -> None:
    plain = Room().hear(lossy(spoken(20, red=False), 0.10, seed))
    red = Room(RED_OFFERED).hear(lossy(spoken(20, red=True), 0.10, seed))
    assert red.lost == plain.lost > 60  # the same packets
    assert plain.recovered == 0
    assert red.recovered > 0.75 * red.lost
    assert red.concealed < 0.3 * plain.concealed
    assert red.gap < plain.gap
    assert red.late <= 0.02 * 1000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_few_losses_are_made_good_without_more_delay(seed: int) -> None:
    plain = Room().hear(lossy(spoken(20, red=False, pulsed=True), 0.01, seed))
    red = Room(RED_OFFERED).hear(lossy(spoken(20, red=True, pulsed=True), 0.01, seed))
    assert red.lost == plain.lost >= 5
    assert red.concealed < 0.35 * plain.concealed
    assert red.delay == pytest.approx(plain.delay, abs=1)


def test_red_on_a_clean_network_changes_nothing() -> None:
    plain, red = Room(), Room(RED_OFFERED)
    plain_report = plain.hear(lossy(spoken(5, red=False), 0.0, 1))
    red_report = red.hear(lossy(spoken(5, red=True), 0.0, 1))
    assert (red_report.recovered, red_report.duplicate, red_report.concealed) == (0, 0, 0)
    assert red_report.delay == pytest.approx(plain_report.delay)


@at_most(30)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_red_that_is_damaged_is_counted(payloads: list[bytes]) -> None:
    room = Room(RED_OFFERED)
    report = room.hear(
        [
            (BEGIN + 0.02 * n, RtpPacket(RED, n, n * 960, ANN, payload))
            for n, payload in enumerate(payloads)
        ]
    )
    assert report.packets == len(payloads)
    assert report.discarded <= 10 * len(payloads)


# Packets asked for.


def tell_round_trip(room: Room, seconds: float) -> None:
    """The bridge reports so that the leg knows how far away it is."""
    now = BEGIN
    block = ReportBlock(room.leg.ssrc, 0, 0, 0, 0, middle(ntp_time(now - seconds)), 0)
    room.leg.receive_rtcp(room.bridge.rtcp(ReceiverReport(9999, (block,))), (), now)
    assert room.leg.round_trip == pytest.approx(seconds * 1000, abs=1)


def requests(room: Room) -> list[int]:
    nacks = [report for report in room.bridge.reports if isinstance(report, GenericNack)]
    assert {nack.ssrc for nack in nacks} <= {ANN}
    return [sequence for nack in nacks for sequence in nack.sequences]


def held_up(lost: set[int]) -> list[tuple[float, RtpPacket]]:
    """Ten seconds over a network that stalls twice a second: the buffer has become deep."""
    return [
        (BEGIN + 0.02 * max(packet.sequence, packet.sequence // 25 * 25 + 4), packet)
        for _, packet in spoken(10, red=False)
        if packet.sequence not in lost
    ]


def test_a_lost_packet_is_asked_for_once_if_the_answer_comes_in_time() -> None:
    room = Room()
    tell_round_trip(room, 0.010)
    room.hear(held_up({310, 360, 410, 411}))
    assert requests(room) == [310, 360, 410, 411]


def test_nobody_is_asked_for_what_would_come_too_late_or_is_too_much() -> None:
    far, unknown, outage = Room(), Room(), Room()
    tell_round_trip(far, 0.400)
    tell_round_trip(outage, 0.010)
    far.hear(held_up({310, 360}))
    unknown.hear(held_up({310, 360}))
    steady = [packet for packet in spoken(10, red=False) if not 300 <= packet[1].sequence < 340]
    outage.hear(steady)
    assert requests(far) == requests(unknown) == requests(outage) == []


def test_what_red_has_brought_is_not_asked_for() -> None:
    room = Room(RED_OFFERED)
    tell_round_trip(room, 0.001)
    room.hear([packet for packet in spoken(5, red=True) if packet[1].sequence % 10])
    assert requests(room) == []


def test_the_answer_fills_the_hole() -> None:
    lost = set(range(110, 500, 25))
    reports = []
    for answered in (False, True):
        room = Room()
        tell_round_trip(room, 0.010)
        packets = {packet.sequence: packet for _, packet in spoken(10, red=False)}
        protected = {number: room.bridge.rtp(packet) for number, packet in packets.items()}
        waiting = [(at, protected[packet.sequence]) for at, packet in held_up(lost)]
        for tick in range(520):
            now = BEGIN + tick * 0.02 + 0.007
            while waiting and waiting[0][0] <= now:
                at, data = waiting.pop(0)
                before = len(requests(room))
                room.bus.receive(room.leg, data, at)
                if answered:
                    again = [protected[n] for n in requests(room)[before:] if n in lost]
                    waiting = sorted([*waiting, *((at + 0.010, data) for data in again)])
            room.bus.tick(now, {room.ears: 127}, {8000: Mixing(160)})
        reports.append(room.bus.heard())
    without, with_answers = reports
    assert (without.lost, without.concealed) == (len(lost), 20 * len(lost))
    assert (with_answers.lost, with_answers.concealed) == (0, 0)


# Key presses.


def pressing(digits: str, *, held: int = 8, pause: int = 5) -> list[tuple[float, RtpPacket]]:
    """A browser that speaks, then presses keys on the SSRC it speaks with, then speaks again."""
    sent: list[tuple[float, RtpPacket]] = []
    plain = [packet.payload for _, packet in spoken(1, red=False)]
    sequence = frame = 0

    def send(payload_type: int, payload: bytes, timestamp: int) -> None:
        nonlocal sequence
        packet = RtpPacket(payload_type, sequence, timestamp, ANN, payload)
        sent.append((BEGIN + frame * 0.02, packet))
        sequence += 1

    def speak(frames: int) -> None:
        nonlocal frame
        for _ in range(frames):
            send(OPUS, plain[frame % len(plain)], frame * 960)
            frame += 1

    speak(25)
    for digit in digits:
        start, code = frame * 960, DIGITS.index(digit)
        for step in range(1, held + 1):
            flags = 0x8A if step == held else 0x0A
            for _ in range(3 if step == held else 1):
                send(EVENT, struct.pack("!BBH", code, flags, step * 160), start)
            frame += 1
        speak(pause)
    speak(25)
    return sent


def test_a_press_in_the_conference_is_told_once_with_its_owner() -> None:
    room = Room()
    report = room.hear(pressing("12#"))
    assert [(who, press.digit) for who, press in room.ears.pressed_keys] == [
        ("ann", "1"),
        ("ann", "2"),
        ("ann", "#"),
    ]
    assert all(press.duration == pytest.approx(0.16) for _, press in room.ears.pressed_keys)
    # The audio of the same SSRC has lost nothing.
    assert (report.lost, report.late, report.concealed) == (0, 0, 0)


@at_most(40)
@given(st.text("0123456789*#", min_size=1, max_size=5), st.integers(0, 1000))
def test_each_press_is_told_once_over_a_bad_network(digits: str, seed: int) -> None:
    room = Room()
    room.hear(Link(loss=0.1, duplicate=0.1, jitter=0.030, seed=seed).carry(pressing(digits)))
    assert "".join(press.digit for _, press in room.ears.pressed_keys) == digits


def test_presses_of_somebody_the_focus_has_not_named_are_nobody_s() -> None:
    room = Room()
    room.bus.set_sources(room.ears, (), BEGIN)
    room.hear(pressing("1"))
    assert room.ears.pressed_keys == []
