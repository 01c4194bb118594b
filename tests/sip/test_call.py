"""A call as coroutines use it, on a stack whose time is a number."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from gateway.sip.call import Call, CallEnded, CallEvents, OfferWithdrawn
from gateway.sip.events import (
    Answered,
    Cancelled,
    Ended,
    HungUp,
    InfoReceived,
    InviteReceived,
    Reoffered,
    SessionExpired,
)
from gateway.sip.message import Request, Response
from gateway.sip.reason import Reason
from tests.sip.wire import ANSWER, OFFER, SIXTY_FOUR_T1, UDP, Bench, Fields, request, response

WARNING = (("Warning", '305 gw "Incompatible media format"'),)


class Phone:
    """A bench whose events go to one call."""

    def __init__(self, *, body: bytes = OFFER, fields: Fields = ()) -> None:
        self.bench = Bench()
        self.bench.receive(request(body=body, fields=list(fields)))
        (event,) = self.bench.events()
        assert isinstance(event, InviteReceived)
        self.session = event.session
        self.call = Call(event.session, event.request, UDP, event.offer, self.order)
        self.bench.take()

    def order(self, action: Callable[[float], None]) -> None:
        self.bench.order(action)
        self.dispatch()

    def receive(self, data: bytes) -> None:
        self.bench.receive(data)
        self.dispatch()

    def advance(self, seconds: float) -> None:
        self.bench.advance(seconds)
        self.dispatch()

    def dispatch(self) -> None:
        for event in self.bench.events():
            self.call.receive(event)

    @property
    def tag(self) -> str:
        assert self.session.dialog is not None
        return self.session.dialog.id.local_tag

    async def confirmed(self) -> None:
        answering = asyncio.create_task(self.call.answer(ANSWER))
        await asyncio.sleep(0)
        self.receive(request("ACK", branch="z9hG4bK-a", to_tag=self.tag))
        await answering
        self.bench.take()


async def test_answering_waits_for_the_ack() -> None:
    phone = Phone()
    assert (phone.call.call_id, phone.call.offer) == ("call-1", OFFER)
    phone.call.ring()
    answering = asyncio.create_task(phone.call.answer(ANSWER, headers=[("X-A", "b")]))
    await asyncio.sleep(0)
    assert phone.bench.statuses() == [180, 200]
    assert not answering.done()
    phone.receive(request("ACK", branch="z9hG4bK-a", to_tag=phone.tag))
    assert await answering is None


async def test_the_answer_to_a_late_offer_is_what_answering_returns() -> None:
    phone = Phone(body=b"")
    assert phone.call.offer is None
    answering = asyncio.create_task(phone.call.answer(OFFER))
    await asyncio.sleep(0)
    phone.receive(request("ACK", branch="z9hG4bK-a", to_tag=phone.tag, body=ANSWER))
    assert await answering == ANSWER


@pytest.mark.parametrize(
    ("happens", "event"),
    [
        (lambda phone: phone.advance(SIXTY_FOUR_T1), "AckMissing"),
        (
            lambda phone: phone.receive(
                request("BYE", branch="z9hG4bK-b", to_tag=phone.tag, cseq=2)
            ),
            "HungUp",
        ),
        (lambda phone: phone.call.hang_up(), None),
    ],
)
async def test_a_call_that_ends_before_the_ack_ends_the_waiting(
    happens: Callable[[Phone], None], event: str | None
) -> None:
    phone = Phone()
    answering = asyncio.create_task(phone.call.answer(ANSWER))
    await asyncio.sleep(0)
    happens(phone)
    with pytest.raises(CallEnded) as raised:
        await answering
    assert (type(raised.value.event).__name__ if raised.value.event else None) == event


async def test_answering_a_call_given_up_says_so_at_once() -> None:
    phone = Phone()
    phone.receive(request("CANCEL"))
    with pytest.raises(CallEnded) as raised:
        await phone.call.answer(ANSWER)
    assert isinstance(raised.value.event, Cancelled)


async def test_iterating_over_the_events_ends_with_the_call() -> None:
    phone = Phone()
    await phone.confirmed()
    phone.receive(request(branch="z9hG4bK-r", to_tag=phone.tag, cseq=2, body=OFFER))
    phone.call.reject_reoffer()
    assert phone.bench.statuses() == [100, 488]
    phone.receive(request("BYE", branch="z9hG4bK-b", to_tag=phone.tag, cseq=3))
    kinds = [type(event) async for event in phone.call.events]
    assert kinds == [Reoffered, HungUp]
    assert await phone.call.events.next() is None


async def test_a_reoffer_can_be_accepted() -> None:
    phone = Phone()
    await phone.confirmed()
    phone.receive(request(branch="z9hG4bK-r", to_tag=phone.tag, cseq=2))
    accepting = asyncio.create_task(phone.call.accept_reoffer(OFFER))
    await asyncio.sleep(0)
    phone.receive(request("ACK", branch="z9hG4bK-s", to_tag=phone.tag, cseq=2, body=ANSWER))
    assert await accepting == ANSWER


async def test_accepting_a_reoffer_that_was_taken_back_does_not_wait_for_ever() -> None:
    phone = Phone()
    await phone.confirmed()
    phone.receive(request(branch="z9hG4bK-r", to_tag=phone.tag, cseq=2, body=OFFER))
    phone.receive(request("CANCEL", branch="z9hG4bK-r", to_tag=phone.tag, cseq=2))
    with pytest.raises(OfferWithdrawn):
        await phone.call.accept_reoffer(ANSWER)
    assert phone.bench.stack.sessions == (phone.session,)


async def test_leaving_a_call_refuses_it_or_hangs_it_up() -> None:
    pending, answered = Phone(), Phone()
    with pending.call:
        pass
    assert pending.bench.statuses() == [480]
    with answered.call:
        await answered.confirmed()
    assert answered.bench.statuses() == ["BYE"]
    assert [event async for event in answered.call.events] == []


async def test_leaving_a_call_by_a_fault_of_ours_says_500() -> None:
    phone = Phone()
    with pytest.raises(ZeroDivisionError), phone.call:
        _ = 1 / 0
    refusal = phone.bench.the_response()
    assert (refusal.status, refusal.headers["Reason"]) == (
        500,
        'SIP;cause=500;text="Server Internal Error"',
    )


async def test_leaving_a_call_because_the_task_is_cancelled_is_no_fault() -> None:
    phone = Phone()

    async def story() -> None:
        with phone.call:
            await asyncio.Event().wait()

    task = asyncio.create_task(story())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert phone.bench.statuses() == [480]


async def test_a_call_is_refused_with_a_reason() -> None:
    phone = Phone()
    phone.call.reject(404, "No Such Room", headers=[("X-A", "b")], reason=Reason("Q.850", 1))
    refusal = phone.bench.the_response()
    assert (refusal.status, refusal.phrase) == (404, "No Such Room")
    assert (refusal.headers["X-A"], refusal.headers["Reason"]) == ("b", "Q.850;cause=1")
    phone.call.hang_up()
    phone.call.ring()
    assert phone.bench.take() == []


async def test_a_call_made_acknowledges_an_offer() -> None:
    bench = Bench()
    session, invite = bench.inviting(None)
    call = Call(session, invite, UDP, None, bench.order)
    bench.receive(response(invite, 200, body=OFFER))
    for event in bench.events():
        call.receive(event)
    assert isinstance(await call.events.next(), Answered)
    call.acknowledge(ANSWER)
    assert bench.the_request().body == ANSWER


async def test_a_flood_of_events_nobody_reads_is_cut_but_for_the_end() -> None:
    events, session = CallEvents(), Phone().session
    for _ in range(1000):
        events.put(InfoReceived(session, "a/b", b""))
    events.put(HungUp(session, ()))
    events.close()
    events.close()
    events.put(InfoReceived(session, "a/b", b""))
    seen = [event async for event in events]
    assert len(seen) == 257
    assert seen[-1] == HungUp(session, ())
    assert Ended(session) not in seen


# --- INFO and MESSAGE ---------------------------------------------------------------------------


async def test_an_info_and_a_message_have_outcomes() -> None:
    phone = Phone()
    await phone.confirmed()
    info = asyncio.create_task(phone.call.info("application/json", b"{}"))
    message = asyncio.create_task(phone.call.message("Grüße"))
    for method, body, status in (("INFO", b"{}", 200), ("MESSAGE", "Grüße".encode(), 405)):
        await asyncio.sleep(0)
        sent = phone.bench.the_request()
        assert (sent.method, sent.body) == (method, body)
        phone.receive(response(sent, status))
    assert sent.headers["Content-Type"] == "text/plain;charset=utf-8"
    assert (await info).is_success
    assert (await message).status == 405


async def test_who_waits_for_an_outcome_hears_that_the_call_is_over() -> None:
    phone = Phone()
    await phone.confirmed()
    waiting = [
        asyncio.create_task(phone.call.info("application/json", body)) for body in (b"1", b"2")
    ]
    await asyncio.sleep(0)
    phone.receive(request("BYE", branch="z9hG4bK-b", to_tag=phone.tag, cseq=2))
    for one in waiting:
        with pytest.raises(CallEnded, match="HungUp"):
            await one
    with pytest.raises(CallEnded, match="HungUp"):
        await phone.call.message("too late")


async def test_nobody_needs_to_wait_for_an_outcome() -> None:
    phone = Phone()
    await phone.confirmed()
    waiting = asyncio.create_task(phone.call.info("application/json", b"1"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    phone.receive(response(phone.bench.the_request(), 200))
    assert not phone.call.is_over


async def test_a_text_too_long_for_a_message_is_our_mistake() -> None:
    phone = Phone()
    await phone.confirmed()
    with pytest.raises(ValueError, match="1301 octets"):
        await phone.call.message("x" * 1301)


async def test_an_update_is_accepted_or_refused_like_a_reinvite_but_needs_no_ack() -> None:
    phone = Phone()
    await phone.confirmed()
    update = partial(request, "UPDATE", to_tag=phone.tag, body=OFFER)
    phone.receive(update(branch="z9hG4bK-u2", cseq=2))
    assert await phone.call.accept_reoffer(ANSWER) is None
    assert phone.bench.the_response().body == ANSWER
    phone.receive(update(branch="z9hG4bK-u3", cseq=3))
    phone.call.reject_reoffer(488, headers=WARNING)
    refusal = phone.bench.the_response()
    assert (refusal.status, refusal.headers["Warning"]) == (488, WARNING[0][1])
    assert [type(await phone.call.events.next()) for _ in range(2)] == [Reoffered] * 2


async def test_a_reinvite_is_refused_with_a_warning() -> None:
    phone = Phone()
    await phone.confirmed()
    phone.receive(request(branch="z9hG4bK-r", to_tag=phone.tag, cseq=2, body=OFFER))
    phone.bench.forget()
    phone.call.reject_reoffer(headers=WARNING)
    refusal = phone.bench.the_response()
    assert (refusal.status, refusal.headers["Warning"]) == (488, WARNING[0][1])


async def test_a_referral_is_accepted_and_reported_or_refused() -> None:
    phone = Phone()
    await phone.confirmed()
    refer = partial(request, "REFER", to_tag=phone.tag, fields=[("Refer-To", "<sip:a@b>")])
    phone.receive(refer(branch="z9hG4bK-r2", cseq=2))
    phone.call.reject_referral(603)
    assert phone.bench.statuses() == [603]
    phone.receive(refer(branch="z9hG4bK-r3", cseq=3))
    phone.call.accept_referral()
    accepted, trying = phone.bench.messages()
    assert isinstance(accepted, Response) and isinstance(trying, Request)
    assert (accepted.status, trying.method) == (202, "NOTIFY")
    phone.receive(response(trying, 200))
    phone.call.report_referral(200)
    assert phone.bench.the_request().body == b"SIP/2.0 200 OK\r\n"


async def test_a_call_that_nobody_refreshes_is_over() -> None:
    phone = Phone()
    await phone.confirmed()
    phone.advance(900 + SIXTY_FOUR_T1)  # our refresh is not answered
    assert phone.call.is_over
    assert isinstance(await phone.call.events.next(), SessionExpired)
    assert await phone.call.events.next() is None


@pytest.mark.parametrize(
    ("require", "offer", "wants"),
    [("100rel", b"", True), ("100rel", OFFER, False), ("", b"", False)],
)
async def test_who_requires_reliable_ringing_and_has_no_offer_wants_ours(
    require: str, offer: bytes, wants: bool
) -> None:
    phone = Phone(body=offer, fields=[("Require", require)] if require else [])
    assert phone.call.wants_early_offer is wants
