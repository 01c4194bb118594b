"""When the gateway is well, alive and ready, and what it says if it is not."""

from http import HTTPStatus
from typing import Any

import pytest

from gateway.conference.logins import Logins
from gateway.control.health import (
    DOWN,
    FAILING_LOGINS,
    LOGINS_REMEMBERED,
    health,
    liveness,
    readiness,
    verbose_health,
)
from gateway.control.snapshot import Phase
from gateway.errors import JoinFailure
from gateway.media.load import EngineLoad
from tests.control.snapshots import NOW, call, snapshot


def logins(failures: int, *, since: float = 1.0) -> dict[str, Logins]:
    """An installation where so many logins in a row have failed."""
    made = Logins()
    made.success()
    for _ in range(failures):
        made.failure(JoinFailure.UNREACHABLE, "connection refused", NOW - since)
    return {"jitsi": made}


def ticking(*, last: float = NOW, late: float = 0.0) -> EngineLoad:
    return EngineLoad(is_ticking=True, last_tick=last, late_share=late)


def test_a_gateway_that_is_well_says_nothing() -> None:
    assert health(snapshot()) == (HTTPStatus.OK, {})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"listeners": ()}, "sip: no listener"),
        ({"takes_calls": False}, "sip: no calls are taken"),
        ({"logins": logins(FAILING_LOGINS)}, "xmpp: 3 logins in a row failed at jitsi"),
        ({"load": ticking(last=NOW - 3)}, "media: the media clock has not ticked for 3 s"),
        ({"load": ticking(late=0.5)}, "media: 50% of the ticks are late"),
    ],
)
def test_an_ill_part_is_named(changes: dict[str, Any], told: str) -> None:
    status, body = health(snapshot(**changes))
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert str(body["reason"]).startswith(told)


def test_all_ill_parts_are_named() -> None:
    _, body = health(snapshot(takes_calls=False, logins=logins(5), load=ticking(late=1.0)))
    assert [part in str(body["reason"]) for part in ("sip:", "xmpp:", "media:")] == [True] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"logins": logins(FAILING_LOGINS - 1)},
        {"logins": logins(FAILING_LOGINS, since=LOGINS_REMEMBERED)},
        {"load": EngineLoad(is_ticking=False, last_tick=0.0)},
        {"load": ticking(late=0.05)},
        {"phase": Phase.DRAINING},
        {"max_calls": 1, "calls": (call(),)},
    ],
    ids=["two failures", "old failures", "at rest", "somewhat late", "draining", "full"],
)
def test_what_passes_by_itself_is_no_illness(changes: dict[str, Any]) -> None:
    assert health(snapshot(**changes))[0] == HTTPStatus.OK


def test_one_success_makes_logins_well_again() -> None:
    failing = logins(FAILING_LOGINS)
    failing["jitsi"].success()
    assert health(snapshot(logins=failing))[0] == HTTPStatus.OK


def test_before_it_is_up_health_is_unavailable() -> None:
    starting = snapshot(phase=Phase.STARTING, takes_calls=False, listeners=())
    assert health(starting)[0] == HTTPStatus.SERVICE_UNAVAILABLE


def test_verbose_health_has_the_same_status_and_each_part() -> None:
    status, body = verbose_health(snapshot(logins=logins(FAILING_LOGINS)))
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert body["sip"] == {"healthy": True, "problem": None}
    assert body["media"] == {"healthy": True, "problem": None}
    assert isinstance(body["xmpp"], dict)
    assert body["xmpp"]["healthy"] is False


def test_alive_is_who_answers_and_ticks() -> None:
    assert liveness(snapshot(takes_calls=False))[0] == HTTPStatus.OK
    stalled = snapshot(load=ticking(last=NOW - 3))
    assert liveness(stalled)[0] == HTTPStatus.INTERNAL_SERVER_ERROR


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"phase": Phase.STARTING}, "starting"),
        ({"phase": Phase.DRAINING}, "draining"),
        ({"phase": Phase.CLOSING}, "closing"),
        ({"takes_calls": False}, "no calls are taken"),
        ({"max_calls": 1, "calls": (call(),)}, "full: 1 calls of at most 1"),
        ({"load": ticking(late=0.02)}, "overloaded: 2%"),
    ],
)
def test_who_would_take_no_call_is_not_ready(changes: dict[str, Any], told: str) -> None:
    assert readiness(snapshot()) == (HTTPStatus.OK, {})
    status, body = readiness(snapshot(**changes))
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert str(body["reason"]).startswith(told)


def test_how_busy_media_may_be_is_the_configurations_word() -> None:
    busy = snapshot(load=ticking(late=0.012), max_stress=0.5)
    assert readiness(busy) == (
        HTTPStatus.SERVICE_UNAVAILABLE,
        {"reason": "overloaded: 1% of the media ticks are late"},
    )
    assert readiness(snapshot(load=ticking(late=0.5), max_stress=0.0))[0] == HTTPStatus.OK
    down = snapshot(load=EngineLoad(down_since=NOW), max_stress=0.0)
    assert readiness(down)[0] == HTTPStatus.SERVICE_UNAVAILABLE


UP = EngineLoad(is_ticking=True, last_tick=NOW)


def test_a_worker_that_does_not_come_back_is_an_illness() -> None:
    down = EngineLoad(down_since=NOW - DOWN - 2)
    status, body = health(snapshot(loads=(UP, down)))
    assert status == HTTPStatus.INTERNAL_SERVER_ERROR
    assert body["reason"] == "media: a media worker has been down for 12 s"
    assert readiness(snapshot(loads=(UP, down)))[0] == HTTPStatus.OK, "the other takes calls"


def test_a_worker_that_is_being_replaced_is_none() -> None:
    assert health(snapshot(loads=(UP, EngineLoad(down_since=NOW - 1))))[0] == HTTPStatus.OK


def test_one_worker_that_stands_still_is_ill_but_the_gateway_is_alive() -> None:
    stalled = ticking(last=NOW - 3)
    assert health(snapshot(loads=(UP, stalled)))[0] == HTTPStatus.INTERNAL_SERVER_ERROR
    assert liveness(snapshot(loads=(UP, stalled)))[0] == HTTPStatus.OK
    assert liveness(snapshot(loads=(stalled, stalled)))[0] == HTTPStatus.INTERNAL_SERVER_ERROR


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (EngineLoad(cpu_share=0.9), "overloaded: media workers use 90% of their cores"),
        (EngineLoad(down_since=NOW), "overloaded: no media worker is up"),
    ],
)
def test_workers_that_can_take_no_call_are_not_ready_until_one_can(
    load: EngineLoad, told: str
) -> None:
    assert readiness(snapshot(loads=(load, load))) == (
        HTTPStatus.SERVICE_UNAVAILABLE,
        {"reason": told},
    )
    assert readiness(snapshot(loads=(load, UP)))[0] == HTTPStatus.OK
