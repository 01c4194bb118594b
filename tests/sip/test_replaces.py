"""INVITEs that want to take over a call (RFC 3891)."""

import pytest

from gateway.errors import SipSyntaxError
from gateway.sip.dialog import DialogId
from gateway.sip.events import InviteReceived
from gateway.sip.headers import Headers
from gateway.sip.replaces import Replaces
from tests.sip.wire import OFFER, Bench, request


def invite(value: str, *more: str) -> bytes:
    fields = [("Replaces", each) for each in (value, *more)]
    return request(branch="z9hG4bK-n", call_id="call-2", from_tag="new", body=OFFER, fields=fields)


def test_a_dialog_is_named_from_our_side() -> None:
    headers = Headers([("Replaces", "abc@x;from-tag=theirs ;early-only;to-tag=ours")])
    assert Replaces.parse(headers) == Replaces(DialogId("abc@x", "ours", "theirs"), True)
    old = Headers([("Replaces", "abc@x;to-tag=ours;from-tag=0")])
    assert Replaces.parse(old) == Replaces(DialogId("abc@x", "ours", ""))
    assert Replaces.parse(Headers()) is None


@pytest.mark.parametrize("values", [["abc"], ["abc;to-tag=a"], [";to-tag=a;from-tag=b"], ["a"] * 2])
def test_what_names_no_dialog_cannot_be_read(values: list[str]) -> None:
    with pytest.raises(SipSyntaxError):
        Replaces.parse(Headers([("Replaces", value) for value in values]))


def test_a_call_that_is_there_is_told_with_the_new_one() -> None:
    bench = Bench()
    session, tag = bench.confirmed()
    bench.receive(invite(f"call-1;to-tag={tag};from-tag=peer"))
    assert bench.statuses() == [100]
    (event,) = bench.events()
    assert isinstance(event, InviteReceived)
    assert event.replaces is session
    assert event.session is not session


def test_a_call_is_handed_on_also_while_new_ones_are_refused() -> None:
    bench = Bench()
    session, tag = bench.confirmed()
    bench.stack.is_draining = True
    bench.receive(invite(f"call-1;to-tag={tag};from-tag=peer"))
    assert bench.statuses() == [100]
    (event,) = bench.events()
    assert isinstance(event, InviteReceived)
    assert event.replaces is session


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("call-1;to-tag=TAG;from-tag=other", 481),
        ("call-9;to-tag=TAG;from-tag=peer", 481),
        ("call-1;to-tag=TAG;from-tag=peer;early-only", 486),
        ("call-1;from-tag=peer", 400),
    ],
)
def test_a_call_that_cannot_be_replaced_is_not(value: str, status: int) -> None:
    bench = Bench()
    session, tag = bench.confirmed()
    bench.receive(invite(value.replace("TAG", tag)))
    assert bench.statuses() == [status]
    assert bench.events() == []
    assert bench.stack.sessions == (session,)


def test_two_calls_cannot_be_replaced_at_once() -> None:
    bench = Bench()
    _, tag = bench.confirmed()
    value = f"call-1;to-tag={tag};from-tag=peer"
    bench.receive(invite(value, value))
    assert bench.statuses() == [400]


def test_a_call_that_we_have_not_answered_yet_cannot_be_replaced() -> None:
    bench = Bench()
    session = bench.invited()
    bench.order(lambda now: session.progress(180, now=now))
    tag = bench.the_response().headers.to.tag
    for suffix in ("", ";early-only"):  # it is early, and was not begun by us
        bench.receive(invite(f"call-1;to-tag={tag};from-tag=peer{suffix}"))
        assert bench.statuses() == [481]


def test_a_call_that_we_hang_up_cannot_be_replaced_any_more() -> None:
    bench = Bench()
    session, tag = bench.confirmed()
    bench.order(lambda now: session.hang_up((), now))
    bench.forget()
    bench.receive(invite(f"call-1;to-tag={tag};from-tag=peer"))
    assert bench.statuses() == [481]
