"""Two endpoints of ours get the same source: one opens its copies, and nothing is lost when that
one loses packets, falls silent or leaves.
"""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from audiocodecs.opus import OpusEncoder
from audiocodecs.tones import tone
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.room_source import RoomSource
from gateway.rtp.packet import RtpPacket
from tests.helpers.examples import at_most
from tests.media.test_bridge_leg import OPUS, Bridge, leg_to

ANN, BEGIN = 5, 200.0
VOICE = tone([440.0], 1.0, rate=48000)[2400:-2400]
SPOKEN = [
    OpusEncoder(48000).encode(np.take(VOICE, range(n * 960, n * 960 + 960), mode="wrap"))
    for n in range(4)
]


@dataclass
class Endpoint:
    """One of ours, with the bridge's end of its connection, and what it has opened."""

    bridge: Bridge = field(default_factory=Bridge)
    opened: list[RtpPacket] = field(default_factory=list)
    leg: BridgeLeg = field(init=False)

    def __post_init__(self) -> None:
        self.leg = leg_to(self.bridge)
        open_packet = self.leg.open

        def opening(data: bytes) -> RtpPacket | None:
            packet = open_packet(data)
            if packet is not None:
                self.opened.append(packet)
            return packet

        self.leg.open = opening  # type: ignore[method-assign]


@dataclass
class Shared:
    """A source that endpoints share."""

    endpoints: list[Endpoint] = field(default_factory=lambda: [Endpoint(), Endpoint()])
    source: RoomSource = field(default_factory=lambda: RoomSource(ANN, "ann", BEGIN, rates=(8000,)))
    quiet: int = 0  # frames in which nothing was heard after something was

    def copy(self, number: int, to: int, *, after: float = 0.0) -> None:
        """Packet `number` of the source comes to one of the endpoints."""
        endpoint = self.endpoints[to]
        packet = RtpPacket(OPUS, number & 0xFFFF, number * 960, ANN, SPOKEN[number % 4])
        data = endpoint.bridge.rtp(packet)
        self.source.receive(endpoint.leg, data, BEGIN + number * 0.02 + after)

    def tick(self, number: int, *, heard: bool = True) -> None:
        self.source.fader.move(is_open=heard)
        frame = self.source.pull(8000, BEGIN + number * 0.02 + 0.017)
        self.quiet += frame is None

    def opened(self, of: int) -> list[int]:
        return [packet.sequence for packet in self.endpoints[of].opened]


def test_one_endpoint_opens_its_copies_and_the_other_one_a_second() -> None:
    shared = Shared()
    for number in range(500):
        shared.copy(number, number % 2, after=0.001)
        shared.copy(number, 1 - number % 2, after=0.003)
        shared.tick(number)
    assert shared.opened(0) == list(range(500))
    assert 9 <= len(shared.opened(1)) <= 12
    heard = shared.source.heard()
    assert (heard.packets, heard.lost, heard.late) == (500, 0, 0)
    assert heard.concealed == 0


@at_most(30)
@given(st.sets(st.integers(10, 180), max_size=25), st.booleans())
@example({99, 100}, True)  # one of them is opened for the rollover counter
def test_what_one_copy_lacks_is_taken_from_the_other(lost: set[int], carrier_first: bool) -> None:
    shared = Shared()
    for number in range(200):
        order = (0, 1) if carrier_first else (1, 0)
        for to, after in zip(order, (0.001, 0.004), strict=True):
            if to == 1 or number not in lost:
                shared.copy(number, to, after=after)
        shared.tick(number)
    report = shared.source.heard()
    # A long run of losses looks as if the carrier had gone: the other becomes it.
    assert report.concealed == 0
    assert report.late == 0


def test_when_the_carrier_falls_silent_or_leaves_nothing_is_lost() -> None:
    for leaves in (False, True):
        shared = Shared()
        for number in range(200):
            if number < 100:
                shared.copy(number, 0, after=0.001)
            if number == 100 and leaves:
                shared.source.leave(shared.endpoints[0].leg)
            shared.copy(number, 1, after=0.002)
            shared.tick(number)
        assert shared.source.carrier is shared.endpoints[1].leg
        report = shared.source.heard()
        assert (report.concealed, report.late) == (0, 0)
        assert report.packets in (199, 200)  # one may have been opened for the counter alone
        assert shared.quiet <= 3  # the first frames, until there is something to play


def test_two_to_which_hardly_anything_comes_show_that_the_carrier_is_gone() -> None:
    shared = Shared([Endpoint() for _ in range(3)])
    for number in range(100):
        shared.copy(number, 0)
    shared.copy(104, 1)  # the first that it gets is opened for the counter alone
    shared.copy(109, 2)
    assert shared.source.carrier is shared.endpoints[2].leg


def test_it_is_taken_over_after_its_numbers_have_wrapped_twice() -> None:
    shared = Shared()
    wrapped = 2 * 65536
    # Most of the way a packet of 25 comes, which is enough for numbers to wrap.
    for number in [*range(0, wrapped - 1000, 25), *range(wrapped - 1000, wrapped + 200)]:
        if number < wrapped:
            shared.copy(number, 0, after=0.001)
        if number % 25 == 0 or number >= wrapped - 100:  # the others are as good as dropped unread
            shared.copy(number, 1, after=0.002)
        shared.tick(number, heard=number > wrapped - 100)
    assert len(shared.opened(1)) < 200 + wrapped / 49
    # The buffer is at its shortest, so the packet that showed that the carrier is gone is missed.
    assert shared.source.heard().gap <= 20
    assert shared.endpoints[1].leg.undecodable == 0


def test_forged_copies_neither_take_over_nor_hide_true_ones() -> None:
    shared = Shared()
    stranger = Endpoint()
    stranger.leg = shared.endpoints[1].leg
    forger = Bridge()
    for number in range(200):
        shared.copy(number, 0, after=0.001)
        if number % 3 == 0:
            for ahead in (1, 50):
                packet = RtpPacket(OPUS, number, (number + ahead) * 960, ANN, b"forged")
                data = bytearray(forger.rtp(packet))
                data[-1] ^= 1
                shared.source.receive(shared.endpoints[1].leg, bytes(data), BEGIN + number * 0.02)
        shared.copy(number, 1, after=0.002)
        shared.tick(number)
    assert shared.source.carrier is shared.endpoints[0].leg
    report = shared.source.heard()
    assert (report.packets, report.lost, report.concealed) == (200, 0, 0)
