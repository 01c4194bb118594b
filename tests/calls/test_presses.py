"""A key that is pressed once is one digit."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.presses import MOMENT, Presses, Way

DELAYS = st.floats(0.0, MOMENT / 3)


def test_the_same_press_by_two_ways_is_one() -> None:
    presses = Presses()
    assert presses.is_new("1", Way.RTP, 0.0)
    assert not presses.is_new("1", Way.INFO, 0.1)
    assert presses.is_new("1", Way.INFO, 0.2)  # pressed again, this way first
    assert not presses.is_new("1", Way.RTP, 0.3)


def test_two_presses_by_one_way_are_two() -> None:
    for way in Way:
        presses = Presses(way) if way is not Way.RTP else Presses()
        assert all(presses.is_new("1", way, at / 10) for at in range(10))


def test_another_key_or_a_later_press_is_another() -> None:
    presses = Presses()
    assert presses.is_new("1", Way.RTP, 0.0)
    assert presses.is_new("2", Way.INFO, 0.1)
    assert presses.is_new("1", Way.INFO, 0.1 + MOMENT)


@given(
    st.lists(st.tuples(st.sampled_from("0123456789*#"), DELAYS, DELAYS), max_size=30),
    st.floats(0.15, 1.0),
)
def test_whatever_the_delays_every_press_counts_once(
    keys: list[tuple[str, float, float]], between: float
) -> None:
    arrivals = []
    for number, (key, by_rtp, by_info) in enumerate(keys):
        at = number * between
        arrivals += [(at + by_rtp, key, Way.RTP), (at + by_info, key, Way.INFO)]
    # Each way keeps its order.
    arrivals.sort(key=lambda arrival: arrival[0])
    presses = Presses()
    counted = [key for at, key, way in arrivals if presses.is_new(key, way, at)]
    assert sorted(counted) == sorted(key for key, _, _ in keys)


def test_what_waits_for_its_twin_is_bounded() -> None:
    presses = Presses()
    assert all(presses.is_new("5", Way.RTP, number / 1000) for number in range(1000))
