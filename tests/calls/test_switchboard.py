"""Which calls are admitted at all."""

from ipaddress import ip_network
from typing import Any

import pytest
import structlog

from gateway.calls.services import Services
from gateway.calls.switchboard import Switchboard
from gateway.calls.trunk import Trunk
from gateway.calls.trunk_limits import TrunkLimit
from gateway.sip.admission import FORBID, Refusal, Verdict, unavailable
from gateway.sip.message import Request, parse_message
from tests.calls.fake_phone import FLOW
from tests.sip.wire import request

NETWORK = ip_network(f"{FLOW.remote[0]}/32")
TRUNK = Trunk("trunk", (NETWORK,))


def switchboard(trunk: Trunk = TRUNK, *, overloaded: bool = False) -> Switchboard:
    services = Services(
        installations=(),
        user_agent=None,  # type: ignore[arg-type]
        switch=None,  # type: ignore[arg-type]
        local_host=lambda flow, media_host: "10.0.0.1",
        retry_after=17,
    )
    return Switchboard(
        (trunk,),
        services,
        strangers=FORBID,
        max_calls=10,
        is_overloaded=lambda: overloaded,
    )


def admitted(*, overloaded: bool) -> Verdict | Refusal:
    return switchboard(overloaded=overloaded).admit(FLOW, invite())


def invite(*fields: tuple[str, str]) -> Request:
    message = parse_message(request("INVITE", fields=fields))
    assert isinstance(message, Request)
    return message


def options() -> Request:
    message = parse_message(request("OPTIONS"))
    assert isinstance(message, Request)
    return message


async def test_while_media_is_overloaded_calls_are_to_come_later() -> None:
    assert admitted(overloaded=True) == unavailable(17)
    assert admitted(overloaded=False) is Verdict.ACCEPT


async def test_calls_above_a_trunks_limit_are_to_come_later_even_before_others_have_begun() -> None:
    board = switchboard(Trunk("trunk", (NETWORK,), max_calls=2))
    invites = [invite() for _ in range(3)]
    answers = [board.admit(FLOW, each) for each in invites]
    assert answers == [Verdict.ACCEPT, Verdict.ACCEPT, unavailable(17)]
    assert board.limits.refused == {("trunk", TrunkLimit.CALLS): 1}
    del invites[0]  # the stack has refused it after all
    assert board.admit(FLOW, invite()) is Verdict.ACCEPT


async def test_calls_that_come_too_fast_are_to_come_a_second_later() -> None:
    board = switchboard(Trunk("trunk", (NETWORK,), max_calls_per_second=0.01))
    answers = [board.admit(FLOW, each) for each in (invite(), invite())]
    assert answers == [Verdict.ACCEPT, unavailable(1)]


async def test_who_asks_is_told_whether_a_call_would_be_taken() -> None:
    assert switchboard(overloaded=True).admit(FLOW, options()) == unavailable(17)
    assert switchboard(overloaded=False).admit(FLOW, options()) is Verdict.ACCEPT
    board = switchboard(Trunk("trunk", (NETWORK,), max_calls=1))
    assert board.admit(FLOW, options()) is Verdict.ACCEPT
    calling = invite()
    assert board.admit(FLOW, calling) is Verdict.ACCEPT
    assert board.admit(FLOW, options()) == unavailable(17)
    del calling
    assert board.admit(FLOW, options()) is Verdict.ACCEPT
    assert not board.limits.refused


async def test_a_stranger_who_asks_learns_no_more_while_we_are_full() -> None:
    board = switchboard(Trunk("trunk", ()), overloaded=True)
    assert board.admit(FLOW, options()) == FORBID


@pytest.mark.parametrize("trunk", [{}, {"max_calls_per_second": 0.01}, {"takes_calls": False}])
async def test_a_flood_of_calls_that_are_refused_is_a_few_lines_of_the_log(
    trunk: dict[str, Any],
) -> None:
    board = switchboard(Trunk("trunk", (NETWORK,), **trunk), overloaded=not trunk)
    with structlog.testing.capture_logs() as lines:
        for _ in range(1000):
            board.admit(FLOW, invite())
    assert 0 < len(lines) < 50


async def test_limits_are_for_calls_alone() -> None:
    board = switchboard(Trunk("trunk", (NETWORK,), max_calls=0, max_calls_per_second=0.01))
    gone = parse_message(request("INVITE", to_tag="gone"))
    assert isinstance(gone, Request)
    assert board.admit(FLOW, gone) is Verdict.ACCEPT  # a 481 then


@pytest.mark.parametrize(
    "limits", [{"max_calls": 0}, {"max_calls_per_second": 0.01}, {"overloaded": True}]
)
async def test_a_call_that_takes_over_another_is_none_too_many(limits: dict[str, Any]) -> None:
    overloaded = limits.pop("overloaded", False)
    board = switchboard(Trunk("trunk", (NETWORK,), **limits), overloaded=overloaded)
    board.admit(FLOW, invite())
    over = invite(("Replaces", "call-1;to-tag=a;from-tag=b"))
    assert board.admit(FLOW, over) is Verdict.ACCEPT


async def test_to_ask_is_no_call_that_comes_too_fast() -> None:
    board = switchboard(Trunk("trunk", (NETWORK,), max_calls_per_second=0.01))
    assert all(board.admit(FLOW, options()) is Verdict.ACCEPT for _ in range(5))
    assert board.admit(FLOW, invite()) is Verdict.ACCEPT


async def test_a_trunk_for_calls_that_go_out_takes_none_but_is_answered() -> None:
    board = switchboard(Trunk("trunk", (NETWORK,), takes_calls=False))
    assert board.admit(FLOW, invite()) == FORBID
    assert board.admit(FLOW, options()) is Verdict.ACCEPT


async def test_a_phone_that_was_called_may_hand_on_its_call() -> None:
    board = switchboard(Trunk("trunk", (NETWORK,), takes_calls=False))
    over = invite(("Replaces", "call-1;to-tag=a;from-tag=b"))
    assert board.admit(FLOW, over) is Verdict.ACCEPT
