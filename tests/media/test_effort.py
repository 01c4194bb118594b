"""Opus' complexity gives way while the engine is late, and comes back when there is time again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.effort import Effort

LATE, SLIGHTLY, CALM = 0.5, 0.01, 0.0


@given(st.integers(0, 10), st.lists(st.floats(0, 1)))
def test_it_stays_between_nothing_and_what_is_configured(most: int, shares: list[float]) -> None:
    effort = Effort(most)
    for share in shares:
        before = effort.complexity
        changes = effort.observe(share)
        assert 0 <= effort.complexity <= most
        assert changes == (effort.complexity != before)
        assert share > 0.002 or effort.complexity >= before  # who keeps time is not told to hurry
        assert share <= 0.02 or effort.complexity <= before


@pytest.mark.parametrize(
    ("most", "steps"), [(10, [3, 1, 0, 0]), (5, [3, 1, 0, 0]), (3, [1, 0, 0]), (0, [0])]
)
def test_every_late_second_makes_it_less(most: int, steps: list[int]) -> None:
    effort = Effort(most)
    assert effort.complexity == most
    assert [(effort.observe(LATE), effort.complexity)[1] for _ in steps] == steps


def test_it_comes_back_step_by_step_after_half_a_minute_each_without_lateness() -> None:
    effort = Effort(5)
    for _ in range(3):
        effort.observe(LATE)
    seconds = []
    for second in range(1, 200):
        if effort.observe(SLIGHTLY if second == 10 else CALM):
            seconds.append((second, effort.complexity))
    assert seconds == [(40, 1), (70, 3), (100, 5)]
