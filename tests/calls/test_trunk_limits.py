"""So many calls at a time, and so many a second."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.trunk import Trunk
from gateway.calls.trunk_limits import TrunkLimit, TrunkLimits
from tests.helpers.examples import at_most

NOW = 1000.0


def test_a_trunk_without_limits_has_none() -> None:
    limits = TrunkLimits()
    trunk = Trunk("t", ())
    assert all(limits.check(trunk, calls, NOW) is None for calls in range(1000))
    assert not limits.refused


def test_above_so_many_calls_there_is_no_other() -> None:
    limits = TrunkLimits()
    trunk = Trunk("t", (), max_calls=3)
    found = [limits.check(trunk, calls, NOW) for calls in (0, 2, 3, 4)]
    assert found == [None, None, TrunkLimit.CALLS, TrunkLimit.CALLS]
    assert limits.refused == {("t", TrunkLimit.CALLS): 2}


@at_most(30)
@given(st.sampled_from([0.5, 1.0, 3.0, 20.0]), st.lists(st.floats(0, 3), max_size=100))
def test_in_no_time_are_there_more_calls_than_the_rate_and_a_seconds_worth_more(
    rate: float, pauses: list[float]
) -> None:
    limits, now, taken = TrunkLimits(), NOW, []
    trunk = Trunk("t", (), max_calls_per_second=rate)
    for pause in pauses:
        now += pause
        if limits.check(trunk, 0, now) is None:
            taken.append(now)
    for first, begun in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= max(1.0, rate) + (taken[last] - begun) * rate + 1e-6


def test_who_keeps_to_the_rate_is_never_refused() -> None:
    limits = TrunkLimits()
    trunk = Trunk("t", (), max_calls_per_second=4)
    assert all(limits.check(trunk, 0, NOW + at / 4) is None for at in range(100))
    burst = [limits.check(trunk, 0, NOW + 100) for _ in range(6)]
    assert burst == [None] * 4 + [TrunkLimit.RATE] * 2


def test_a_call_that_is_refused_for_another_reason_uses_nothing_up() -> None:
    limits = TrunkLimits()
    trunk = Trunk("t", (), max_calls=1, max_calls_per_second=1)
    for _ in range(5):
        limits.check(trunk, 1, NOW)
    assert limits.check(trunk, 0, NOW) is None


def test_each_trunk_is_counted_by_itself() -> None:
    limits = TrunkLimits()
    for name in "ab":
        trunk = Trunk(name, (), max_calls_per_second=1)
        assert [limits.check(trunk, 0, NOW) for _ in range(2)] == [None, TrunkLimit.RATE]
