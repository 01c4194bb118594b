"""The search for how many calls a core carries, over machines whose limit is known."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from gateway.bench.capacity import confirmed, highest


def core(limit: int, asked: list[int]) -> Callable[[int], bool]:
    def carries(calls: int) -> bool:
        asked.append(calls)
        return calls <= limit

    return carries


@given(limit=st.integers(0, 500), guess=st.integers(-5, 600))
def test_the_limit_is_found_to_two_per_cent_and_never_exceeded(limit: int, guess: int) -> None:
    asked: list[int] = []
    found = highest(core(limit, asked), guess, most=400)
    assert found <= limit
    assert min(limit, 400) - found <= max(1, round(found * 0.02))


@given(limit=st.integers(0, 500), guess=st.integers(1, 400))
def test_nothing_is_tried_twice_or_beyond_the_most(limit: int, guess: int) -> None:
    asked: list[int] = []
    highest(core(limit, asked), guess, most=400)
    assert len(asked) == len(set(asked))
    assert all(1 <= calls <= 400 for calls in asked)


def test_a_good_guess_takes_few_trials() -> None:
    asked: list[int] = []
    assert highest(core(120, asked), 118, most=400) >= 118
    assert len(asked) <= 6


def test_what_a_longer_trial_does_not_confirm_is_less() -> None:
    asked: list[int] = []
    assert confirmed(core(95, asked), 100) == 94
    assert asked == [100, 98, 96, 94]
    assert confirmed(core(0, asked), 2) == 0
