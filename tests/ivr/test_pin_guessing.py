"""Guessing PINs does not pay, and those who call meanwhile hardly feel it."""

import pytest

from gateway.ivr.pin_guard import PATIENT_AFTER, GuardPolicy
from gateway.ivr.pin_policy import PinPolicy
from tests.ivr.guessing import ATTACKS, PATIENCE, Outcome, simulate

DAY = 86_400.0
ONE_LANE = 1 / GuardPolicy().together.longest  # tries a second
AT_FIRST = GuardPolicy().together.free + 50


def holds(name: str, outcome: Outcome, seconds: float) -> None:
    """What is promised of every attack."""
    lanes = 2 if name in ("new numbers, patient", "a hundred numbers") else 1
    assert outcome.tried <= lanes * (AT_FIRST + seconds * ONE_LANE)
    known, new = outcome.felt["known number"], outcome.felt["new number"]
    assert known.entered > 0.99
    assert known.waited[len(known.waited) * 95 // 100] == 0.0
    if name != "new numbers, patient" and (name != "a hundred numbers" or seconds == DAY):
        assert new.entered > 0.97
        assert new.waited[len(new.waited) * 8 // 10] <= PATIENT_AFTER + 1.0


@pytest.mark.parametrize("name", ATTACKS)
def test_a_quarter_of_an_hour_of_guessing(name: str) -> None:
    outcome = simulate(ATTACKS[name], 900.0)
    holds(name, outcome, 900.0)
    assert all(wait <= PATIENCE for felt in outcome.felt.values() for wait in felt.waited)


def test_one_number_gets_nowhere_and_nobody_else_feels_it() -> None:
    outcome = simulate(ATTACKS["one number"], 900.0)
    assert outcome.tried < 15
    assert all(felt.entered == 1.0 for felt in outcome.felt.values())
    assert all(felt.waited[-1] < 15.0 for felt in outcome.felt.values()), "own mistakes only"


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ATTACKS)
def test_a_day_of_guessing(name: str) -> None:
    outcome = simulate(ATTACKS[name], DAY)
    print("\n" + "\n".join(outcome.table(name, DAY)))
    holds(name, outcome, DAY)
    for digits in (6, 8, 10):
        allowed = PinPolicy().most(digits)
        assert outcome.hits(digits, allowed) < 0.3
