"""What two ends agree on about a session's timer (RFC 4028), and when it is due."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.message import Request, Response, parse_message
from gateway.sip.session_timer import (
    LEAST,
    Refresher,
    SessionExpires,
    SessionTimer,
    Wanted,
    agree,
    agreed_by,
    asked_for_more,
    find_small_interval,
    request_fields,
    response_fields,
)
from gateway.sip.timers import TimerQueue
from tests.sip.wire import Fields, request

KNOWS = ("Supported", "100rel, Timer")
UAC, UAS = Refresher.UAC, Refresher.UAS


def asks(*fields: tuple[str, str], method: str = "INVITE") -> Request:
    message = parse_message(request(method, fields=fields))
    assert isinstance(message, Request)
    return message


def says(status: int, *fields: tuple[str, str]) -> Response:
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    message = parse_message(f"SIP/2.0 {status} X\r\n{lines}\r\n".encode())
    assert isinstance(message, Response)
    return message


@pytest.mark.parametrize(
    ("fields", "wanted", "agreed"),
    [
        # who knows timers refreshes by itself, or has us do it
        ([KNOWS, ("Session-Expires", "600")], Wanted(), SessionExpires(600, UAC)),
        ([KNOWS, ("Session-Expires", "600;refresher=uac")], Wanted(), SessionExpires(600, UAC)),
        ([KNOWS, ("x", "600;Refresher=UAS")], Wanted(), SessionExpires(600, UAS)),
        ([("Require", "timer"), ("x", "600")], Wanted(), SessionExpires(600, UAC)),
        # a proxy asks for a peer that does not
        ([("Session-Expires", "600;refresher=uac")], Wanted(), SessionExpires(600, UAS)),
        # nobody asks: we want one, but none shorter than the peer allows
        ([], Wanted(), SessionExpires(1800, UAS)),
        ([KNOWS], Wanted(), SessionExpires(1800, UAC)),
        ([KNOWS, ("Min-SE", "2000")], Wanted(), SessionExpires(2000, UAC)),
        # long ones are shortened to ours, never below what the peer allows
        ([KNOWS, ("Session-Expires", "7200")], Wanted(), SessionExpires(1800, UAC)),
        ([KNOWS, ("x", "7200"), ("Min-SE", "3600")], Wanted(), SessionExpires(3600, UAC)),
        # what is too short is not made longer for who cannot be told
        ([("Session-Expires", "120")], Wanted(1800, 300), SessionExpires(120, UAS)),
        # without a wish of ours the peer's holds
        ([], Wanted(0), None),
        ([KNOWS, ("Session-Expires", "7200")], Wanted(0), SessionExpires(7200, UAC)),
        # what cannot be read was not said
        ([KNOWS, ("Session-Expires", "soon;refresher=uas")], Wanted(), SessionExpires(1800, UAC)),
        ([KNOWS, ("Session-Expires", "600;refresher=me")], Wanted(), SessionExpires(600, UAC)),
    ],
)
def test_as_uas_we_agree(fields: Fields, wanted: Wanted, agreed: SessionExpires | None) -> None:
    named = [("Session-Expires" if name == "x" else name, value) for name, value in fields]
    assert agree(asks(*named), wanted) == agreed


def test_a_peer_that_is_to_refresh_has_to_know_it() -> None:
    assert response_fields(SessionExpires(600, UAC)) == (
        ("Require", "timer"),
        ("Session-Expires", "600;refresher=uac"),
    )
    assert response_fields(SessionExpires(600, UAS)) == (("Session-Expires", "600;refresher=uas"),)
    assert response_fields(None) == ()


def test_a_request_of_ours_asks_for_what_is_wanted() -> None:
    assert request_fields(Wanted()) == (("Session-Expires", "1800"),)
    assert request_fields(Wanted(600, 300), UAC) == (
        ("Session-Expires", "600;refresher=uac"),
        ("Min-SE", "300"),
    )
    assert request_fields(Wanted(0)) == ()


@pytest.mark.parametrize(
    ("method", "fields", "is_refused"),
    [
        ("INVITE", [KNOWS, ("Session-Expires", "299")], True),
        ("UPDATE", [KNOWS, ("Session-Expires", "299")], True),
        ("INVITE", [KNOWS, ("Session-Expires", "300")], False),
        ("INVITE", [("Session-Expires", "299")], False),
        ("INFO", [KNOWS, ("Session-Expires", "299")], False),
        ("INVITE", [KNOWS], False),
    ],
)
def test_too_small_an_interval_is_a_422_for_who_understands_it(
    method: str, fields: Fields, is_refused: bool
) -> None:
    refusal = find_small_interval(asks(*fields, method=method), Wanted(1800, 300))
    assert (refusal is not None) is is_refused
    if refusal is not None:
        assert (refusal.status, refusal.headers) == (422, (("Min-SE", "300"),))


@pytest.mark.parametrize(
    ("value", "agreed"),
    [
        (None, None),
        ("600;refresher=uas", SessionExpires(600, UAS)),
        ("600;refresher=uac", SessionExpires(600, UAC)),
        ("600", SessionExpires(600, UAC)),  # somebody has to
        ("5;refresher=uac", SessionExpires(LEAST, UAC)),
    ],
)
def test_a_2xx_says_what_was_agreed(value: str | None, agreed: SessionExpires | None) -> None:
    fields = [("Session-Expires", value)] if value is not None else []
    assert agreed_by(says(200, *fields)) == agreed


def test_a_422_is_answered_only_if_it_wants_more() -> None:
    assert asked_for_more(1800, says(422, ("Min-SE", "3600"))) == 3600
    assert asked_for_more(3600, says(422, ("Min-SE", "3600"))) is None
    assert asked_for_more(1800, says(422)) is None


class Clock:
    """A timer, and what came of it."""

    def __init__(self) -> None:
        self.queue = TimerQueue()
        self.happened: list[tuple[str, float]] = []
        self.timer = SessionTimer(
            self.queue,
            lambda now: self.happened.append(("refresh", now)),
            lambda now: self.happened.append(("expire", now)),
        )

    def runs(self) -> list[tuple[str, float]]:
        while (due := self.queue.next()) is not None:
            self.queue.fire_due(due)
        return self.happened


@pytest.mark.parametrize(("interval", "end"), [(1800, 1768), (90, 60)])
def test_the_end_is_told_32_seconds_or_a_third_before(interval: int, end: int) -> None:
    clock = Clock()
    clock.timer.start(interval, is_ours=False, now=0.0)
    assert clock.runs() == [("expire", end)]


def test_our_refresh_is_due_at_half_time() -> None:
    clock = Clock()
    clock.timer.start(1800, is_ours=True, now=0.0)
    assert clock.runs() == [("refresh", 900), ("expire", 1768)]


def test_a_timer_begins_anew_and_ends() -> None:
    clock = Clock()
    clock.timer.start(1800, is_ours=True, now=0.0)
    clock.timer.start(600, is_ours=False, now=100.0)
    assert clock.runs() == [("expire", 668)]
    clock.timer.start(600, is_ours=True, now=1000.0)
    clock.timer.stop()
    clock.timer.again(1001.0)
    assert len(clock.runs()) == 1


@given(interval=st.integers(90, 100_000), tries=st.integers(0, 60))
def test_refreshing_that_fails_again_and_again_ends_before_the_session_does(
    interval: int, tries: int
) -> None:
    clock = Clock()
    clock.timer.start(interval, is_ours=True, now=0.0)
    for _ in range(tries):
        due = clock.queue.next()
        if due is None:
            break
        clock.queue.fire_due(due)
        if clock.happened[-1][0] == "refresh":
            clock.timer.again(due)
    happened = clock.runs()
    assert happened[-1][0] == "expire"
    assert [name for name, _ in happened].count("expire") == 1
    assert happened[-1][1] < interval
    assert len(happened) < 20
