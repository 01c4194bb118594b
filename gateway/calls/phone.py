"""The phone's side of a call: what it asks for, what it says, how the call ends with it.

`CallingPhone` is one that has called us, `CalledPhone` (`called_phone.py`) one that we call.
Whatever it does that ends the call is raised as `Over`.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol, Self

import structlog

from gateway.calls.end_reason import BY_THE_PHONE, CallEnd, EndReason, Over
from gateway.calls.in_call import Said
from gateway.calls.media_session import MediaSession
from gateway.calls.negotiation import Negotiation
from gateway.calls.record import CallRecord
from gateway.calls.routing import Route, Trunk
from gateway.calls.services import Services
from gateway.errors import ConferenceError, MediaError, SdpError
from gateway.media.messages import Direction, PhoneMedia
from gateway.sdp.offer_answer import EncryptionRefused, NotAcceptable
from gateway.sip import events as sip
from gateway.sip.call import Call, CallEnded, CallEvent, OfferWithdrawn
from gateway.sip.client_request import Outcome
from gateway.sip.flow import Flow
from gateway.sip.reason import Reason
from gateway.sip.referral import ReferTo

log = structlog.get_logger(__name__)


_REPLACED = Reason("SIP", 200, "Replaced")


class Referred(Exception):
    """Raised within a call: the phone is to be in another room."""

    def __init__(self, route: Route) -> None:
        super().__init__(route.room.jid)
        self.route = route


class Listener(Protocol):
    """Who is told what the phone does within the call."""

    def said(self, said: Said) -> None:
        """It says something."""

    def held(self, held: bool) -> None:
        """It is on hold, or no longer."""


class Phone:
    """One phone, whose media is `session`'s; its trunk says how these may be.

    `on_answered` is told when the call is answered. Its calls are over when `with` is left.
    """

    def __init__(
        self,
        session: MediaSession,
        services: Services,
        record: CallRecord,
        trunk: Trunk,
        on_answered: Callable[[], None],
    ) -> None:
        self.is_answered = False  # acknowledged or not
        self.is_held = False
        self._owned = ExitStack()
        self._successors: asyncio.Queue[Call] = asyncio.Queue()
        self._port = 0
        self._trunk = trunk
        self._session = session
        self._services = services
        self._record = record
        self._on_answered = on_answered
        self._call: Call | None = None
        self._negotiation: Negotiation

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while not self._successors.empty():
            self._successors.get_nowait().reject(481)
        self._owned.__exit__(exc_type, exc, traceback)

    def is_in(self, call: Call) -> bool:
        """Whether this is its call."""
        return self._call is call

    def take_over(self, call: Call) -> None:
        """Another phone is to take the place of this one, by a call of its own (RFC 3891)."""
        self._successors.put_nowait(call)

    async def follow_successors(self, listener: Listener) -> None:
        """Let other phones take over, without end."""
        while True:
            call = await self._successors.get()
            if self._current.is_over:
                call.reject(481)
                continue
            try:
                await self._be_succeeded(call, listener)
            except SdpError as error:
                call.reject(of_description(error).reason.status)
            except (CallEnded, OfferWithdrawn):
                log.info("not taken over", sip_call_id=call.call_id)

    async def _be_succeeded(self, call: Call, listener: Listener) -> None:
        negotiation = self._describe(self._port, call.source)
        description, agreed = (
            negotiation.answer(call.offer) if call.offer else (negotiation.offer(), None)
        )
        self._owned.enter_context(call)
        acknowledged = await call.answer(description)
        if agreed is None:
            agreed = negotiation.answered(acknowledged or b"")
        previous, self._call, self._negotiation = self._call, call, negotiation
        self._record.sip_call_id = call.call_id
        self._services.user_agent.label(call, self._record.id)
        log.info("taken over", by=call.call_id)
        self._apply(agreed, listener)
        if previous is not None:
            previous.hang_up(_REPLACED)

    async def info(self, media_type: str, body: bytes) -> Outcome:
        """Send an INFO; CallEnded if the call is over before its outcome is known."""
        return await self._current.info(media_type, body)

    async def message(self, text: str) -> Outcome:
        """Send a MESSAGE, as `info` does."""
        return await self._current.message(text)

    async def follow(self, listener: Listener) -> None:
        """Do what the phone asks for, and pass on what it says, until it ends the call."""
        call = None
        while call is not self._call:  # another may have taken over
            call = self._current
            async for event in call.events:
                if call is not self._call:
                    break
                await self._happened(event, listener)
        raise Over(CallEnd(EndReason.INTERNAL_ERROR, "hung up by us, nobody knows why"))

    async def _happened(self, event: CallEvent, listener: Listener) -> None:
        match event:
            case sip.Reoffered():
                agreed = await self._renegotiate(event.offer)
                if agreed is not None:
                    self._apply(agreed, listener)
            case sip.OfferAnswered():
                if (agreed := self._understood(event.answer)) is not None:
                    self._apply(agreed, listener)
            case sip.Referred():
                self._refer(event.target)
            case sip.InfoReceived() | sip.MessageReceived():
                listener.said(event)
            case _:
                raise Over(end_of(event))

    def _refer(self, target: ReferTo) -> None:
        """The phone wants to be elsewhere, which only some phones may."""
        log.info("not sent elsewhere", host=target.host)
        self._current.reject_referral(603)

    def hang_up(self, end: CallEnd) -> None:
        """End the call for this reason, unless it has ended for another."""
        if self._record.end is not None:
            return
        self._record.ended(self._record.breaking or end)
        if end.reason in BY_THE_PHONE:
            return
        if self.is_answered:
            self._current.hang_up(end.sip_reason)
        else:
            self._refuse(end)

    def _refuse(self, end: CallEnd) -> None:
        """End the call before it was answered."""
        retry = end.reason.status == 503
        headers = (("Retry-After", str(self._services.retry_after)),) if retry else ()
        # What is no failure after an answer (the meeting has ended) is one before it.
        status = end.reason.status if end.reason.status >= 300 else 480
        self._current.reject(status, headers=headers, reason=end.sip_reason)

    @property
    def _current(self) -> Call:
        assert self._call is not None, "nobody is called yet"
        return self._call

    async def _open(self) -> None:
        """Take a port for its media. The engine knows nothing of a call that has none."""
        try:
            _, self._port = await self._session.open_phone(self._record.room or None)
        except MediaError as error:
            raise Over(CallEnd(EndReason.NO_PORT, str(error))) from error

    def _describe(self, port: int, flow: Flow) -> Negotiation:
        """Describe a port so that the peer of this flow can reach it."""
        # The port is bound to all addresses perhaps: which one reaches us depends on the phone.
        local = (self._services.local_host(flow), port)
        trunk = self._trunk
        return Negotiation(local, flow.remote[0], trunk.codecs, trunk.srtp)

    def _answered(self) -> None:
        self._record.answered()
        self._on_answered()
        srtp = self._negotiation.suite or "none"
        log.info("answered", after=f"{self._record.setup_time:.2f} s", srtp=srtp)

    async def _renegotiate(self, offer: bytes | None) -> PhoneMedia | None:
        """Hold, resume, another address: what cannot be agreed on (None) changes nothing."""
        try:
            if offer is None:
                answer = await self._current.accept_reoffer(self._negotiation.offer())
                agreed = self._agreed(answer)
            else:
                description, agreed = self._negotiation.answer(offer)
                await self._current.accept_reoffer(description)
        except SdpError as error:
            log.info("new offer refused", reason=str(error))
            self._current.reject_reoffer(of_description(error).reason.status)
        except OfferWithdrawn:
            log.info("new offer withdrawn")
        except CallEnded as ended:
            raise Over(end_of(ended.event)) from ended
        else:
            return agreed
        return None

    def _understood(self, answer: bytes) -> PhoneMedia | None:
        """What an answer besides that of the 200 agrees to; what makes no sense is let be."""
        try:
            return self._negotiation.answered(answer)
        except SdpError as error:
            log.info("answer ignored", reason=str(error))
            return None

    def _apply(self, agreed: PhoneMedia, listener: Listener) -> None:
        self._session.connect_phone(agreed)
        self.is_held = agreed.is_held
        listener.held(agreed.is_held)
        log.info("renegotiated", direction=agreed.direction.value, held=agreed.is_held)

    def _agreed(self, answer: bytes | None) -> PhoneMedia:
        """What the answer to our offer agrees to."""
        if answer is None:
            text = "our offer has had no answer"
            raise Over(CallEnd(EndReason.BAD_DESCRIPTION, text))
        try:
            return self._negotiation.answered(answer)
        except SdpError as error:
            raise Over(of_description(error)) from error


class CallingPhone(Phone):
    """A phone that has called us; `prepare` its call before anything else.

    With `early_media` it hears us before it is answered. `find` finds the room for where it wants
    to be sent, if it is allowed to; ConferenceError otherwise.
    """

    def __init__(
        self,
        call: Call,
        session: MediaSession,
        services: Services,
        record: CallRecord,
        trunk: Trunk,
        on_answered: Callable[[], None],
        *,
        find: Callable[[ReferTo], Route] | None = None,
    ) -> None:
        super().__init__(session, services, record, trunk, on_answered)
        self._call = self._owned.enter_context(call)
        self._first = call
        self._early_media = trunk.early_media
        self._find = find
        self._description: bytes | None = None  # ours: an answer, or an offer if it makes none
        self._agreed_before: PhoneMedia | None = None  # it is answered
        self._answering = asyncio.Lock()

    async def prepare(self) -> None:
        """Take a port and work out our answer, before anybody is bothered."""
        await self._open()
        self._negotiation = self._describe(self._port, self._first.source)
        if self._first.offer is not None:
            try:
                agreement = self._negotiation.answer(self._first.offer)
                self._description, self._agreed_before = agreement
            except SdpError as error:
                raise Over(of_description(error)) from error

    @property
    def is_heard_early(self) -> bool:
        """Whether it hears us before it is answered."""
        return self._early_media and self._agreed_before is not None

    def ring(self) -> None:
        """Let it ring, or let it hear us already."""
        if self._early_media and self._agreed_before is not None:
            self._connect_early(self._agreed_before)
            self._first.progress(183, sdp=self._description)
        elif self._first.wants_early_offer:
            self._description = self._negotiation.offer()
            self._first.progress(180, sdp=self._description)
        else:
            self._first.ring()
        log.info("ringing")

    def _apply(self, agreed: PhoneMedia, listener: Listener) -> None:
        if self.is_answered:
            super()._apply(agreed, listener)
            return
        self._agreed_before = agreed
        if self._early_media:
            self._connect_early(agreed)

    def _refer(self, target: ReferTo) -> None:
        try:
            route = self._find(target) if self._find is not None else None
        except ConferenceError as error:
            log.info("not sent elsewhere", reason=error.text)
            route = None
        if route is None:
            self._current.reject_referral(603)
            return
        self._current.accept_referral()
        raise Referred(route)

    def referred(self, status: int) -> None:
        """Tell the phone what has come of being sent elsewhere."""
        self._current.report_referral(status)

    def _connect_early(self, agreed: PhoneMedia) -> None:
        """Before it is answered nobody hears the phone."""
        self._session.connect_phone(replace(agreed, direction=_ONLY_SENT[agreed.direction]))

    async def answer(self) -> None:
        """Answer, unless that has been done; return when the phone has acknowledged it."""
        async with self._answering:
            if self.is_answered:
                return
            self.is_answered = True
            try:
                if self._description is None:
                    self._description = self._negotiation.offer()
                if (agreed := self._agreed_before) is not None:
                    self._session.connect_phone(agreed)
                    await self._first.answer(self._description)
                else:
                    acknowledged = await self._first.answer(self._description)
                    self._session.connect_phone(self._agreed(acknowledged))
            except CallEnded as ended:
                raise Over(end_of(ended.event)) from ended
            self._answered()


_ONLY_SENT = {
    Direction.SENDRECV: Direction.SENDONLY,
    Direction.SENDONLY: Direction.SENDONLY,
    Direction.RECVONLY: Direction.INACTIVE,
    Direction.INACTIVE: Direction.INACTIVE,
}


def first_referred(group: BaseExceptionGroup[Any]) -> Route:
    """Where the phone is to be, of a group of nothing but `Referred`."""
    first = group.exceptions[0]
    return first.route if isinstance(first, Referred) else first_referred(first)


def of_description(error: SdpError) -> CallEnd:
    """What a description that cannot be served, or not even read, means for the call."""
    match error:
        case EncryptionRefused():
            return CallEnd(EndReason.NO_COMMON_ENCRYPTION, str(error))
        case NotAcceptable():
            return CallEnd(EndReason.NO_COMMON_CODEC, str(error))
    return CallEnd(EndReason.BAD_DESCRIPTION, str(error))


def end_of(event: object) -> CallEnd:
    """The end of the call as the phone has brought it about."""
    match event:
        case sip.HungUp(reasons=()):
            return CallEnd(EndReason.CALLER_HUNG_UP, "the phone hung up")
        case sip.HungUp(reasons=reasons):
            return CallEnd(EndReason.CALLER_HUNG_UP, _said(reasons))
        case sip.Cancelled(reasons=reasons):
            return CallEnd(EndReason.CALLER_CANCELLED, _said(reasons) or "the caller gave up")
        case sip.SessionExpired():
            return CallEnd(EndReason.SESSION_EXPIRED, "the phone is not there any more")
        case sip.AckMissing():
            return CallEnd(EndReason.NO_ACK, "the phone never acknowledged our answer")
    return CallEnd(EndReason.INTERNAL_ERROR, f"unexpected: {type(event).__name__}")


def _said(reasons: tuple[Reason, ...]) -> str:
    return ", ".join(reason.serialize() for reason in reasons)
