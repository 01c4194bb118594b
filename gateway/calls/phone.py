"""The phone's side of a call: what it asks for, what it says, how the call ends with it.

`CallingPhone` (`calling_phone.py`) is one that has called us, `CalledPhone` (`called_phone.py`) one
that we call.
Whatever it does that ends the call is raised as `Over`.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Protocol, Self

import structlog

from gateway.calls.caller_identity import UNKNOWN, CallerIdentity
from gateway.calls.end_reason import BY_THE_PHONE, CallEnd, EndReason, Over
from gateway.calls.in_call import Said
from gateway.calls.media_session import MediaSession
from gateway.calls.negotiation import Negotiation
from gateway.calls.parties import asserted_user, calling_party, party_within
from gateway.calls.record import CallRecord
from gateway.calls.services import Services
from gateway.calls.trunk import Trunk
from gateway.errors import MediaError, MediaLost, SdpError
from gateway.media.messages import Address, PhoneMedia
from gateway.sdp.encryption import Terms
from gateway.sdp.offer_answer import EncryptionRefused, NotAcceptable
from gateway.sip import events as sip
from gateway.sip.call import Call, CallEnded, CallEvent, OfferWithdrawn
from gateway.sip.client_request import Outcome
from gateway.sip.flow import Flow
from gateway.sip.headers import Headers
from gateway.sip.reason import Reason
from gateway.sip.referral import ReferTo

log = structlog.get_logger(__name__)


_REPLACED = Reason("SIP", 200, "Replaced")


class Listener(Protocol):
    """Who is told what the phone does within the call."""

    def said(self, said: Said) -> None:
        """It says something."""

    def held(self, held: bool) -> None:
        """It is on hold, or no longer."""

    def connected(self, party: CallerIdentity) -> None:
        """Somebody else is at it now."""


class Phone:
    """One phone, whose media is `session`'s; its trunk says how these may be.

    `on_answered` is told when the call is answered, `party` is who is at it, as far as that is
    known. Its calls are over when `with` is left.
    """

    def __init__(
        self,
        session: MediaSession,
        services: Services,
        record: CallRecord,
        trunk: Trunk,
        on_answered: Callable[[], None],
        *,
        party: CallerIdentity = UNKNOWN,
    ) -> None:
        self.party = party
        self.is_answered = False  # acknowledged or not
        self.is_held = False
        self._asserted = ""  # who is at it, in the network's word
        self._owned = ExitStack()
        self._successors: asyncio.Queue[Call] = asyncio.Queue()
        self._succeeding = asyncio.Lock()  # while another phone is answered
        self._happening = asyncio.Lock()  # while this one is, within its call
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
            if self._current.is_over or call.replaces is not self._call:
                call.reject(481)
                continue
            try:
                async with self._succeeding:
                    await self._be_succeeded(call, listener)
            except SdpError as error:
                end = of_description(error)
                call.reject(end.reason.status, headers=end.warnings)
            except (CallEnded, OfferWithdrawn):
                log.info("not taken over", sip_call_id=call.call_id)

    async def settled(self) -> None:
        """Return when no answer waits for its ACK: what was agreed would not be applied by who is
        cancelled amid that."""
        for lock in (self._happening, self._succeeding):
            async with lock:
                pass

    async def _be_succeeded(self, call: Call, listener: Listener) -> None:
        negotiation = self._describe(self._port, call.source)
        description, agreed = (
            negotiation.answer(call.offer) if call.offer else (negotiation.offer(), None)
        )
        self._owned.enter_context(call)
        acknowledged = await call.answer(description)
        if agreed is None:
            try:
                agreed = negotiation.answered(acknowledged or b"")
            except SdpError as error:
                log.info("not taken over", sip_call_id=call.call_id, reason=str(error))
                call.hang_up(of_description(error).sip_reason)
                return
        previous, self._call, self._negotiation = self._call, call, negotiation
        self._record.sip_call_id = call.call_id
        self._services.user_agent.label(call, self._record.id)
        log.info("taken over", by=call.call_id)
        self._apply(agreed, listener)
        self._asserted = asserted_user(call.request.headers)
        trusted = self._trunk.trust_identity
        self._connected(calling_party(call.request, is_trusted=trusted), listener)
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
                async with self._happening:
                    await self._happened(event, listener)
        raise Over(CallEnd(EndReason.INTERNAL_ERROR, "hung up by us, nobody knows why"))

    async def _happened(self, event: CallEvent, listener: Listener) -> None:
        call = self._call
        match event:
            case sip.Reoffered():
                agreed = await self._renegotiate(event.offer)
                if agreed is not None:
                    self._apply(agreed, listener)
            case sip.OfferAnswered():
                if (agreed := self._understood(event.answer)) is not None:
                    self._apply(agreed, listener)
            case sip.InfoReceived() | sip.MessageReceived():
                listener.said(event)
            case sip.PartyStated():
                if self._trunk.trust_identity:
                    self._network_states(event.headers, listener)
            case _:
                async with self._succeeding:  # who has transferred its call may be gone first
                    if call is self._call:
                        await self._leaves(event)

    def _network_states(self, headers: Headers, listener: Listener) -> None:
        """Of who is at it already, a refresh of the session seldom says the name, or Privacy."""
        party, before = party_within(headers), self._asserted
        if party is None:
            return
        self._asserted = asserted_user(headers)
        says_less = not party.is_withheld and (self.party.is_withheld or not party.name)
        if self._asserted != before or not says_less:
            self._stated(party, listener)

    def _stated(self, party: CallerIdentity, listener: Listener) -> None:
        """This is who is at it, says the network: it may say so again and again."""
        self._connected(party, listener)

    def _connected(self, party: CallerIdentity, listener: Listener) -> None:
        if party == self.party:
            return
        self.party = party
        log.info("connected to another", party=party.full)
        listener.connected(party)

    async def _leaves(self, event: CallEvent) -> None:
        """The phone wants to be elsewhere, or has ended the call."""
        if not isinstance(event, sip.Referred):
            raise Over(end_of(event))
        await self._refer(event.target)

    async def _refer(self, target: ReferTo) -> None:
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
        self._current.reject(end.refusal, headers=(*headers, *end.warnings), reason=end.sip_reason)

    @property
    def _current(self) -> Call:
        assert self._call is not None, "nobody is called yet"
        return self._call

    async def _open(self) -> None:
        """Take a port for its media. The engine knows nothing of a call that has none."""
        try:
            _, self._port = await self._session.open_phone(self._record.room or None)
        except MediaLost as error:
            raise Over(CallEnd(EndReason.MEDIA_LOST, str(error))) from error
        except MediaError as error:
            raise Over(CallEnd(EndReason.NO_PORT, str(error))) from error

    def _describe(self, port: int, flow: Flow) -> Negotiation:
        """Describe a port so that the peer of this flow can reach it."""

        # The port is bound to all addresses perhaps: which one reaches us depends on the phone.
        def local(media_host: str | None) -> Address:
            return self._services.local_host(flow, media_host), port

        trunk, own = self._trunk, self._session.fingerprint
        fingerprint = (own.hash, own.value) if own is not None else None
        return Negotiation(local, flow.remote[0], trunk.codecs, Terms(trunk.srtp, fingerprint))

    def _answered(self) -> None:
        self._record.answered()
        self._on_answered()
        after = f"{self._record.setup_time:.2f} s"
        log.info("answered", after=after, srtp=self._negotiation.srtp)

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
            end = of_description(error)
            self._current.reject_reoffer(end.reason.status, headers=end.warnings)
        except OfferWithdrawn:
            log.info("new offer withdrawn")
        except CallEnded:
            pass  # how, its events say; by us, if another phone has taken over
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
            return CallEnd(EndReason.NO_ACK, "the phone never acknowledged what we answered")
    return CallEnd(EndReason.INTERNAL_ERROR, f"unexpected: {type(event).__name__}")


def _said(reasons: tuple[Reason, ...]) -> str:
    return ", ".join(reason.serialize() for reason in reasons)
