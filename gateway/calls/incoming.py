"""The story of a call that comes in: which room, joining it, answering, talking, the end.

The phone rings until the conference shows us in its room; then it is answered. Where that depends
on people (a lobby, a host), or on a PIN, it is answered at once, and hears that it waits: trunks
give up on a phone that rings for minutes. It may be sent to another room later, and another phone
may take its place. Whatever ends the call, from whichever side, is raised as `Over` and ends
everything that runs for it.
"""

import asyncio
from contextlib import suppress

import structlog

from gateway.calls.calling_phone import CallingPhone, Referred, first_referred
from gateway.calls.conversation import Conversation
from gateway.calls.end_reason import CallEnd, EndReason, Over, first_over, of_join_failure
from gateway.calls.keys import Keys
from gateway.calls.limits import LimitWatch
from gateway.calls.media_session import MediaSession
from gateway.calls.menu import Caller, Menu
from gateway.calls.parties import called_parties, calling_party
from gateway.calls.presses import Presses
from gateway.calls.record import CallRecord
from gateway.calls.routing import Called, Route, find_route, route_to
from gateway.calls.services import Services
from gateway.calls.teller import teller_of
from gateway.calls.trunk import Trunk
from gateway.calls.welcome import Welcome
from gateway.conference.participant import Participant
from gateway.errors import ConferenceError, JoinFailure, SipSyntaxError
from gateway.ivr.meeting import Meeting
from gateway.ivr.phrasebook import Speech
from gateway.sip.call import Call
from gateway.sip.header_values import parse_uri
from gateway.sip.referral import ReferTo, is_elsewhere

log = structlog.get_logger(__name__)

_NOT_BACK = frozenset({EndReason.KICKED, EndReason.BANNED, EndReason.MEETING_ENDED})
"""Who has left so needs its PIN again."""


class IncomingCall:
    """One call, from its INVITE on; `run` it once."""

    def __init__(self, call: Call, trunk: Trunk, services: Services, record: CallRecord) -> None:
        self._call = call
        self._trunk = trunk
        self._services = services
        self._record = record
        self._session = MediaSession(services.switch, record.id, trunk.sound)
        self._limits = LimitWatch(services.limits)
        self._presses = Presses()
        self._called = called_of(call, trunk)
        party = calling_party(call.request, is_trusted=trunk.trust_identity)
        called = next(iter(self._called.users), "")
        self._caller = Caller(party.user or None, called, trunk.name, record.id)
        self._voice = services.voices.voice(self._session, caller=party.user, called=called)
        self._meeting: Meeting | None = None  # whose PIN the caller has typed
        self._name: Speech = ()  # as it has said it
        self._phone = CallingPhone(
            call,
            self._session,
            services,
            record,
            trunk,
            self._limits.answered,
            party=party,
            find=self._find_referral,
        )
        self._left: Route | None = None  # the room it was in, while another is being entered

    async def run(self) -> None:
        """Return when nothing of the call is left; `record` says how it went."""
        with self._phone:
            try:
                await self._attend(self._find_route())
            except* Over as over:
                self._phone.hang_up(first_over(over))
            finally:
                self._services.spoken_names.ended(self._record.id)
            self._remember()

    def shut_down(self) -> None:
        """End the call because the gateway goes down."""
        self._phone.hang_up(CallEnd(EndReason.SHUTDOWN, "the gateway is shutting down"))

    def holds(self, call: Call) -> bool:
        """Whether this is its phone's call."""
        return self._phone.is_in(call)

    def take_over(self, call: Call) -> None:
        """Another phone takes the place of its phone, by this call."""
        self._phone.take_over(call)

    def _find_route(self) -> Route | None:
        """Where the call goes; None: the caller is to be asked."""
        try:
            route = find_route(self._called, self._trunk, self._services.installations)
        except ConferenceError as error:
            raise Over(of_join_failure(error)) from error
        if route is not None:
            self._found(route)
        return route

    def _found(self, route: Route) -> None:
        self._record.room = route.room.jid
        log.info("room found", room=route.room.jid, by=route.found_by)
        if (most := self._most_callers(route.room.jid, others=-1)) is not None:
            raise Over(CallEnd(EndReason.ROOM_FULL, f"{most} calls are in {route.room.jid}"))

    def _most_callers(self, room: str, *, others: int) -> int | None:
        """The limit of a room that is full; None if there is place for one more."""
        most = self._services.limits.callers_per_room
        is_full = most is not None and self._services.callers_in(room) + others >= most
        return most if is_full else None

    def _find_referral(self, target: ReferTo) -> Route:
        """The room that the phone wants to be sent to; it must be one that it could have called."""
        request = self._call.request
        own = self._services.user_agent.advertised_host(self._call.source)
        ours = {own, parse_uri(request.uri).host}
        with suppress(SipSyntaxError):  # nobody has had to read To before
            ours.add(parse_uri(request.headers.to.uri).host)
        if is_elsewhere(target, frozenset(host.strip("[]") for host in ours)):
            raise ConferenceError(JoinFailure.REFUSED, f"{target.host} is not this gateway")
        called = Called((target.user,) if target.user else (), dict(target.headers))
        route = find_route(called, self._trunk, self._services.installations)
        if route is None:
            raise ConferenceError(JoinFailure.NOT_FOUND, f"no room for {target.user}")
        if self._most_callers(route.room.jid, others=0) is not None:
            raise ConferenceError(JoinFailure.FULL, f"{route.room.jid} is full")
        return route

    async def _attend(self, first: Route | None) -> None:
        """From room to room, as the phone is sent there; at first to the reception, perhaps."""
        async with self._session:
            try:
                here: Route | None = first if first is not None else await self._ask_route()
                while here is not None:
                    here = await self._stay(here)
            except* Over as over:
                self._phone.hang_up(first_over(over))
        self._record.report = self._session.report

    async def _ask_route(self) -> Route:
        """Have the caller say, by its PIN, which room it wants."""
        reception = self._services.reception
        assert reception is not None
        caller = self._caller
        recorder = self._session if self._trunk.asks_name else None
        menu = Menu(reception, self._voice, caller, recorder)
        welcome = Welcome(
            self._phone,
            self._session,
            menu,
            self._voice,
            self._limits,
            self._record,
            self._presses,
        )
        sent_to: Route | None = None
        try:
            self._meeting = await welcome.run()
        except* Referred as referred:
            sent_to = first_referred(referred)
        self._name = menu.spoken_name
        if self._meeting is None:
            assert sent_to is not None, "or the call is over"
            log.info("sent to another room", room=sent_to.room.jid)
            self._record.room = sent_to.room.jid
            return sent_to
        try:
            route = route_to(self._meeting, self._called, self._trunk, self._services.installations)
        except ConferenceError as error:
            raise Over(of_join_failure(error)) from error
        self._found(route)
        return route

    def _remember(self) -> None:
        """Let a caller that was asked for a PIN come back without one for a while.

        Not a moderator: the trunk's word for its number is worth a seat, and no rights over others.
        """
        reception, end = self._services.reception, self._record.end
        if reception is None or self._meeting is None or not self._record.is_joined:
            return
        if self._meeting.moderator:
            return
        if end is not None and end.reason not in _NOT_BACK:
            now = asyncio.get_running_loop().time()
            caller = self._caller
            reception.redials.left(caller.number, caller.called, self._meeting, now)

    async def _stay(self, route: Route) -> Route | None:
        """In one room, until the call is over (None) or the phone is to be in another."""
        phone, record = self._phone, self._record
        participant, talk = self._conversation(route)
        self._services.spoken_names.keep(record.id, participant, self._name)
        sent_to: Route | None = None
        async with participant:
            try:
                async with asyncio.TaskGroup() as beside:
                    beside.create_task(talk.follow_engine())
                    await self._begin(participant, talk)
                    beside.create_task(phone.follow(talk))
                    beside.create_task(phone.follow_successors(talk))
                    beside.create_task(talk.speak(phone))
                    beside.create_task(talk.tell())
                    beside.create_task(talk.backdrop.run())
                    beside.create_task(talk.keep_limits())
                    beside.create_task(talk.follow_conference())
                    await self._join(participant, talk)
                    talk.entered()
                    await phone.answer()
            except* Referred as referred:
                sent_to = self._leave(route, first_referred(referred))
            except* Over as over:
                # The phone is told before the conference is left: that may take seconds.
                phone.hang_up(first_over(over))
        return sent_to if record.end is None else None

    def _conversation(self, route: Route) -> tuple[Participant, Conversation]:
        """Who the caller is to be in that room, and what goes on between the two."""
        trunk, session, phone = self._trunk, self._session, self._phone
        names = self._services.spoken_names
        teller = teller_of(
            trunk,
            self._voice,
            session,
            lambda endpoint: names.of(participant.seen_as[0], endpoint),
        )
        keys = Keys(teller, phone.answer, trunk.keys)
        participant = Participant(
            route.installation,
            route.room,
            display_name=route.display_name or phone.party.shown(trunk.show_caller),
            media=session,
            password=route.password,
            token=route.token,
            ask_password=keys.ask_password,
            visiting=route.visiting,
            moderator=route.moderator,
            dial_pad=trunk.conference_digits,
        )
        talk = Conversation(
            session,
            participant,
            self._record,
            trunk=trunk,
            answer=phone.answer,
            keys=keys,
            limits=self._limits,
            takes_keys=trunk.conference_digits,
            teller=teller,
            keeps_name=route.display_name is not None,
            presses=self._presses,
        )
        return participant, talk

    async def _begin(self, participant: Participant, talk: Conversation) -> None:
        """Let the phone ring, or let one that has come from another room hear that it waits."""
        phone = self._phone
        if self._left is None and not phone.is_answered:
            await phone.prepare()
            phone.ring()
            if phone.is_heard_early:
                talk.backdrop.comes()
            return
        self._session.mute(False)  # nobody's order there is one here
        participant.set_held(phone.is_held)
        talk.backdrop.comes()

    def _leave(self, here: Route, there: Route) -> Route:
        self._left = None if there is self._left else self._left or here
        self._record.room, self._record.breaking = there.room.jid, None
        self._limits.moved()
        log.info("sent to another room", room=there.room.jid)
        return there

    async def _join(self, participant: Participant, talk: Conversation) -> None:
        try:
            await participant.join()
        except ConferenceError as error:
            talk.rejected()
            end = of_join_failure(error)
            self._phone.referred(end.refusal)
            if self._left is not None:
                log.info("not joined", reason=end.text)
                await self._phone.settled()
                raise Referred(self._left) from error  # back
            if self._phone.is_answered:
                await talk.say_farewell(end)
            raise Over(end) from error
        self._record.joined(participant)
        self._phone.referred(200)
        self._left = None


def called_of(call: Call, trunk: Trunk) -> Called:
    """Who an INVITE is for, as far as its trunk wants to know, and its headers."""
    headers: dict[str, str] = {}
    for name, value in call.request.headers.fields():
        headers.setdefault(name.lower(), value)
    return Called(called_parties(call.request, trunk.called_party), headers)
