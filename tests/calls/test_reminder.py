"""Who waits is told so again: seldomer and seldomer, and only as long as it waits for that."""

from itertools import pairwise

import pytest

from gateway.calls.reminder import INTERVALS, Reminder, Wait
from gateway.conference.events import Alone, Waiting, WaitingFor

LOBBY, HOST, ALONE = Waiting(WaitingFor.LOBBY), Waiting(WaitingFor.HOST), Alone()


def told(reminder: Reminder, begin: float, end: float) -> list[tuple[float, Wait]]:
    """What is told from then on, and when: looked at twice a second."""
    moments = [begin + half / 2 for half in range(round(2 * (end - begin)))]
    found = [(now, reminder.take(now)) for now in moments]
    return [(now, wait) for now, wait in found if wait is not None]


@pytest.mark.parametrize("wait", [LOBBY, HOST, ALONE])
def test_it_is_told_at_growing_intervals(wait: Wait) -> None:
    reminder = Reminder()
    assert reminder.follow(wait, 10.0)
    assert reminder.due == 10.0 + INTERVALS[0]
    times = [now for now, what in told(reminder, 10.0, 1000.0) if what == wait]
    assert times == [40.0, 100.0, 220.0, 460.0, 700.0, 940.0]
    waits = [after - before for before, after in pairwise(times)]
    assert waits == sorted(waits) and waits[-1] == INTERVALS[-1]


def test_another_wait_begins_anew_and_the_same_goes_on() -> None:
    reminder = Reminder()
    reminder.follow(HOST, 0.0)
    assert not reminder.follow(HOST, 20.0)
    assert told(reminder, 0.0, 35.0) == [(30.0, HOST)]
    assert reminder.follow(LOBBY, 35.0)
    assert told(reminder, 35.0, 100.0) == [(65.0, LOBBY)]


def test_who_waits_no_more_is_told_nothing() -> None:
    reminder = Reminder()
    assert not reminder.follow(None, 0.0)
    reminder.follow(ALONE, 0.0)
    assert reminder.follow(None, 29.0)
    assert reminder.due is None
    assert told(reminder, 29.0, 500.0) == []
