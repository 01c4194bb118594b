"""A call as a coroutine uses it: an order is a method, what happens is an event to wait for.

with call:                          # leaving it in any way ends the call
    call.ring()
    ...
    await call.answer(sdp)
    async for event in call.events:
        ...

Of a call made the events say how it goes: any number of `Provisional`, then `Answered`, or `Failed`
and no more. Of a call received `Cancelled` or `AckMissing` may be the only one. An answered call
may have `Reoffered`, `OfferAnswered`, `PartyStated`, `Referred`, `InfoReceived` and
`MessageReceived`; `HungUp` or `SessionExpired` is its last; events end without it where we have
ended the call.
"""

import asyncio
from collections.abc import Callable
from typing import Self

from gateway.errors import GatewayError
from gateway.sip.client_request import Outcome
from gateway.sip.digest import Credentials
from gateway.sip.events import (
    AckMissing,
    Acknowledged,
    Answered,
    Cancelled,
    Ended,
    Event,
    Failed,
    HungUp,
    InfoReceived,
    InviteReceived,
    MessageReceived,
    OfferAnswered,
    PartyStated,
    Provisional,
    Referred,
    Reoffered,
    SessionExpired,
)
from gateway.sip.flow import Flow
from gateway.sip.instant_message import CONTENT_TYPE, write_text
from gateway.sip.message import Request
from gateway.sip.reason import Reason
from gateway.sip.reliable_provisional import Reliability
from gateway.sip.responses import HeaderFields
from gateway.sip.session import Session

_MAX_WAITING = 256  # events; a peer may send more INFOs than anybody reads

CallOver = Cancelled | AckMissing | SessionExpired | HungUp | Failed
"""The events by which a call ends from outside."""

CallEvent = (
    Provisional
    | Answered
    | Reoffered
    | OfferAnswered
    | PartyStated
    | Referred
    | InfoReceived
    | MessageReceived
    | CallOver
)
"""What a call tells."""

Order = Callable[[Callable[[float], None]], None]
"""Carries out what needs the time, and sends what comes of it."""


class CallEnded(GatewayError):
    """The call ended before what was waited for; `event` says how, None if we ended it."""

    def __init__(self, event: CallOver | None) -> None:
        super().__init__(type(event).__name__ if event is not None else "ended by us")
        self.event = event


class OfferWithdrawn(GatewayError):
    """The peer took its re-INVITE back before it was answered; the call goes on as it was."""


class CallEvents:
    """The events of a call, in order; iterating ends with the call."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[CallEvent | None] = asyncio.Queue()
        self._is_closed = False  # to `put`
        self._is_over = False  # for `next`

    def put(self, event: CallEvent) -> None:
        """Add an event; the one that ends the call always, others while somebody reads."""
        if self._is_closed:
            return
        if self._queue.qsize() < _MAX_WAITING or isinstance(event, CallOver):
            self._queue.put_nowait(event)

    def close(self) -> None:
        """No event will be added."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put_nowait(None)

    async def next(self) -> CallEvent | None:
        """The next event, None once the call is over and every event was taken."""
        if self._is_over:
            return None
        event = await self._queue.get()
        self._is_over = event is None
        return event

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> CallEvent:
        event = await self.next()
        if event is None:
            raise StopAsyncIteration
        return event


class Call:
    """A call received or made.

    `request` is its first INVITE, `offer` the SDP in that, `source` where it came from or went
    to, `replaces` the call that it is to take the place of (RFC 3891). Orders to a call that is
    over have no effect.
    """

    def __init__(
        self,
        session: Session,
        request: Request,
        source: Flow,
        offer: bytes | None,
        order: Order,
        replaces: "Call | None" = None,
    ) -> None:
        self.request = request
        self.source = source
        self.offer = offer
        self.replaces = replaces
        self.events = CallEvents()
        self._session = session
        self._order = order
        self._outcomes: set[asyncio.Future[Outcome]] = set()  # of our INFOs and MESSAGEs
        self._acknowledgement: asyncio.Future[bytes | None] | None = None
        self._end: CallOver | None = None
        self._is_over = False

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.request.headers.call_id

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self._is_over

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        is_fault = exc_type is not None and issubclass(exc_type, Exception)
        self.hang_up(Reason("SIP", 500, "Server Internal Error") if is_fault else None)

    # --- a call received -------------------------------------------------------------------------

    @property
    def wants_early_offer(self) -> bool:
        """Whether only a provisional response with our offer can let it ring (RFC 3262 5)."""
        is_required = Reliability.of(self.request) is Reliability.REQUIRED
        return is_required and self.offer is None

    def identify(self, credentials: Credentials) -> None:
        """Answer who challenges our requests in this call, which has come from there."""
        self._session.identify(credentials)

    def ring(self) -> None:
        """Answer 180."""
        self.progress(180)

    def progress(
        self, status: int, *, sdp: bytes | None = None, headers: HeaderFields = ()
    ) -> None:
        """Answer provisionally, with early media if `sdp` is given."""
        session = self._session
        self._order(lambda now: session.progress(status, sdp=sdp, headers=headers, now=now))

    async def answer(self, sdp: bytes, *, headers: HeaderFields = ()) -> bytes | None:
        """Answer 200 with our SDP and wait for the ACK.

        Returns the ACK's SDP if the INVITE had no offer. CallEnded if the caller gave up, hung up
        or never acknowledged.
        """
        return await self._accept(sdp, headers)

    def reject(
        self,
        status: int,
        phrase: str | None = None,
        *,
        headers: HeaderFields = (),
        reason: Reason | None = None,
    ) -> None:
        """Refuse the call (300 to 699)."""
        if reason is not None:
            headers = (*headers, ("Reason", reason.serialize()))
        session = self._session
        self._order(lambda now: session.reject(status, phrase, headers=headers, now=now))
        self._leave()

    # --- a call made -----------------------------------------------------------------------------

    def acknowledge(self, sdp: bytes) -> None:
        """Answer the offer of an `Answered` to an INVITE without one."""
        self._order(lambda now: self._session.acknowledge(sdp, now))

    # --- either ----------------------------------------------------------------------------------

    async def accept_reoffer(self, sdp: bytes) -> bytes | None:
        """Agree to a `Reoffered` and wait for the ACK, as `answer` does.

        An UPDATE needs no ACK, and has its answer at once. OfferWithdrawn if the peer has cancelled
        it.
        """
        updates = self._session.updates
        if not updates.is_pending:
            return await self._accept(sdp, ())
        self._order(lambda now: updates.accept(sdp, now))
        return None

    def reject_reoffer(self, status: int = 488, *, headers: HeaderFields = ()) -> None:
        """Refuse a `Reoffered`: the call goes on as it was."""
        updates = self._session.updates
        if updates.is_pending:
            self._order(lambda now: updates.reject(status, now, headers))
        else:
            self._order(lambda now: self._session.reject(status, headers=headers, now=now))

    def accept_referral(self) -> None:
        """Agree to a `Referred`; `report_referral` is to follow."""
        self._order(self._session.referrals.accept)

    def reject_referral(self, status: int) -> None:
        """Refuse a `Referred`."""
        self._order(lambda now: self._session.referrals.reject(status, now))

    def report_referral(self, status: int) -> None:
        """Tell the phone what has come of what it `Referred` to, as a SIP status."""
        self._order(lambda now: self._session.referrals.report(status, now))

    async def info(self, media_type: str, body: bytes) -> Outcome:
        """Send an INFO and return what became of it (RFC 6086).

        INFOs and MESSAGEs go one after the other, and not before the call is answered. CallEnded
        if the call is over before the outcome is known.
        """
        return await self._request("INFO", (("Content-Type", media_type),), body)

    async def message(self, text: str) -> Outcome:
        """Send a MESSAGE, as `info` does (RFC 3428); ValueError beyond 1300 octets."""
        return await self._request("MESSAGE", (CONTENT_TYPE,), write_text(text))

    def hang_up(self, reason: Reason | None = None) -> None:
        """End the call wherever it is: refuse it, withdraw it, or say BYE. Once is enough.

        A call made is withdrawn as soon as the peer has shown that it knows of it; one that is
        answered nevertheless is hung up.
        """
        reasons = (reason,) if reason is not None else ()
        self._order(lambda now: self._session.hang_up(reasons, now))
        self._leave()

    # --- for the user agent ----------------------------------------------------------------------

    def receive(self, event: Event) -> None:
        """Take an event of the session."""
        if isinstance(event, Acknowledged):
            if self._acknowledgement is not None and not self._acknowledgement.done():
                self._acknowledgement.set_result(event.answer)
            return
        if not isinstance(event, Ended | InviteReceived):
            self.events.put(event)
        if isinstance(event, CallOver):
            self._end = event
        if isinstance(event, CallOver | Ended):
            self._leave()

    def _leave(self) -> None:
        """Nothing more will come: end what waits for it."""
        self._is_over = True
        self.events.close()
        for outcome in self._outcomes:
            if not outcome.done():
                outcome.set_exception(CallEnded(self._end))
        if self._acknowledgement is not None and not self._acknowledgement.done():
            self._acknowledgement.set_exception(CallEnded(self._end))

    async def _request(self, method: str, headers: HeaderFields, body: bytes) -> Outcome:
        if self._is_over:
            raise CallEnded(self._end)
        became: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def told(outcome: Outcome, now: float) -> None:
            if not became.done():
                became.set_result(outcome)

        self._outcomes.add(became)
        try:
            self._order(
                lambda now: self._session.request(method, headers, body, told=told, now=now)
            )
            return await became
        finally:
            self._outcomes.discard(became)

    async def _accept(self, sdp: bytes, headers: HeaderFields) -> bytes | None:
        if self._is_over:
            raise CallEnded(self._end)
        if not self._session.is_pending:
            raise OfferWithdrawn
        self._acknowledgement = asyncio.get_running_loop().create_future()
        self._order(lambda now: self._session.accept(sdp, headers=headers, now=now))
        return await self._acknowledgement
