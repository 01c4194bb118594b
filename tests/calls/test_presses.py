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
        presses = Presses()
        assert all(presses.is_new("1", way, at / 10) for at in range(10))


def test_the_same_press_by_three_ways_is_one() -> None:
    presses = Presses()
    told = [presses.is_new("1", way, 0.0) for way in (Way.INFO, Way.TONE, Way.RTP)]
    assert told == [True, False, False]
    assert presses.is_new("1", Way.TONE, 0.4)


def test_another_key_or_a_later_press_is_another() -> None:
    presses = Presses()
    assert presses.is_new("1", Way.RTP, 0.0)
    assert presses.is_new("2", Way.INFO, 0.1)
    assert presses.is_new("1", Way.INFO, 0.1 + MOMENT)


@given(
    st.lists(st.tuples(st.sampled_from("0123456789*#"), DELAYS, DELAYS, DELAYS), max_size=30),
    st.sets(st.sampled_from([Way.RTP, Way.INFO, Way.TONE]), min_size=1),
    st.floats(0.15, 1.0),
)
def test_whatever_the_delays_every_press_counts_once(
    keys: list[tuple[str, float, float, float]], ways: set[Way], between: float
) -> None:
    arrivals = []
    for number, (key, *delays) in enumerate(keys):
        at = number * between
        by_way = zip((Way.RTP, Way.INFO, Way.TONE), delays, strict=True)
        arrivals += [(at + delay, key, way) for way, delay in by_way if way in ways]
    # Each way keeps its order.
    arrivals.sort(key=lambda arrival: arrival[0])
    presses = Presses()
    counted = [key for at, key, way in arrivals if presses.is_new(key, way, at)]
    assert sorted(counted) == sorted(key for key, *_ in keys)


def test_what_waits_for_its_twin_is_bounded() -> None:
    presses = Presses()
    assert all(presses.is_new("5", Way.RTP, number / 1000) for number in range(1000))
