"""The story of a call that comes in: which room, joining it, answering, talking, the end.

The phone rings until the conference shows us in its room; then it is answered. Where that depends
on people (a lobby, a host) it is answered at once, and hears that it waits: trunks give up on a
phone that rings for minutes. Whatever ends the call, from whichever side, is raised as `_Over` and
ends everything that runs for it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog

from gateway.calls.backdrop import Backdrop
from gateway.calls.end_reason import CallEnd, EndReason, of_join_failure, of_leaving
from gateway.calls.keypad import Keypad, KeypadCommand
from gateway.calls.media_session import MediaSession, MediaSwitch
from gateway.calls.negotiation import Negotiation
from gateway.calls.record import CallRecord
from gateway.calls.routing import Called, Route, Trunk, find_route
from gateway.conference import events as conference
from gateway.conference.floor import Toggled
from gateway.conference.installation import Installation
from gateway.conference.participant import Participant
from gateway.errors import ConferenceError, MediaError, SdpError
from gateway.media import messages as media
from gateway.sdp.offer_answer import NotAcceptable
from gateway.sip import events as sip
from gateway.sip.call import Call, CallEnded, OfferWithdrawn
from gateway.sip.flow import Flow
from gateway.sip.header_values import parse_uri
from gateway.sip.reason import Reason

log = structlog.get_logger(__name__)

_FAREWELL = 2.0  # seconds of congestion tone before a call that broke is hung up


@dataclass(frozen=True, slots=True)
class Services:
    """What every call uses: the conferences, the media engine, and what we answer with.

    `local_host` is the address a phone on a flow can send RTP to. `label` names a call's SIP
    messages in the log. `retry_after` is in seconds.
    """

    installation: Installation
    switch: MediaSwitch
    local_host: Callable[[Flow], str]
    label: Callable[[Call, str], None]
    retry_after: int = 30


class _Over(Exception):
    def __init__(self, end: CallEnd) -> None:
        super().__init__(end.text)
        self.end = end


def _end(reason: EndReason, text: str) -> NoReturn:
    raise _Over(CallEnd(reason, text))


class IncomingCall:
    """One call, from its INVITE on; `run` it once."""

    def __init__(self, call: Call, trunk: Trunk, services: Services, record: CallRecord) -> None:
        self._call = call
        self._trunk = trunk
        self._services = services
        self._record = record
        self._is_answered = False  # acknowledged or not
        self._answering = asyncio.Lock()

    async def run(self) -> None:
        """Return when nothing of the call is left; `record` says how it went."""
        with self._call:
            try:
                await self._attend(self._find_route())
            except* _Over as over:
                self._hang_up(_first(over))

    def shut_down(self) -> None:
        """End the call because the gateway goes down."""
        self._hang_up(CallEnd(EndReason.SHUTDOWN, "the gateway is shutting down"))

    # The story

    def _find_route(self) -> Route:
        try:
            route = find_route(
                called_of(self._call), self._trunk, self._services.installation.muc_domains
            )
        except ConferenceError as error:
            raise _Over(of_join_failure(error)) from error
        self._record.room = route.room.jid
        log.info("room found", room=route.room.jid, by=route.found_by)
        return route

    async def _attend(self, route: Route) -> None:
        session = MediaSession(self._services.switch, self._record.id, route.room.jid)
        async with (
            session,
            Participant(
                self._services.installation,
                route.room,
                display_name=self._record.caller or "Phone",
                media=session,
                password=route.password,
            ) as participant,
        ):
            try:
                async with asyncio.TaskGroup() as beside:
                    beside.create_task(self._follow_engine(session, participant))
                    negotiation = await self._open_phone(session)
                    answer = self._answer_offer(negotiation)
                    beside.create_task(self._follow_phone(session, negotiation))
                    self._call.ring()
                    log.info("ringing")

                    async def answered() -> None:
                        await self._answer(session, negotiation, answer)

                    backdrop = Backdrop(session)
                    beside.create_task(backdrop.run())
                    beside.create_task(
                        self._follow_conference(session, participant, backdrop, answered)
                    )
                    await self._join(session, participant)
                    backdrop.entered()
                    await answered()
            except* _Over as over:
                # The phone is told before the conference is left: that may take seconds.
                self._hang_up(_first(over))
        self._record.report = session.report

    async def _open_phone(self, session: MediaSession) -> Negotiation:
        try:
            _, port = await session.open_phone()
        except MediaError as error:
            raise _Over(CallEnd(EndReason.NO_PORT, str(error))) from error
        # The port is bound to all addresses perhaps: which one reaches us depends on the phone.
        source = self._call.source
        return Negotiation((self._services.local_host(source), port), source.remote[0])

    def _answer_offer(self, negotiation: Negotiation) -> tuple[bytes, media.PhoneMedia] | None:
        """Our answer, before anybody is bothered; None if the offer is to be ours."""
        if self._call.offer is None:
            return None
        try:
            return negotiation.answer(self._call.offer)
        except SdpError as error:
            raise _Over(_of_description(error)) from error

    async def _join(self, session: MediaSession, participant: Participant) -> None:
        try:
            await participant.join()
        except ConferenceError as error:
            end = of_join_failure(error)
            if self._is_answered:
                await self._say_farewell(session)
            raise _Over(end) from error
        self._record.endpoint = participant.endpoint

    async def _answer(
        self,
        session: MediaSession,
        negotiation: Negotiation,
        answer: tuple[bytes, media.PhoneMedia] | None,
    ) -> None:
        """Answer the phone, unless it has been; return when it has acknowledged that."""
        async with self._answering:
            if self._is_answered:
                return
            self._is_answered = True
            try:
                if answer is not None:
                    description, agreed = answer
                    session.connect_phone(agreed)
                    await self._call.answer(description)
                else:
                    acknowledged = await self._call.answer(negotiation.offer())
                    session.connect_phone(_agreed(negotiation, acknowledged))
            except CallEnded as ended:
                raise _Over(_end_of(ended.event)) from ended
            self._record.answered()
            log.info("answered", after=f"{self._record.setup_time:.2f} s")

    # What goes on beside it

    async def _follow_phone(self, session: MediaSession, negotiation: Negotiation) -> None:
        async for event in self._call.events:
            match event:
                case sip.Reoffered():
                    await self._renegotiate(session, negotiation, event.offer)
                case sip.InfoReceived() | sip.MessageReceived():
                    log.info("said within the call", what=type(event).__name__)
                case _:
                    raise _Over(_end_of(event))
        _end(EndReason.INTERNAL_ERROR, "hung up by us, nobody knows why")

    async def _renegotiate(
        self, session: MediaSession, negotiation: Negotiation, offer: bytes | None
    ) -> None:
        """Hold, resume, another address: what cannot be agreed on changes nothing."""
        try:
            if offer is None:
                answer = await self._call.accept_reoffer(negotiation.offer())
                agreed = _agreed(negotiation, answer)
            else:
                description, agreed = negotiation.answer(offer)
                await self._call.accept_reoffer(description)
        except SdpError as error:
            log.info("new offer refused", reason=str(error))
            self._call.reject_reoffer(_of_description(error).reason.status)
        except OfferWithdrawn:
            log.info("new offer withdrawn")
        except CallEnded as ended:
            raise _Over(_end_of(ended.event)) from ended
        else:
            session.connect_phone(agreed)
            log.info("renegotiated", direction=agreed.direction.value, held=agreed.is_held)

    async def _follow_engine(self, session: MediaSession, participant: Participant) -> None:
        keypad = Keypad()
        clock = asyncio.get_running_loop().time
        async for event in session.events():
            match event:
                case media.BridgeConnected():
                    participant.bridge_connected(event.session)
                case media.BridgeLost():
                    participant.bridge_lost(event.session, event.reason)
                case media.PhoneSilent():
                    _end(EndReason.NO_RTP, f"no audio from the phone for {event.seconds:.0f} s")
                case media.DigitReceived():
                    # Digits may be a PIN: which one it was is nobody's business.
                    log.info("digit", milliseconds=round(event.duration * 1000))
                    self._pressed(keypad.pressed(event.digit, clock()), session, participant)
                case media.PhoneLatched():
                    log.info("phone heard", address=event.address)
                case media.Failed():
                    _end(EndReason.INTERNAL_ERROR, f"{event.command}: {event.reason}")

    def _pressed(
        self, command: KeypadCommand | None, session: MediaSession, participant: Participant
    ) -> None:
        if command is KeypadCommand.TOGGLE_MICROPHONE:
            toggled = participant.toggle_microphone()
            if toggled is not None:
                session.play(_ANSWERS[toggled])

    async def _follow_conference(
        self,
        session: MediaSession,
        participant: Participant,
        backdrop: Backdrop,
        answered: Callable[[], Awaitable[None]],
    ) -> None:
        async for event in participant.events():
            backdrop.told(event)
            match event:
                case conference.Waiting():
                    await answered()
                case conference.Moved():
                    log.info("moved", room=event.room)
                case conference.Alone():
                    log.info("alone in the conference")
                case conference.MediaUp():
                    self._record.media_up()
                    log.info("media connected", after=f"{self._record.media_time:.2f} s")
                case conference.MediaDown():
                    log.info("media disconnected", reason=event.reason)
                case conference.MutedByModerator():
                    log.info("muted by moderator", actor=event.actor)
                    session.play(media.Tone.MUTED)
                case conference.Approved():
                    log.info("may speak")
                    session.play(media.Tone.MAY_SPEAK)
                case conference.Rejoined():
                    self._record.endpoint = participant.endpoint
                    log.info("rejoined", endpoint=participant.endpoint)
                case conference.Ended():
                    end = of_leaving(event.cause, event.text)
                    if end.reason in _TOLD:
                        await self._say_farewell(session)
                    raise _Over(end)
                case _:
                    pass

    # The end

    async def _say_farewell(self, session: MediaSession) -> None:
        session.play(media.Tone.CONGESTION)
        await asyncio.sleep(_FAREWELL)

    def _hang_up(self, end: CallEnd) -> None:
        if self._record.end is not None:
            return
        self._record.ended(end)
        if end.reason in _BY_THE_PHONE:
            return
        if self._is_answered:
            self._call.hang_up(end.sip_reason)
            return
        retry = end.reason.status == 503
        headers = (("Retry-After", str(self._services.retry_after)),) if retry else ()
        # What is no failure after an answer (the meeting has ended) is one before it.
        status = end.reason.status if end.reason.status >= 300 else 480
        self._call.reject(status, headers=headers, reason=end.sip_reason)


_BY_THE_PHONE = frozenset({EndReason.CALLER_HUNG_UP, EndReason.CALLER_CANCELLED, EndReason.NO_ACK})
_TOLD = frozenset(
    {EndReason.MEDIA_FAILED, EndReason.CONFERENCE_LOST, EndReason.LOBBY_DENIED, EndReason.LOBBY}
)
_ANSWERS = {
    Toggled.MUTED: media.Tone.MUTED,
    Toggled.UNMUTED: media.Tone.UNMUTED,
    Toggled.HAND_RAISED: media.Tone.HAND,
    Toggled.HAND_LOWERED: media.Tone.MUTED,
}


def called_of(call: Call) -> Called:
    """Who an INVITE is for: the user parts of its Request-URI and To, and its headers."""
    request = call.request
    users = (parse_uri(request.uri).user or "", request.headers.to.user)
    headers: dict[str, str] = {}
    for name, value in request.headers.fields():
        headers.setdefault(name.lower(), value)
    return Called(tuple(dict.fromkeys(user for user in users if user)), headers)


def _agreed(negotiation: Negotiation, answer: bytes | None) -> media.PhoneMedia:
    """What the ACK's answer to our offer agrees to."""
    if answer is None:
        _end(EndReason.BAD_DESCRIPTION, "the ACK has no answer to our offer")
    try:
        return negotiation.answered(answer)
    except SdpError as error:
        raise _Over(_of_description(error)) from error


def _of_description(error: SdpError) -> CallEnd:
    """What a description that cannot be served, or not even read, means for the call."""
    nothing_common = isinstance(error, NotAcceptable)
    reason = EndReason.NO_COMMON_CODEC if nothing_common else EndReason.BAD_DESCRIPTION
    return CallEnd(reason, str(error))


def _end_of(event: object) -> CallEnd:
    """The end of the call as the phone has brought it about."""
    match event:
        case sip.HungUp(reasons=reasons):
            return CallEnd(EndReason.CALLER_HUNG_UP, _said(reasons) or "the caller hung up")
        case sip.Cancelled(reasons=reasons):
            return CallEnd(EndReason.CALLER_CANCELLED, _said(reasons) or "the caller gave up")
        case sip.AckMissing():
            return CallEnd(EndReason.NO_ACK, "the phone never acknowledged our answer")
    return CallEnd(EndReason.INTERNAL_ERROR, f"unexpected: {type(event).__name__}")


def _said(reasons: tuple[Reason, ...]) -> str:
    return ", ".join(reason.serialize() for reason in reasons)


def _first(group: BaseExceptionGroup[Any]) -> CallEnd:
    first = group.exceptions[0]
    return first.end if isinstance(first, _Over) else _first(first)
