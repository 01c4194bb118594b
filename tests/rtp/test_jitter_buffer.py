import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtp.jitter_buffer import FRAME, Arrival, Dry, Hold, JitterBuffer, Lost, Play
from gateway.rtp.packet import RtpPacket
from tests.helpers.examples import at_most
from tests.helpers.link import Link

RATE = 8000


def packet(number: int, *, frames: int = 1, sequence: int | None = None) -> RtpPacket:
    """The packet for the given frame number; its payload says which frames it holds."""
    sequence = number // frames if sequence is None else sequence
    return RtpPacket(0, sequence & 0xFFFF, number * 160 & 0xFFFFFFFF, 1, str(number).encode())


@dataclass
class Heard:
    """What a listener got, frame by frame; a number is a frame, a word a gap."""

    frames: list[int | str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    @property
    def numbers(self) -> list[int]:
        return [frame for frame in self.frames if isinstance(frame, int)]

    def longest_gap(self) -> int:
        """In frames, between the first and the last one heard."""
        longest = run = 0
        first = next(i for i, frame in enumerate(self.frames) if isinstance(frame, int))
        for frame in self.frames[first:]:
            run = 0 if isinstance(frame, int) else run + 1
            longest = max(longest, run)
        return longest


def play(
    arrivals: list[tuple[float, RtpPacket]],
    *,
    until: float,
    duration: int = 160,
    phase: float = 0.003,
    quiet: bool = True,
) -> Heard:
    """Tick every 20 ms as the media engine does, and note what comes out."""
    buffer, heard = JitterBuffer(RATE), Heard()
    arrivals = list(arrivals)
    ahead: list[int | str] = []
    tick = phase
    while tick < until:
        while arrivals and arrivals[0][0] <= tick:
            time, arrived = arrivals.pop(0)
            buffer.put(arrived, duration, time)
        if quiet and len(buffer) and buffer.excess(tick, len(ahead) * FRAME) > 1.5 * FRAME:
            buffer.take(tick, len(ahead) * FRAME)  # left out
        if heard.delays and not ahead and buffer.excess(tick, 0.0) < -FRAME:
            ahead = ["stretched"]  # by as much as playout would have within a few frames
        if not ahead:
            match buffer.take(tick):
                case Play(played, length):
                    ahead = [int(played.payload) + i for i in range(length // 160)]
                    heard.delays.append(buffer.delay)
                case Lost():
                    ahead = ["lost"]
                case Dry():
                    ahead = ["dry"]
                case Hold():
                    ahead = ["hold"]
        heard.frames.append(ahead.pop(0))
        tick += FRAME
    return heard


def sent(numbers, *, frames: int = 1) -> list[tuple[float, RtpPacket]]:
    return [(number * FRAME, packet(number, frames=frames)) for number in numbers]


def test_a_steady_stream_is_played_whole_and_soon() -> None:
    heard = play(Link().carry(sent(range(500))), until=10.05, quiet=False)
    assert heard.numbers == list(range(500))
    assert heard.longest_gap() <= 1  # after the end
    assert heard.delays[-1] <= 0.050


def test_delay_that_is_not_needed_is_given_back_in_a_quiet_moment() -> None:
    heard = play(Link().carry(sent(range(500))), until=10.05)
    assert len(heard.numbers) >= 498
    assert heard.delays[-1] < 0.035


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_longer_packets_are_cut_into_frames(frames: int) -> None:
    arrivals = Link().carry(sent(range(0, 300, frames), frames=frames))
    heard = play(arrivals, until=6.2, duration=160 * frames, quiet=False)
    assert heard.numbers == list(range(300))


def test_reordered_and_doubled_packets_are_played_once_in_order() -> None:
    link = Link(jitter=0.030, duplicate=0.3, seed=5)
    heard = play(link.carry(sent(range(1000))), until=20.2)
    assert heard.numbers == sorted(set(heard.numbers))
    assert len(heard.numbers) >= 990


def test_sixty_milliseconds_of_jitter_are_ridden_out() -> None:
    heard = play(Link(jitter=0.060, seed=2).carry(sent(range(3000))), until=60.0)
    assert heard.longest_gap() <= 3
    assert len(heard.numbers) > 0.98 * 3000
    assert len([n for n in heard.numbers if n > 500]) > 0.985 * 2500


@given(seed=st.integers(0, 1000), loss=st.floats(0, 0.3), jitter=st.floats(0, 0.15))
@at_most(25)
def test_whatever_the_link_does_playout_goes_forward_and_stays_near(
    seed: int, loss: float, jitter: float
) -> None:
    link = Link(loss=loss, jitter=jitter, duplicate=0.05, seed=seed)
    heard = play(link.carry(sent(range(600))), until=12.5)
    assert heard.numbers == sorted(set(heard.numbers))
    assert max(heard.delays) <= 0.200 + 0.045
    # Beyond what the link lost, only the start-up and the slowest few in a hundred are missing.
    assert len(heard.numbers) >= 600 * (1 - loss) * 0.93 - 40


def test_a_single_loss_is_named_with_the_packet_behind_it() -> None:
    buffer = JitterBuffer(RATE)
    for number in (0, 1, 3, 4):
        buffer.put(packet(number), 160, number * FRAME)
    taken = [buffer.take(0.035 + number * FRAME) for number in range(4)]
    assert [type(due) for due in taken] == [Play, Play, Lost, Play]
    assert taken[2] == Lost(160, b"3")


def test_a_pause_masked_in_the_sequence_is_not_a_loss() -> None:
    """The bridge discards silence and renumbers: the timestamps tell (RFC 3550 masks nothing)."""
    spoken = [packet(n, sequence=n) for n in range(50)]
    later = [packet(n, sequence=n - 100) for n in range(150, 200)]
    times = [*range(50), *range(150, 200)]
    arrivals = [(n * FRAME, p) for n, p in zip(times, spoken + later, strict=True)]
    heard = play(arrivals, until=4.2, quiet=False)
    assert "lost" not in heard.frames
    assert heard.numbers == times
    first = heard.frames.index(150) - heard.frames.index(49)
    assert first == 101  # the pause lasts as long as it did


def test_delay_grown_under_jitter_is_given_back_when_it_is_quiet() -> None:
    shaken = Link(jitter=0.120, seed=4).carry(sent(range(500)))
    calm = Link().carry(sent(range(500, 1500)))
    heard = play(sorted(shaken + calm, key=lambda arrival: arrival[0]), until=30.2)
    assert max(heard.delays) > 0.100
    assert heard.delays[-1] < 0.060


def test_a_stalled_network_delivers_late_and_playout_recovers() -> None:
    arrivals = [(max(time, 5.4) if 5.0 < time < 5.4 else time, p) for time, p in sent(range(500))]
    heard = play(arrivals, until=10.2, quiet=False)
    assert heard.numbers[-1] == 499
    missing = set(range(500)) - set(heard.numbers)
    assert missing <= set(range(250, 272))


def test_a_route_that_gets_slower_for_good_is_followed() -> None:
    arrivals = [(time + (0.150 if time > 2.0 else 0.0), p) for time, p in sent(range(500))]
    heard = play(arrivals, until=11.0, quiet=False)
    assert heard.numbers == list(range(500))


def test_packets_that_were_overtaken_are_late_however_many_they_are() -> None:
    buffer = JitterBuffer(RATE)
    buffer.put(packet(10), 160, 0.21)
    assert isinstance(buffer.take(0.25), Play)
    for number in range(5, 10):
        assert buffer.put(packet(number), 160, 0.26 + (number - 5) * FRAME) is Arrival.LATE
    assert buffer.put(packet(11), 160, 0.36) is Arrival.STORED
    assert isinstance(buffer.take(0.37), Play)


def test_one_wild_timestamp_is_ignored_and_two_in_a_row_are_followed() -> None:
    buffer = JitterBuffer(RATE)
    for number in range(10):
        buffer.put(packet(number), 160, number * FRAME)
    wild = RtpPacket(0, 10, 0x7000_0000, 1, b"wild")
    assert buffer.put(wild, 160, 0.20) is Arrival.DISCARDED
    assert buffer.put(packet(10), 160, 0.20) is Arrival.STORED
    assert buffer.put(wild, 160, 0.22) is Arrival.DISCARDED
    following = wild._replace(timestamp=wild.timestamp + 160, payload=b"new")
    assert buffer.put(following, 160, 0.24) is Arrival.STORED
    assert isinstance(buffer.take(0.28), Play)


@pytest.mark.parametrize("start", [0, 0xFFFFFF00, 0x7FFFFF00])
def test_the_timestamp_may_wrap(start: int) -> None:
    arrivals = [
        (n * FRAME, RtpPacket(0, n, (start + 160 * n) & 0xFFFFFFFF, 1, str(n).encode()))
        for n in range(100)
    ]
    assert play(arrivals, until=2.1, quiet=False).numbers == list(range(100))


def test_a_phone_that_stops_its_timestamps_while_it_pauses_is_followed() -> None:
    arrivals = [((n if n < 100 else n + 200) * FRAME, packet(n)) for n in range(300)]
    heard = play(arrivals, until=10.2, quiet=False)
    assert heard.numbers[-190:] == list(range(110, 300))


@pytest.mark.parametrize("numbers", [5000, -1000, -20_000])
def test_where_a_phone_numbers_anew_playout_goes_on_waiting_for_what_repairs(numbers: int) -> None:
    """Every fifteenth packet is lost: the target has to cover the one behind it."""
    buffer = JitterBuffer(RATE, recovers=True)
    for number in range(800):
        now = number * FRAME
        if number % 15:
            sent = packet(number)
            if number > 200:  # it has been on hold, say
                sequence, timestamp = sent.sequence + numbers, sent.timestamp - 500_000
                sent = sent._replace(sequence=sequence & 0xFFFF, timestamp=timestamp & 0xFFFFFFFF)
            buffer.put(sent, 160, now)
        buffer.take(now + 0.001)
    assert buffer.target >= FRAME + 0.005


@pytest.mark.parametrize("ahead", [-5000, -1, 1, 50, 5000])
def test_copies_that_are_numbered_otherwise_do_not_keep_playout_from_waiting(ahead: int) -> None:
    """Every 15th packet is lost; one a second comes by another endpoint's copy as well, or only."""
    buffer = JitterBuffer(RATE, recovers=True)
    for number in range(800):
        now = number * FRAME
        if number % 15:
            buffer.put(packet(number), 160, now)
        if number % 50 == 20:
            copy = packet(number)
            copy = copy._replace(sequence=copy.sequence + ahead & 0xFFFF)
            buffer.put(copy, 160, now + 0.001)
        buffer.take(now + 0.002)
    assert buffer.target >= FRAME + 0.005


def test_a_flood_cannot_make_the_buffer_grow() -> None:
    buffer, dice = JitterBuffer(RATE), random.Random(1)
    for _ in range(20_000):
        wild = RtpPacket(0, dice.getrandbits(16), dice.getrandbits(16), 1, b"")
        buffer.put(wild, 160, dice.random())
    assert len(buffer) <= 256


def test_after_a_stall_of_our_own_the_backlog_is_dropped() -> None:
    buffer = JitterBuffer(RATE)
    for number in range(100):
        buffer.put(packet(number), 160, number * FRAME)
    due = buffer.take(100 * FRAME)
    assert isinstance(due, Play)
    assert int(due.packet.payload) >= 96


def test_a_spurt_off_the_old_grid_is_played_at_once() -> None:
    buffer = JitterBuffer(RATE)
    buffer.put(packet(0), 160, 0.0)
    assert isinstance(buffer.take(0.035), Play)
    for tick in range(1, 10):
        assert isinstance(buffer.take(0.035 + tick * FRAME), Dry)
    shifted = RtpPacket(0, 1, 160 * 9 + 90, 1, b"9")
    assert buffer.put(shifted, 160, 0.19) is Arrival.STORED
    assert isinstance(buffer.take(0.035 + 10 * FRAME), Play)


def test_late_and_double_packets_are_told_apart() -> None:
    buffer = JitterBuffer(RATE)
    buffer.put(packet(0), 160, 0.0)
    assert buffer.put(packet(0), 160, 0.001) is Arrival.DUPLICATE
    buffer.take(0.04)
    assert buffer.put(packet(0), 160, 0.05) is Arrival.LATE


class Thorough(JitterBuffer):
    """Without the short cut for what comes as it should."""

    def _put_usual(self, packet: RtpPacket, duration: int, arrival: float) -> bool:
        return False


@given(
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.lists(
        st.tuples(
            st.sampled_from([1] * 20 + [0, 2, 3, -1, -2, 7, 50]),  # packets on from the last one
            st.floats(0.0, 0.045),  # late by
            st.integers(0, 2),  # ticks after it
        ),
        min_size=30,
        max_size=120,
    ),
)
def test_the_short_cut_for_packets_that_come_as_they_should_changes_nothing(
    sequence: int, timestamp: int, steps: list[tuple[int, float, int]]
) -> None:
    quick, thorough = JitterBuffer(RATE, recovers=True), Thorough(RATE, recovers=True)
    number, now = 0, 10.0
    for step, late, ticks in steps:
        number += step
        arrived = RtpPacket(
            0, sequence + number & 0xFFFF, timestamp + number * 160 & 0xFFFFFFFF, 1, b"x"
        )
        at = 10.0 + number * FRAME + late
        assert quick.put(arrived, 160, at) is thorough.put(arrived, 160, at)
        now = max(now, at)
        for _ in range(ticks):
            now += FRAME
            assert quick.take_usual(now, 0.0, FRAME) == thorough.take_usual(now, 0.0, FRAME)
            assert quick.take(now) == thorough.take(now)
        assert vars(quick) == vars(thorough)
