"""What a call's record counts, and what the calls add up to."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.calls.end_reason import CallEnd, EndReason
from gateway.calls.record import CallRecord
from gateway.calls.statistics import Statistics, Totals
from gateway.conference import events as conference


@dataclass
class Here:
    """Where the participant is."""

    endpoint: str = "abc"
    occupants: int = 3


def call() -> CallRecord:
    return CallRecord("c1", "c@phone", "pbx", "Erika", "700")


def told(*events: conference.Event, here: Here | None = None) -> CallRecord:
    record = call()
    record.joined(here or Here())
    for event in events:
        record.told(event, here or Here())
    return record


def ended(record: CallRecord, reason: EndReason) -> CallRecord:
    record.ended(CallEnd(reason, ""))
    return record


UP, DOWN = conference.MediaUp(), conference.MediaDown("lost")
REJOINED, MOVED = conference.Rejoined(), conference.Moved("breakout")


def test_a_record_knows_how_many_are_in_the_room_until_it_leaves() -> None:
    record = call()
    assert not record.is_joined
    record.joined(Here("abc", 2))
    record.told(conference.OccupantJoined("x", "X"), Here("abc", 3))
    assert (record.endpoint, record.participants, record.is_joined) == ("abc", 3, True)
    cause = conference.LeaveCause.KICKED
    record.told(conference.Ended(cause, ""), Here("abc", 2))
    assert record.participants == 3


def test_after_a_rejoin_it_is_another_endpoint() -> None:
    record = told(here=Here("abc"))
    record.told(REJOINED, Here("def"))
    assert (record.endpoint, record.rejoins) == ("def", 1)


@pytest.mark.parametrize(
    ("events", "losses", "returns", "bridge_changes"),
    [
        ((UP,), 0, 0, 0),
        ((UP, DOWN), 1, 0, 0),
        ((UP, DOWN, UP), 1, 1, 1),
        ((UP, DOWN, REJOINED, UP), 1, 1, 0),
        ((UP, DOWN, MOVED, UP), 1, 1, 0),
        ((UP, DOWN, REJOINED, UP, DOWN, UP), 2, 2, 1),
        ((UP, UP), 0, 0, 0),
    ],
)
def test_audio_that_comes_back_in_the_same_stay_has_another_bridge(
    events: tuple[conference.Event, ...], losses: int, returns: int, bridge_changes: int
) -> None:
    record = told(*events)
    counted = (record.media_losses, record.media_returns, record.bridge_changes)
    assert counted == (losses, returns, bridge_changes)
    assert record.media_at is not None


def test_a_call_that_goes_on_is_not_completed() -> None:
    assert Totals.of(told(UP, DOWN)) == Totals(media_lost=1)


def test_a_call_counts_once_however_often_it_happens() -> None:
    record = ended(told(UP, DOWN, UP, DOWN, UP), EndReason.CALLER_HUNG_UP)
    totals = Totals.of(record)
    assert (totals.completed, totals.participants) == (1, 3)
    assert (totals.media_lost, totals.media_returned, totals.bridge_changed) == (1, 1, 1)
    assert record.ended_at is not None
    assert totals.seconds == record.ended_at - record.started_at


@pytest.mark.parametrize(
    ("reason", "total"),
    [
        (EndReason.NO_RTP, "silent_phones"),
        (EndReason.MEDIA_FAILED, "without_bridge_media"),
        (EndReason.CONFERENCE_UNAVAILABLE, "without_conference"),
        (EndReason.CONFERENCE_LOST, "without_conference"),
    ],
)
def test_what_ended_a_call_is_in_its_total(reason: EndReason, total: str) -> None:
    totals = Totals.of(ended(call(), reason))
    assert getattr(totals, total) == 1
    assert totals.completed == 0  # it was never in a room


EVENTS = st.lists(st.sampled_from([UP, DOWN, REJOINED, MOVED]), max_size=8)


@given(st.lists(st.tuples(EVENTS, st.sampled_from(EndReason)), max_size=6), st.data())
def test_totals_never_fall_when_calls_end(
    calls: list[tuple[list[conference.Event], EndReason]], data: st.DataObject
) -> None:
    going_on = [(told(*events), reason) for events, reason in calls]
    statistics = Statistics()
    before = statistics.totals(record for record, _ in going_on)
    while going_on:
        record, reason = going_on.pop(data.draw(st.integers(0, len(going_on) - 1)))
        statistics.conclude(ended(record, reason))
        after = statistics.totals(record for record, _ in going_on)
        for name in Totals.__slots__:
            assert getattr(after, name) >= getattr(before, name)
        before = after
    assert before.completed == len(calls)
    assert before.rejoins == sum(events.count(REJOINED) for events, _ in calls)
