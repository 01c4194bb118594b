"""Transport-wide feedback: what is written is read, and the log tells each arrival once."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RtpError
from gateway.rtp.rtcp import parse_compound
from gateway.rtp.transport_cc import TICK, ArrivalLog, TransportCounter, TransportFeedback
from tests.helpers.link import Link

STEPS = st.none() | st.integers(0, 300) | st.integers(-0x8000, 0x7FFF)


def feedback(steps: list[int | None], base: int = 0) -> TransportFeedback:
    now, arrivals = 0, []
    for step in steps:
        now += step or 0
        arrivals.append(None if step is None else now)
    return TransportFeedback(1, 2, base, 0x123456, 0xFE, tuple(arrivals))


@given(st.lists(STEPS, max_size=60), st.integers(0, 0xFFFF))
def test_what_is_written_is_read(steps: list[int | None], base: int) -> None:
    written = feedback(steps, base)
    assert parse_compound(written.serialize()) == [written]


@given(
    st.lists(st.tuples(st.sampled_from([None, 10, 2000]), st.integers(1, 60)), max_size=20),
)
def test_runs_are_read_as_well(runs: list[tuple[int | None, int]]) -> None:
    steps = [step for step, count in runs for _ in range(count)]
    written = feedback(steps)
    assert parse_compound(written.serialize()) == [written]


def test_the_layout_is_that_of_the_draft() -> None:
    data = feedback([4, None, 1, -1, 300], base=0x0102).serialize()
    assert data[:4].hex() == "8fcd0006"  # 28 octets
    assert data[4:20].hex() == "000000010000000201020005123456fe"
    # A vector of two-bit symbols: small, none, small, large, large; then the deltas.
    assert data[20:22].hex() == f"{0b11_01_00_01_10_10_00_00:04x}"
    assert data[22:].hex() == "0401ffff012c"


def test_a_long_run_costs_two_octets() -> None:
    assert len(feedback([None] * 1000).serialize()) == 20 + 2 + 2


@given(st.binary(max_size=60))
def test_any_bytes_are_feedback_or_an_error(body: bytes) -> None:
    try:
        read = TransportFeedback.parse(body)
    except RtpError:
        return
    assert 0 <= read.lost <= len(read.arrivals) <= 0xFFFF


def test_what_is_too_far_apart_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="apart"):
        feedback([0x8000]).serialize()


def told(messages: list[TransportFeedback]) -> dict[int, float]:
    """Arrival times by number, as whoever gets the messages knows them."""
    times: dict[int, float] = {}
    for message in messages:
        for place, ticks in enumerate(message.arrivals):
            if ticks is not None:
                number = (message.base + place) & 0xFFFF
                assert number not in times, "told twice"
                times[number] = (message.reference * 256 + ticks) * TICK
    return times


@given(st.integers(0, 0xFFFF), st.integers(0, 1000), st.booleans())
def test_each_arrival_is_told_once_over_a_bad_network(start: int, seed: int, long: bool) -> None:
    link = Link(loss=0.2, duplicate=0.2, jitter=0.2, seed=seed)
    spacing = 0.5 if long else 0.02
    sent = [(50.0 + spacing * n, (start + n) & 0xFFFF) for n in range(300)]
    log, messages, arrived = ArrivalLog(7), [], {}
    for now, number in link.carry(sent):
        arrived.setdefault(number, now)
        log.arrived(number, now)
        messages += [
            read
            for message in log.feedback(9, now)
            for read in parse_compound(message.serialize())
            if isinstance(read, TransportFeedback)
        ]
    last = max(arrived.values()) + 1
    messages += log.feedback(9, last)
    # A double that comes after the first has been told may be told again.
    times: dict[int, float] = {}
    for message in messages:
        for number, time in told([message]).items():
            times.setdefault(number, time)
    assert set(times) == set(arrived)
    for number, time in times.items():
        assert time == pytest.approx(arrived[number], abs=TICK)
    numbers = [message.number for message in messages]
    assert numbers == [(n + 1) & 0xFF for n in range(len(numbers))]


def test_loss_between_two_messages_is_told() -> None:
    log = ArrivalLog(7)
    log.arrived(0xFFFE, 1.0)
    assert log.feedback(9, 1.05) == []
    (first,) = log.feedback(9, 1.2)
    assert (first.base, first.lost, len(first.arrivals)) == (0xFFFE, 0, 1)
    log.arrived(1, 1.25)
    (second,) = log.feedback(9, 1.4)
    assert (second.base, second.lost, len(second.arrivals)) == (0xFFFF, 2, 3)
    assert log.feedback(9, 2.0) == []


def test_memory_is_bounded_whatever_comes() -> None:
    log, dice = ArrivalLog(7), random.Random(1)
    for _ in range(20_000):
        log.arrived(dice.randrange(0x10000), 1.0)
    messages = log.feedback(9, 2.0)
    assert len(messages) <= 4
    assert sum(len(message.serialize()) for message in messages) < 10_000


def test_our_packets_are_numbered_and_what_the_peer_lost_is_counted() -> None:
    counter = TransportCounter()
    numbers = [int.from_bytes(counter.next()) for _ in range(0x10001)]
    assert numbers[:2] == [0, 1]
    assert numbers[-2:] == [0xFFFF, 0]
    counter.reported(feedback([1, None, None, 1]))
    assert counter.reported_lost == 2
