"""`/debug`: the calls, in Jigasi's shape."""

from typing import Any

from gateway.control.debug import debug
from tests.control.snapshots import call, snapshot


def sessions(**changes: Any) -> Any:
    told: Any = debug(snapshot(**changes))
    ((_, gateway),) = told["gateways"].items()
    return gateway["sessions"]


def test_a_call_in_a_room_has_its_meeting_and_its_nick() -> None:
    shown = sessions(calls=(call(participants=3),))["Erika"]
    assert shown["jvbConference"]["meetingUrl"] == "https://meet.example.org/planning"
    assert shown["jvbConference"]["nick"] == "ec1"
    assert shown["jvbConference"]["participants"] == 3
    assert shown["call"] == "c1"
    assert shown["seconds"] == 30.0


def test_a_call_that_is_on_its_way_has_no_conference_yet() -> None:
    assert sessions(calls=(call(),))["Erika"]["jvbConference"] == {}


def test_callers_of_one_name_are_told_apart() -> None:
    assert set(sessions(calls=(call("a"), call("b")))) == {"Erika", "Erika (b)"}
