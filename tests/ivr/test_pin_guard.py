"""Who may try a PIN, and when."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ivr.pin_guard import (
    KNOWN_FOR,
    PATIENT_AFTER,
    PATIENT_FOR,
    Attempt,
    Delay,
    GuardPolicy,
    Lane,
    PinGuard,
    Wait,
)
from tests.helpers.examples import at_most

ANN, BOB = "+4315550101", "+4315550102"
POLICY = GuardPolicy()


def admitted(guard: PinGuard, caller: str | None, now: float, trunk: str = "a") -> Attempt:
    attempt = guard.admit(caller, trunk, now)
    assert isinstance(attempt, Attempt)
    return attempt


def told(guard: PinGuard, caller: str | None, now: float, trunk: str = "a") -> float:
    """The seconds this caller has to wait."""
    wait = guard.admit(caller, trunk, now)
    assert isinstance(wait, Wait) and wait.seconds > 0.0
    return wait.seconds


def flood(guard: PinGuard, start: float, end: float, caller: str | None = None) -> PinGuard:
    """Somebody guesses ten times a second, from a new number each time if none is given."""
    for number in range(int(start * 10), int(end * 10)):
        now = number / 10
        attempt = guard.admit(caller or f"+1{number}", "a", now)
        if isinstance(attempt, Attempt):
            guard.wrong(attempt, now)
    return guard


def test_a_few_wrong_pins_cost_nothing_and_more_wait_longer_and_longer() -> None:
    guard, now, wrong, waits = PinGuard(POLICY), 0.0, 0, list[float]()
    while len(waits) < 9:
        attempt = guard.admit(ANN, "a", now)
        if isinstance(attempt, Wait):
            waits.append(attempt.seconds)
            now += attempt.seconds
        else:
            guard.wrong(attempt, now)
            wrong += 1
    assert wrong == POLICY.caller.free + len(waits) - 1
    assert waits[0] == POLICY.caller.first
    assert all(later > earlier * 1.5 for earlier, later in pairwise(waits))
    assert max(waits) <= POLICY.caller.longest


def test_one_callers_mistakes_are_not_anothers() -> None:
    guard = PinGuard(POLICY)
    for _ in range(3):
        guard.wrong(admitted(guard, ANN, 0.0), 0.0)
    assert told(guard, ANN, 0.0) == POLICY.caller.first
    assert admitted(guard, BOB, 0.0)


def test_wrong_pins_are_forgotten_in_time() -> None:
    guard = PinGuard(POLICY)
    for _ in range(3):
        guard.wrong(admitted(guard, ANN, 0.0), 0.0)
    later = 3 * POLICY.caller.forgets_one
    for _ in range(2):
        guard.wrong(admitted(guard, ANN, later), later)
    assert admitted(guard, ANN, later)


def test_ones_own_pin_buys_few_guesses() -> None:
    """Two wrong ones and one's own, again and again, every second."""
    guard = PinGuard(POLICY)
    wrong = 0
    for second in range(3_600):
        attempt = guard.admit(ANN, "a", float(second))
        if isinstance(attempt, Attempt):
            if second % 3 == 0:
                guard.right(attempt, float(second))
            else:
                guard.wrong(attempt, float(second))
                wrong += 1
    assert wrong < 25


def test_an_office_behind_one_number_is_not_held_up_by_its_mistakes() -> None:
    """Five hundred calls within an hour, every seventh mistyped."""
    guard = PinGuard(POLICY)
    for number in range(500):
        now = number * 7.2
        attempt = admitted(guard, ANN, now)
        if number % 7 == 0:
            guard.wrong(attempt, now)
        else:
            guard.right(attempt, now)


def test_many_tries_at_the_same_moment_gain_nothing() -> None:
    """None of them is known to be wrong yet."""
    guard = PinGuard(POLICY)
    tries = [guard.admit(ANN, "a", 0.0) for _ in range(50)]
    assert sum(isinstance(each, Attempt) for each in tries) == POLICY.caller.free


def test_right_pins_cost_nothing_however_many_come() -> None:
    guard = PinGuard(POLICY)
    for number in range(1_000):
        guard.right(admitted(guard, f"+43{number}", number / 100), number / 100)
    for number in range(1_000, 2_000):
        guard.right(admitted(guard, None, number / 100), number / 100)


def test_what_nobody_could_check_does_not_count() -> None:
    guard = PinGuard(POLICY)
    for _ in range(1_000):
        guard.void(admitted(guard, ANN, 0.0), 0.0)
    assert guard.admit(ANN, "a", 0.0) == Attempt(ANN, "a", Lane.NEW), "nor is she known"


def test_under_attack_known_callers_feel_nothing() -> None:
    guard = PinGuard(POLICY)
    guard.right(admitted(guard, ANN, 0.0), 0.0)
    flood(guard, 0.0, 600.0)
    assert admitted(guard, ANN, 600.0).lane is Lane.KNOWN
    assert told(guard, BOB, 600.0)
    assert admitted(guard, ANN, KNOWN_FOR + 1.0).lane is Lane.NEW


def test_under_attack_a_new_caller_waits_a_little_and_is_let_in_when_it_comes_back() -> None:
    guard = flood(PinGuard(POLICY), 0.0, 600.0)
    assert told(guard, ANN, 600.0) == PATIENT_AFTER
    flood(guard, 600.0, 610.0)
    assert told(guard, ANN, 610.0) == PATIENT_AFTER - 10.0, "asking again makes it no longer"
    flood(guard, 610.0, 620.0)
    assert admitted(guard, ANN, 620.0).lane is Lane.PATIENT
    assert told(guard, BOB, 620.0), "who has not waited is not let in"


def test_patience_is_good_for_one_try_and_not_for_ever() -> None:
    guard = flood(PinGuard(POLICY), 0.0, 600.0)
    told(guard, ANN, 600.0)
    told(guard, BOB, 600.0)
    flood(guard, 600.0, 620.0)
    guard.wrong(admitted(guard, ANN, 620.0), 620.0)
    assert told(guard, ANN, 620.0) == PATIENT_AFTER
    late = 600.0 + PATIENT_AFTER + PATIENT_FOR
    flood(guard, late - 600.0, late)
    guard.admit("+2", "a", late)
    assert told(guard, BOB, late) == PATIENT_AFTER


def test_who_guesses_is_not_let_in_for_its_patience() -> None:
    guard = flood(PinGuard(POLICY), 0.0, 600.0)
    for now in (600.0, 620.0):
        told(guard, ANN, now)
        flood(guard, now, now + PATIENT_AFTER)
        guard.wrong(admitted(guard, ANN, now + PATIENT_AFTER), now + PATIENT_AFTER)
    told(guard, ANN, 640.0)
    flood(guard, 640.0, 660.0)
    guard.admit("+2", "a", 660.0)
    assert told(guard, ANN, 660.0)


def test_who_withholds_its_number_is_told_apart_while_it_holds_the_line() -> None:
    guard = flood(PinGuard(POLICY), 0.0, 600.0)
    assert isinstance(guard.admit(None, "a", 600.0, call="c1"), Wait)
    flood(guard, 600.0, 620.0)
    attempt = guard.admit(None, "a", 620.0, call="c1")
    assert isinstance(attempt, Attempt) and attempt.lane is Lane.PATIENT
    guard.right(attempt, 620.0)
    again = guard.admit(None, "a", 3_000.0, call="c1")
    assert isinstance(again, Attempt) and again.lane is not Lane.KNOWN


def test_a_number_is_no_call() -> None:
    guard = PinGuard(POLICY)
    for _ in range(POLICY.caller.free):
        guard.admit("c1", "a", 0.0)
    assert isinstance(guard.admit("c1", "a", 0.0), Wait)
    assert isinstance(guard.admit(None, "a", 0.0, call="c1"), Attempt)


def test_who_has_no_number_and_no_call_cannot_be_told_apart() -> None:
    guard = flood(PinGuard(POLICY), 0.0, 600.0)
    assert told(guard, None, 600.0) <= POLICY.trunk.longest


def test_one_trunk_under_attack_is_not_the_others_fault() -> None:
    guard = flood(
        PinGuard(POLICY), 0.0, 600.0, caller="+1"
    )  # one number, so the total is far from its limit
    assert admitted(guard, ANN, 600.0, trunk="b")


def test_altogether_a_lane_takes_one_try_in_the_longest_delay() -> None:
    """By a hundred trunks, from numbers that are new each time."""
    guard, tries = PinGuard(POLICY), 0
    for number in range(12_000):
        now = number / 10
        attempt = guard.admit(f"+1{number}", f"trunk {number % 100}", now)
        if isinstance(attempt, Attempt):
            guard.wrong(attempt, now)
            tries += 1
    assert tries <= POLICY.together.free + 1_200 / POLICY.together.longest + 60


def test_the_alarm_is_raised_once_and_ends_when_it_is_over() -> None:
    guard, raised = PinGuard(POLICY), 0
    for number in range(100):
        now = number * 6.0
        raised += guard.wrong(admitted(guard, f"+1{number}", now), now)
    assert raised == 1
    assert guard.alarms(600.0) == {"a"}
    assert guard.alarms(600.0 + 1_300.0) == frozenset()
    for _ in range(40):
        raised += guard.wrong(Attempt(None, "a", Lane.NEW), 2_000.0)
    assert raised == 2


def test_a_delay_is_within_its_bounds_whatever_is_counted() -> None:
    delay = Delay(free=3, forgets_one=1.0, first=2.0, longest=60.0)
    assert [delay.after(count) for count in (0, 2.4, 2.9, 3, 4, 5, 10, 1e9)] == [
        0.0,
        0.0,
        2.0,
        2.0,
        4.0,
        8.0,
        60.0,
        60.0,
    ]


def test_no_number_is_shown() -> None:
    assert ANN not in repr(Attempt(ANN, "a", Lane.NEW))


@at_most(40)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "1", "2", "3"]),
            st.floats(0, 30),
            st.sampled_from(["right", "wrong", "void"]),
        ),
        max_size=20,
    )
)
def test_whoever_does_as_told_is_let_in_after_that_time(
    tries: list[tuple[str | None, float, str]],
) -> None:
    """When nobody else comes in between."""
    guard, now = PinGuard(POLICY), 0.0
    for caller, pause, result in tries:
        now += pause
        attempt = guard.admit(caller, "a", now)
        if isinstance(attempt, Wait):
            assert 0.0 < attempt.seconds <= POLICY.caller.longest
            now += attempt.seconds + 1e-6
            attempt = guard.admit(caller, "a", now)
        assert isinstance(attempt, Attempt)
        match result:
            case "right":
                guard.right(attempt, now)
            case "wrong":
                guard.wrong(attempt, now)
            case _:
                guard.void(attempt, now)


@pytest.mark.parametrize("caller", ["+1" * 100, None])
def test_what_is_remembered_has_bounds(caller: str | None) -> None:
    guard = PinGuard(POLICY)
    attempt = admitted(guard, caller, 0.0)
    assert attempt.caller is None or len(attempt.caller) <= 64
