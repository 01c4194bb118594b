"""One caller's participant in one conference, from joining to leaving."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import structlog

from gateway.conference.address import RoomAddress
from gateway.conference.allocation import Redirected
from gateway.conference.audio import Audio, BridgeMedia
from gateway.conference.bridge_session import BridgeSession
from gateway.conference.chair import Chair
from gateway.conference.company import Somebody
from gateway.conference.departure import PASSING_FOR_WHO_WAS_IN, Departure, not_let_in
from gateway.conference.door import AskPassword, Door
from gateway.conference.entering import enter
from gateway.conference.event_queue import EventQueue
from gateway.conference.events import (
    Ended,
    Event,
    Moved,
    MutedByModerator,
    Rejoined,
    VisitorChanged,
    Waiting,
)
from gateway.conference.floor import Floor, Toggled
from gateway.conference.installation import Installation
from gateway.conference.login import Connect, Login, log_in
from gateway.conference.proceedings import Proceedings
from gateway.conference.profile import INCOMING, Profile
from gateway.conference.recovery import (
    RETURN_PATIENCE,
    RETURN_PAUSE,
    MediaRecovery,
    RejoinLimit,
)
from gateway.conference.stay import Stay
from gateway.conference.visiting import Visit, Visiting
from gateway.errors import ConferenceError, JoinFailure
from gateway.media.messages import IceParameters
from gateway.xmpp import namespaces as ns
from gateway.xmpp.client import connect as connect_by_tcp

log = structlog.get_logger(__name__)

_SWITCHING = "switch_room"  # the status that tells the focus to keep the conference we leave


class Participant:
    """`async with` it; leaving that block leaves the conference.

        async with Participant(installation, room, display_name=..., media=...) as participant:
            await participant.join()
            async for event in participant.events():  # or beside `join`, to be told of waiting
                ...

    `media` is how the engine is reached; what the engine says about its connections is passed on
    by `bridge_connected` and so on. `display_name` is shown in the conference, `initiator`
    are headers on where the call came from. With `dial_pad` others are offered to press keys for
    the phone, and their presses are told. `ask_password` is how the caller can be asked for the
    room's password. `features` are advertised beside the usual ones. `token` is a JWT that the
    caller has brought along; it never reaches a log. `visiting` says whether it comes as a visitor,
    perhaps at a node for visitors, until it is promoted; who wants to where there are none comes
    muted. A `moderator`'s token says so, where we make it, and its orders are carried out while the
    conference says so, too.
    """

    def __init__(
        self,
        installation: Installation,
        room: RoomAddress,
        *,
        display_name: str,
        media: BridgeMedia,
        password: str | None = None,
        ask_password: AskPassword | None = None,
        initiator: Mapping[str, str] = INCOMING,
        dial_pad: bool = False,
        token: str | None = None,
        visiting: Visiting = Visiting.NEVER,
        moderator: bool = False,
        connect: Connect = connect_by_tcp,
        features: tuple[str, ...] = (),
    ) -> None:
        self.room = room
        self._profile = Profile(display_name, initiator, dial_pad, may_preside=moderator)
        self._media = media
        self._visit = Visit(installation, room, visiting)
        self._is_visitor = False
        self._password = password
        self._door = Door(self._wait, ask_password)
        self._token = token
        self._connect = connect
        self._features = (*features, ns.JINGLE_DTMF) if dial_pad else features
        self._nick = ""
        self._at = room.jid  # the room we are in, or on our way to
        self._told_at = room.jid  # the room that the caller knows it is in
        self._recovery = MediaRecovery()
        self._audio = Audio(media, self._emit)
        self._rejoins = RejoinLimit()
        self._events = EventQueue()
        self._stay: Stay | None = None
        self._life: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Participant":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._life is None:
            return
        self._life.cancel()
        await asyncio.wait([self._life])
        self._audio.end("left the conference")
        if self._stay is not None:
            await self._stay.leave()
        if not self._life.cancelled():
            self._life.result()  # our own mistake, if it raises

    @property
    def endpoint(self) -> str:
        """Our endpoint id, empty before `join`; a new one after each `Rejoined`."""
        return self._stay.endpoint if self._stay is not None else ""

    @property
    def seen_as(self) -> tuple[str, str]:
        """The room we are in or on our way to, and our endpoint id there: others see it before
        `join` returns."""
        return self._at, self._nick

    @property
    def occupants(self) -> int:
        """How many are in the room, ourselves included, the focus not; 0 before `join`."""
        return self._stay.room.occupants if self._stay is not None else 0

    @property
    def others(self) -> tuple[Somebody, ...]:
        """The others in the room, but for machines."""
        return self._stay.room.company.others if self._stay is not None else ()

    def name_of_user(self, user: str) -> str | None:
        """The display name of who is in the room with a token of this user, if anybody is."""
        return self._stay.room.company.name_of_user(user) if self._stay is not None else None

    async def join(self) -> None:
        """Return when we are in the room; ConferenceError if we cannot be. May be called once."""
        self._stay = await self._visit.go(self._at, self._arrive)
        if self._visit.is_wanted and not self._is_visitor:
            log.info("comes muted: there are no visitors here")
            self._media.mute(True)
            self._emit(MutedByModerator(None))
        self._life = asyncio.create_task(self._live(self._stay), name="participant")

    async def events(self) -> AsyncIterator[Event]:
        """What happens from `join` on, up to `Ended`."""
        while (event := await self._events.get()) is not None:
            yield event
            if isinstance(event, Ended):
                return
        assert self._life is not None
        await self._life  # has failed by a mistake of our own, which is raised here

    def toggle_microphone(self) -> Toggled | None:
        """The caller has pressed its microphone key (`*6`); None if we are in no room yet."""
        return self._stay.microphone.toggle() if self._stay is not None else None

    def offer_password(self, password: str) -> None:
        """The caller has typed the room's password, to get by the lobby if we wait in one."""
        if not self._door.typed.full():
            self._door.typed.put_nowait(password)

    def set_muted(self, muted: bool) -> bool:
        """Mute or unmute the caller; False if it may not be unmuted, or is in no room yet."""
        return self._stay is not None and self._stay.microphone.set_muted(muted)

    def raise_hand(self) -> None:
        """The caller asks to speak."""
        if self._stay is not None:
            self._stay.microphone.raise_hand()

    def toggle_hand(self) -> Toggled | None:
        """The caller asks to speak, or no longer; None if we are in no room yet."""
        return self._stay.microphone.toggle_hand() if self._stay is not None else None

    @property
    def chair(self) -> Chair | None:
        """Where the caller gives a moderator's orders; None if we are in no room yet."""
        return self._stay.chair if self._stay is not None else None

    def set_held(self, held: bool) -> None:
        """The phone is on hold: it is silent, and shown so; or it no longer is.

        The caller's own mute and the moderators' word change meanwhile as they would otherwise.
        """
        if held != self._profile.is_held:
            self._show(replace(self._profile, is_held=held))
            if self._stay is None:
                self._media.mute(held)

    def set_display_name(self, name: str) -> None:
        """Somebody else is at the phone."""
        self._show(replace(self._profile, display_name=name))

    def set_status(self, status: str | None) -> None:
        """Show the room a word on the call ("Ringing"). A hold and encryption have their own."""
        self._show(replace(self._profile, status=status))

    def send_chat(self, text: str, to: str | None = None) -> bool:
        """Write to everybody, or to the endpoint `to`. False if it was not sent.

        That is: we are not in the room, or it is not there, or it is the fourth in one second.
        """
        return self._stay is not None and self._stay.sayings.chat(text, to)

    def became_dominant_speaker(self, *, is_silent: bool = False) -> bool:
        """The videobridge says that we are the dominant speaker: let the statistics count it.

        To be called each time it says so, with `is_silent` if it says that nobody speaks. False if
        it was not sent, perhaps because the installation keeps no statistics.
        """
        return self._stay is not None and self._stay.sayings.dominates(is_silent=is_silent)

    def bridge_connected(self, session: str) -> None:
        """The engine has connected the session to the videobridge: media flows."""
        self._audio.connected(session)
        if (known := self._session(session)) is not None:
            self._recovery.connected()
            known.connected()

    def bridge_interrupted(self, session: str, reason: str) -> None:
        """The engine has lost its path to the videobridge, but DTLS stands."""
        self._audio.interrupted(session, reason)
        if (known := self._session(session)) is not None:
            known.interrupted(reason)

    def ice_restarted(self, session: str, local: IceParameters) -> None:
        """The engine has new ICE credentials for the session."""
        if (known := self._session(session)) is not None:
            known.ice_restarted(local)

    def bridge_lost(self, session: str, reason: str) -> None:
        """The engine could not connect the session, or has lost it."""
        self._audio.lost(session, reason)
        if (known := self._session(session)) is not None:
            known.lost(reason)

    async def _live(self, stay: Stay) -> None:
        try:
            departure = await self._attend(stay)
            while True:
                if departure.told_to is not None:
                    log.info("coming anew", reason=departure.text)
                    self._visit.told_to(departure.told_to)
                    departure = await self._return(replace(departure, told_to=None))
                elif departure.moved_to is not None:
                    departure = await self._move(departure, departure.moved_to)
                elif departure.rejoin and (pause := self._rejoins.pause(_now())) is not None:
                    log.info("rejoining", cause=departure.cause, reason=departure.text, pause=pause)
                    await asyncio.sleep(pause)
                    departure = await self._return(departure)
                else:
                    break
            self._audio.end("left the conference")
            log.info("conference ended", cause=departure.cause, reason=departure.text)
            self._emit(Ended(departure.cause, departure.text, departure.actor))
        except Exception:
            self._events.put(None)
            raise

    async def _attend(self, stay: Stay) -> Departure:
        departure = await stay.attend()
        if not departure.rejoin:
            self._audio.end(departure.text or "left the conference")
        if departure.moved_to is None:
            await stay.leave()
        else:
            stay.depart(_SWITCHING)
        return departure

    async def _return(self, departure: Departure) -> Departure:
        """Another stay, or if that is not possible the same departure again.

        A server that is being restarted is asked again and again for a while: nobody is helped by
        a call that ends because of it.
        """
        until = _now() + RETURN_PATIENCE
        while True:
            try:
                self._stay = await self._visit.go(self._at, self._arrive)
            except ConferenceError as error:
                is_passing = error.cause in PASSING_FOR_WHO_WAS_IN
                if not is_passing and not self._visit.may_come_later(error):
                    return self._not_in(departure, error)
                if _now() > until:
                    return replace(self._not_in(departure, error), rejoin=False)
                log.info("not back yet", reason=str(error))
                await asyncio.sleep(random.uniform(*RETURN_PAUSE))
            else:
                self._emit(Rejoined())
                if self._at != self._told_at:
                    self._tell_where()
                return await self._attend(self._stay)

    async def _move(self, departure: Departure, room: str) -> Departure:
        """A stay in another room, over the same connection: who was let in here need not ask
        again on coming back."""
        assert self._stay is not None
        login = self._stay.login
        log.info("going to another room", room=room)
        self._at = room
        try:
            self._stay = await self._enter(login, room, as_visitor=self._visit.is_wanted)
        except Redirected as redirected:
            await login.connection.close()
            return Departure(departure.cause, str(redirected), rejoin=True)
        except ConferenceError as error:
            if room != self.room.jid and error.cause is not JoinFailure.UNREACHABLE:
                log.info("not let in there", room=room, error=str(error))
                return replace(departure, moved_to=self.room.jid)
            await login.connection.close()
            return self._not_in(departure, error)
        self._tell_where()
        return await self._attend(self._stay)

    def _tell_where(self) -> None:
        """The caller is in another room than before, as far as it knows."""
        assert self._stay is not None
        room = self._told_at = self._at
        name = self._stay.login.room_names.get(room, "")
        self._emit(Moved(room, is_main=room == self.room.jid, name=name))

    def _not_in(self, departure: Departure, error: ConferenceError) -> Departure:
        """What follows from not getting in again: perhaps another attempt, perhaps the end."""
        again = not_let_in(departure, error)
        if again.rejoin or self._at == self.room.jid:
            return again
        self._at = self.room.jid
        return replace(again, rejoin=True)

    async def _arrive(
        self, site: Installation, address: RoomAddress, room: str, *, as_visitor: bool
    ) -> Stay:
        """Log in and enter; nothing is left open if that is not possible."""
        login = await log_in(
            site,
            address,
            self._connect,
            features=self._features,
            display_name=self._profile.display_name,
            token=self._token,
            moderator=self._profile.may_preside,
        )
        try:
            return await self._enter(login, room, as_visitor=as_visitor)
        except BaseException:
            await login.connection.close()
            raise

    async def _enter(self, login: Login, room: str, *, as_visitor: bool) -> Stay:
        site = login.installation
        is_main = room == self.room.jid or site.node is not None
        self._media.enter_room(site.key_of(room))
        self._nick = login.connection.nick
        entry = await enter(
            login,
            room,
            profile=self._profile,
            password=self._password if is_main else None,
            floor=self._floor_at(site, to_listen=site.node is not None),
            door=self._door,
            as_visitor=as_visitor and is_main,
        )
        if is_main:
            self._password = entry.password
        if entry.room.is_visitor != self._is_visitor:
            self._is_visitor = entry.room.is_visitor
            if self._is_visitor:
                self._media.mute(True)
            self._emit(VisitorChanged(self._is_visitor))
        last = self._stay
        return Stay(
            entry,
            profile=self._profile,  # as it is now
            floor=self._floor_at(site, to_listen=entry.room.is_visitor),
            proceedings=last.surroundings.proceedings if last is not None else Proceedings(),
            company_at=last.goings.company_at if last is not None else None,
            media=self._media,
            audio=self._audio,
            recovery=self._recovery,
            emit=self._emit,
            is_newcomer=last is None,
        )

    def _floor_at(self, site: Installation, *, to_listen: bool) -> Floor:
        """What we bring along into a room, to speak there or `to_listen` only."""
        floor = Floor(muted=self._visit.is_wanted)
        if self._stay is not None:
            floor = self._stay.microphone.floor.in_another_room(to_listen=to_listen)
        return floor if site.node is None else floor.with_role("visitor")

    def _wait(self, waiting: Waiting) -> None:
        log.info("waiting", for_=waiting.for_)
        self._emit(waiting)

    def _show(self, profile: Profile) -> None:
        self._profile = profile
        if self._stay is not None:
            self._stay.show(profile)

    def _session(self, session: str) -> BridgeSession | None:
        return self._stay.session(session) if self._stay is not None else None

    def _emit(self, event: Event) -> None:
        self._events.put(event)


def _now() -> float:
    return asyncio.get_running_loop().time()
