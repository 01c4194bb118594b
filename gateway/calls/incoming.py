"""The story of a call that comes in: which room, joining it, answering, talking, the end.

The phone rings until the conference shows us in its room; then it is answered. Where that depends
on people (a lobby, a host) it is answered at once, and hears that it waits: trunks give up on a
phone that rings for minutes. Whatever ends the call, from whichever side, is raised as `Over` and
ends everything that runs for it.
"""

import asyncio

import structlog

from gateway.calls.conversation import Conversation
from gateway.calls.end_reason import CallEnd, EndReason, Over, first_over, of_join_failure
from gateway.calls.keys import Keys
from gateway.calls.limits import LimitWatch
from gateway.calls.media_session import MediaSession
from gateway.calls.parties import called_parties, calling_party
from gateway.calls.phone import CallingPhone
from gateway.calls.record import CallRecord
from gateway.calls.routing import Called, Route, Trunk, find_route
from gateway.calls.services import Services
from gateway.conference.participant import Participant
from gateway.errors import ConferenceError
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

    def shut_down(self) -> None:
        """End the call because the gateway goes down."""
        self._phone.hang_up(CallEnd(EndReason.SHUTDOWN, "the gateway is shutting down"))

    def _find_route(self) -> Route:
        try:
            called = called_of(self._call, self._trunk)
            route = find_route(called, self._trunk, self._services.installations)
        except ConferenceError as error:
            raise Over(of_join_failure(error)) from error
        self._record.room = route.room.jid
        log.info("room found", room=route.room.jid, by=route.found_by)
        most = self._services.limits.callers_per_room
        if most is not None and self._services.callers_in(route.room.jid) > most:
            raise Over(CallEnd(EndReason.ROOM_FULL, f"{most} calls are in {route.room.jid}"))
        return route

    async def _attend(self, route: Route) -> None:
        session, phone, record = self._session, self._phone, self._record
        caller = calling_party(self._call.request, is_trusted=self._trunk.trust_identity)
        keys = Keys(session, phone.answer)
        participant = Participant(
            route.installation,
            route.room,
            display_name=caller.shown(self._trunk.show_caller),
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
        async with session, participant:
            try:
                async with asyncio.TaskGroup() as beside:
                    beside.create_task(talk.follow_engine())
                    await phone.prepare()
                    beside.create_task(phone.follow(talk))
                    phone.ring()
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
        record.report = session.report

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


def called_of(call: Call, trunk: Trunk) -> Called:
    """Who an INVITE is for, as far as its trunk wants to know, and its headers."""
    headers: dict[str, str] = {}
    for name, value in call.request.headers.fields():
        headers.setdefault(name.lower(), value)
    return Called(called_parties(call.request, trunk.called_party), headers)
