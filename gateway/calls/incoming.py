"""The story of a call that comes in: which room, joining it, answering, talking, the end.

The phone rings until the conference shows us in its room; then it is answered. Where that depends
on people (a lobby, a host), or on a PIN, it is answered at once, and hears that it waits: trunks
give up on a phone that rings for minutes. Whatever ends the call, from whichever side, is raised as
`Over` and ends everything that runs for it.
"""

import asyncio

import structlog

from gateway.calls.conversation import Conversation
from gateway.calls.end_reason import CallEnd, EndReason, Over, first_over, of_join_failure
from gateway.calls.keys import Keys
from gateway.calls.limits import LimitWatch
from gateway.calls.media_session import MediaSession
from gateway.calls.menu import Caller, Menu
from gateway.calls.parties import called_parties, calling_party
from gateway.calls.phone import CallingPhone
from gateway.calls.record import CallRecord
from gateway.calls.routing import Called, Route, Trunk, find_route, route_to
from gateway.calls.services import Services
from gateway.calls.voice import Voice
from gateway.calls.welcome import Welcome
from gateway.conference.participant import Participant
from gateway.errors import ConferenceError
from gateway.ivr.meeting import Meeting
from gateway.sip.call import Call

log = structlog.get_logger(__name__)


class IncomingCall:
    """One call, from its INVITE on; `run` it once."""

    def __init__(self, call: Call, trunk: Trunk, services: Services, record: CallRecord) -> None:
        self._call = call
        self._trunk = trunk
        self._services = services
        self._record = record
        self._session = MediaSession(services.switch, record.id, trunk.sound)
        self._limits = LimitWatch(services.limits)
        self._called = called_of(call, trunk)
        self._party = calling_party(call.request, is_trusted=trunk.trust_identity)
        called = next(iter(self._called.users), "")
        self._caller = Caller(self._party.user or None, called, trunk.name)
        self._meeting: Meeting | None = None  # whose PIN the caller has typed
        self._phone = CallingPhone(
            call, self._session, services, record, trunk, self._limits.answered
        )

    async def run(self) -> None:
        """Return when nothing of the call is left; `record` says how it went."""
        with self._call:
            try:
                await self._attend(self._find_route())
            except* Over as over:
                self._phone.hang_up(first_over(over))
            self._remember()

    def shut_down(self) -> None:
        """End the call because the gateway goes down."""
        self._phone.hang_up(CallEnd(EndReason.SHUTDOWN, "the gateway is shutting down"))

    def _find_route(self) -> Route | None:
        """Where the call goes; None: the caller is to be asked."""
        try:
            route = find_route(self._called, self._trunk, self._services.installations)
        except ConferenceError as error:
            raise Over(of_join_failure(error)) from error
        if route is not None:
            self._found(route)
        elif self._services.reception is None:
            raise AssertionError("the configuration has seen to it that there is a reception")
        return route

    def _found(self, route: Route) -> None:
        self._record.room = route.room.jid
        log.info("room found", room=route.room.jid, by=route.found_by)
        most = self._services.limits.callers_per_room
        if most is not None and self._services.callers_in(route.room.jid) > most:
            raise Over(CallEnd(EndReason.ROOM_FULL, f"{most} calls are in {route.room.jid}"))

    async def _attend(self, route: Route | None) -> None:
        async with self._session:
            try:
                await self._take_part(route if route is not None else await self._ask_route())
            except* Over as over:
                self._phone.hang_up(first_over(over))
        self._record.report = self._session.report

    async def _ask_route(self) -> Route:
        """Have the caller say, by its PIN, which room it wants."""
        reception = self._services.reception
        assert reception is not None
        caller = self._caller
        language = reception.language(caller.number or "", caller.called)
        voice = Voice(self._session, language, reception.names)
        menu = Menu(reception, voice, caller)
        welcome = Welcome(self._phone, self._session, menu, voice, self._limits, self._record)
        self._meeting = meeting = await welcome.run()
        try:
            route = route_to(meeting, self._called, self._trunk, self._services.installations)
        except ConferenceError as error:
            raise Over(of_join_failure(error)) from error
        self._found(route)
        return route

    def _remember(self) -> None:
        """Let a caller that was asked for a PIN come back without one for a while."""
        reception, end = self._services.reception, self._record.end
        if reception is None or self._meeting is None or not self._record.is_joined:
            return
        if end is not None and end.reason not in _NOT_BACK:
            now = asyncio.get_running_loop().time()
            caller = self._caller
            reception.redials.left(caller.number, caller.called, self._meeting, now)

    async def _take_part(self, route: Route) -> None:
        session, phone, record = self._session, self._phone, self._record
        keys = Keys(session, phone.answer)
        participant = Participant(
            route.installation,
            route.room,
            display_name=route.display_name or self._party.shown(self._trunk.show_caller),
            media=session,
            password=route.password,
            token=route.token,
            ask_password=keys.ask_password,
            visitor=route.visitor,
            dial_pad=self._trunk.conference_digits,
        )
        talk = Conversation(
            session,
            participant,
            record,
            trunk=self._trunk,
            answer=phone.answer,
            keys=keys,
            limits=self._limits,
            takes_keys=self._trunk.conference_digits,
        )
        async with participant:
            try:
                async with asyncio.TaskGroup() as beside:
                    beside.create_task(talk.follow_engine())
                    if not phone.is_answered:
                        await phone.prepare()
                        phone.ring()
                    beside.create_task(phone.follow(talk))
                    if phone.is_heard_early and not phone.is_answered:
                        talk.backdrop.waits()
                    beside.create_task(talk.speak(phone))
                    beside.create_task(talk.backdrop.run())
                    beside.create_task(self._limits.run())
                    beside.create_task(talk.follow_conference())
                    await self._join(participant, talk)
                    talk.entered()
                    await phone.answer()
            except* Over as over:
                # The phone is told before the conference is left: that may take seconds.
                phone.hang_up(first_over(over))

    async def _join(self, participant: Participant, talk: Conversation) -> None:
        try:
            await participant.join()
        except ConferenceError as error:
            talk.rejected()
            end = of_join_failure(error)
            if self._phone.is_answered:
                await talk.say_farewell(end)
            raise Over(end) from error
        self._record.joined(participant)


_NOT_BACK = frozenset({EndReason.KICKED, EndReason.BANNED, EndReason.MEETING_ENDED})


def called_of(call: Call, trunk: Trunk) -> Called:
    """Who an INVITE is for, as far as its trunk wants to know, and its headers."""
    headers: dict[str, str] = {}
    for name, value in call.request.headers.fields():
        headers.setdefault(name.lower(), value)
    return Called(called_parties(call.request, trunk.called_party), headers)
