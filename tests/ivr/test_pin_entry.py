"""A PIN that a caller types: keys and times in, steps out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ivr.pin_entry import (
    BargedIn,
    Completed,
    GivenUp,
    PinEntry,
    PinRules,
    Refused,
    StartedOver,
    State,
    Step,
    TimedOut,
)
from tests.helpers.examples import at_most

RULES = PinRules(shortest=4, longest=6)


def typed(entry: PinEntry, keys: str, at: float, *, every: float = 0.2) -> list[Step]:
    """What follows from these keys, the first pressed at `at`."""
    steps: list[Step] = []
    for number, key in enumerate(keys):
        steps += entry.pressed(key, at + number * every)
    return steps


def waiting(rules: PinRules = RULES) -> PinEntry:
    """Somebody who has heard the whole prompt, at 0 s."""
    entry = PinEntry(rules)
    entry.prompted(0.0)
    return entry


def test_a_pin_ends_with_a_hash() -> None:
    entry = waiting()
    assert typed(entry, "1234#", 1.0) == [Completed("1234")]
    assert entry.state is State.CHECKING
    assert entry.deadline is None


def test_a_pin_of_full_length_needs_no_hash() -> None:
    entry = waiting()
    assert typed(entry, "123456", 1.0) == [Completed("123456")]
    assert typed(entry, "#", 3.0) == [], "typed out of habit; it must not end the next PIN"


def test_a_pause_ends_a_pin_that_can_be_one() -> None:
    entry = waiting()
    assert typed(entry, "1234", 1.0) == []
    assert entry.deadline == pytest.approx(1.6 + RULES.next_within)
    assert entry.passed(entry.deadline - 0.01) == ()
    assert entry.passed(entry.deadline) == (Completed("1234"),)


def test_a_pause_after_too_few_digits_costs_a_try_and_they_are_forgotten() -> None:
    entry = waiting()
    typed(entry, "123", 1.0)
    assert entry.passed(20.0) == (TimedOut(2),)
    assert entry.state is State.ASKING
    entry.prompted(22.0)
    assert typed(entry, "4567#", 23.0) == [Completed("4567")]


def test_a_key_during_the_prompt_silences_it_and_counts() -> None:
    entry = PinEntry(RULES)
    assert entry.deadline is None, "no time runs while somebody speaks"
    assert typed(entry, "1234#", 1.0) == [BargedIn(), Completed("1234")]


@pytest.mark.parametrize("key", ["*", "#"])
def test_keys_that_are_no_digits_silence_the_prompt_too(key: str) -> None:
    entry = PinEntry(RULES)
    assert entry.pressed(key, 1.0) == (BargedIn(),)
    assert entry.state is State.WAITING
    assert entry.deadline == 1.0 + RULES.first_within


def test_a_star_starts_over_with_all_the_time_there_was_at_first() -> None:
    entry = waiting()
    assert typed(entry, "12*", 1.0, every=1.0) == [StartedOver()]
    assert entry.deadline == 3.0 + RULES.first_within
    assert typed(entry, "5678#", 10.0) == [Completed("5678")]
    assert entry.tries_left == RULES.tries


def test_a_try_ends_however_often_it_is_started_over() -> None:
    entry = waiting()
    now, steps = 0.0, list[Step]()
    while not any(isinstance(step, TimedOut) for step in steps):
        now += 1.0
        assert now <= RULES.whole_within
        steps += entry.pressed("*" if now % 2 == 0 else "1", now)
    assert now == RULES.whole_within


def test_a_hash_with_nothing_before_it_ends_nothing() -> None:
    entry = waiting()
    assert typed(entry, "#1234#", 1.0) == [Completed("1234")]


def test_three_wrong_pins_are_the_last() -> None:
    entry = waiting()
    for left in (2, 1):
        typed(entry, "1234#", 1.0)
        assert entry.wrong() == Refused(left)
        entry.prompted(1.0)
    typed(entry, "1234#", 1.0)
    assert entry.wrong() == GivenUp(typed=True)
    assert entry.state is State.OVER
    assert typed(entry, "1234#", 2.0) == []


def test_who_types_nothing_is_asked_three_times() -> None:
    entry = PinEntry(RULES)
    steps: list[Step] = []
    for at in (0.0, 100.0, 200.0):
        entry.prompted(at)
        assert entry.passed(at + RULES.first_within - 0.1) == ()
        steps += entry.passed(at + RULES.first_within)
    assert steps == [TimedOut(2), TimedOut(1), GivenUp(typed=False)]
    assert entry.deadline is None


def test_a_key_that_comes_after_the_deadline_belongs_to_the_next_try() -> None:
    entry = waiting()
    late = RULES.first_within + 1.0
    assert typed(entry, "1234#", late) == [TimedOut(2), BargedIn(), Completed("1234")]


def test_letters_of_old_keypads_are_no_digits() -> None:
    assert typed(waiting(), "12A34#", 1.0) == [Completed("1234")]


def test_a_pin_is_not_shown() -> None:
    assert "1234" not in repr(Completed("1234"))


@at_most(40)
@given(
    st.lists(st.tuples(st.sampled_from("0123456789*#AD?"), st.floats(0, 20)), max_size=30),
    st.booleans(),
)
def test_whatever_is_typed_it_ends_within_the_tries(
    keys: list[tuple[str, float]], prompts_end: bool
) -> None:
    """Every PIN has a length that there is, each try ends once, and the end is the end."""
    entry, now, used = PinEntry(RULES), 0.0, 0
    for key, pause in keys:
        if prompts_end:
            entry.prompted(now)
        now += pause
        steps = [*entry.pressed(key, now)]
        if entry.state is State.CHECKING:
            steps.append(entry.wrong())
        for step in steps:
            assert used < RULES.tries
            if isinstance(step, Completed):
                assert 1 <= len(step.pin) <= RULES.longest and step.pin.isdigit()
            used += isinstance(step, TimedOut | Refused | GivenUp)
        assert (entry.state is State.OVER) == (used == RULES.tries)
        assert (entry.deadline is None) == (entry.state not in (State.WAITING, State.TYPING))
