"""Which packets came late, by when they came and what they say of their own time."""

from gateway.bench.punctuality import Punctuality

FRAME, TICKS = 0.020, 160


def late(delays: list[float], first: int = 0) -> int:
    """How many are late of packets that take so long, each after the 20 ms of the one before."""
    punctuality = Punctuality()
    for number, delay in enumerate(delays):
        punctuality.arrived(100 + number * FRAME + delay, first + number * TICKS & 0xFFFFFFFF)
    return punctuality.late


def test_a_steady_stream_is_in_time_whatever_its_delay() -> None:
    assert late([0.3] * 50) == 0


def test_a_packet_one_frame_late_counts_and_one_that_is_a_little_late_does_not() -> None:
    assert late([0.0, 0.019, 0.0, 0.025, 0.0]) == 1


def test_the_first_packet_is_no_measure_for_the_others() -> None:
    assert late([0.1, 0.0, 0.0, 0.050]) == 1


def test_a_stream_that_stays_where_it_was_moved_is_in_time_again() -> None:
    moved = late([0.0] * 10 + [0.1] * 500)
    assert 50 < moved < 100


def test_timestamps_may_wrap() -> None:
    assert late([0.0] * 20, first=0xFFFFFFFF - 5 * TICKS) == 0
