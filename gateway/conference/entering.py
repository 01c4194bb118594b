"""Getting into a room: ask the focus for the conference, join, and where we must, wait.

Used for the first time and every time after. What fails is a `ConferenceError`.
"""

import asyncio
import random
from dataclasses import dataclass, field

import structlog

from gateway.conference.departure import Departure, is_room_missing, refused
from gateway.conference.door import AskPassword, Door
from gateway.conference.events import Waiting, WaitingFor
from gateway.conference.floor import Floor
from gateway.conference.lobby import Typed, knock, lobby_of
from gateway.conference.login import Login
from gateway.conference.profile import Profile
from gateway.conference.room import Room
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp import namespaces as ns
from gateway.xmpp.connection import Connection, ConnectionFailed
from gateway.xmpp.jid import bare
from gateway.xmpp.own_presence import OwnPresence
from gateway.xmpp.presence import OccupantPresence, PresenceRefused
from gateway.xmpp.reception import Received
from gateway.xmpp.stanza import StanzaError

log = structlog.get_logger(__name__)

JOIN_TIMEOUT = 60.0  # seconds from the joining presence to our own: servers let in three a second
KNOCK_TIMEOUT = 15.0  # seconds until the lobby has shown us in it
JOIN_ATTEMPTS = 3  # when the focus has left between its answer and our presence
KNOCKS = 3  # when the lobby has let us in and the room has not
PASSWORD_TRIES = 3


@dataclass(frozen=True, slots=True)
class Entry:
    """We are in, by `password` if there was one."""

    login: Login
    room: Room
    presence: OwnPresence
    password: str | None = field(default=None, repr=False)


async def enter(
    login: Login,
    room: str,
    *,
    profile: Profile,
    password: str | None,
    floor: Floor,
    door: Door,
    as_visitor: bool = False,
) -> Entry:
    """Return when the room has shown us our own presence; ConferenceError if it does not.

    Redirected if we come `as_visitor`, and visitors go elsewhere.
    """
    login.listen_to(room)
    presence = profile.presence(
        room,
        login.connection.nick,
        floor,
        installation=login.installation,
        capabilities=login.reception.capabilities,
    )
    try:
        return await _Entering(login, presence, password, door, as_visitor=as_visitor).run()
    except ConnectionFailed as failure:
        raise ConferenceError(JoinFailure.UNREACHABLE, str(failure)) from failure


class _Entering:
    """One way into a room; `until` is when our patience with its people ends."""

    def __init__(
        self,
        login: Login,
        presence: OwnPresence,
        password: str | None,
        door: Door,
        *,
        as_visitor: bool,
    ) -> None:
        self._login = login
        self._connection = login.connection
        self._presence = presence
        self._password = password
        self._door = door
        self._as_visitor = as_visitor
        clock = asyncio.get_running_loop().time
        self._until = clock() + login.installation.lobby_timeout
        self._attempts = JOIN_ATTEMPTS
        self._knocks = KNOCKS
        self._passwords = PASSWORD_TRIES
        self._is_typed = False  # the password: it may be wrong

    async def run(self) -> Entry:
        await self._allocate()
        while True:
            site = self._login.installation
            room = Room(
                self._presence.room,
                self._presence.nick,
                site.hidden_domains,
                visiting=site.node is not None,
            )
            try:
                await _join(self._connection, room, self._presence, self._password)
            except StanzaError as error:
                await self._overcome(error)
            else:
                log.info("joined", room=room.jid, endpoint=room.nick, role=room.role)
                return Entry(self._login, room, self._presence, self._password)

    async def _overcome(self, error: StanzaError) -> None:
        """Do what it takes to be let in the next time."""
        lobby = lobby_of(error)
        if is_room_missing(error):
            await self._open_room(error)
        elif lobby is not None and self._knocks > 0:
            await self._knock(lobby, error)
        elif error.condition == "not-authorized" and self._door.ask_password is not None:
            await self._ask_password(self._door.ask_password, error)
        else:
            raise refused(error) from error

    async def _ask_password(self, ask: AskPassword, error: StanzaError) -> None:
        """Take what the caller types; who types nothing tries again without: nobody tells us if
        the room has been unlocked meanwhile."""
        if self._passwords == 0:
            raise refused(error) from error
        self._passwords -= 1
        log.info("asking for the password", wrong=self._password is not None)
        self._password = await ask(self._password is not None)

    async def _open_room(self, missing: StanzaError) -> None:
        self._attempts -= 1
        if self._attempts == 0 and missing.has(ns.JITSI_MEET, "room-does-not-exist"):
            raise refused(missing) from missing
        if self._attempts == 0:
            text = "the focus does not open the room"
            raise ConferenceError(JoinFailure.FOCUS_UNAVAILABLE, text)
        log.info("room not there yet", attempts_left=self._attempts)
        await asyncio.sleep(random.uniform(0.5, 1.5))
        await self._allocate()

    async def _knock(self, lobby: str, error: StanzaError) -> None:
        for_host = error.has(ns.JITSI_MEET, "waiting-for-host")
        for_ = WaitingFor.HOST if for_host else WaitingFor.LOBBY
        occupant = f"{lobby}/{self._presence.nick}"
        self._door.waiting(Waiting(for_, occupant, password_refused=self._is_typed))
        decided = await knock(
            self._connection,
            lobby,
            self._presence,
            answer_within=KNOCK_TIMEOUT,
            until=self._until,
            typed=self._door.typed,
        )
        self._is_typed = isinstance(decided, Typed)
        if not isinstance(decided, Typed):
            self._knocks -= 1
            if decided.lobby_is_gone:
                return
        elif self._passwords == 0:
            raise ConferenceError(JoinFailure.PASSWORD, "too many wrong passwords") from error
        else:
            self._passwords -= 1
        self._password = decided.password  # the room has not taken ours

    async def _allocate(self) -> None:
        installation = self._login.installation
        if installation.node is not None:
            return  # the focus has sent us here, and is in the room
        await self._login.open_room(
            self._presence.room,
            host_until=self._until,
            visitor=self._as_visitor,
            waiting=lambda: self._door.waiting(Waiting(WaitingFor.HOST)),
        )


async def _join(
    connection: Connection, room: Room, presence: OwnPresence, password: str | None
) -> None:
    """What has nothing to do with it is left for whoever reads on, even if we are not let in."""
    connection.send(presence.join(password))
    early: list[Received] = []
    try:
        async with asyncio.timeout(JOIN_TIMEOUT):
            while not room.entered:
                received = await connection.receive()
                match received:
                    case OccupantPresence():
                        _see(room, received)
                    case PresenceRefused(occupant, error) if bare(occupant) == room.jid:
                        raise error
                    case _:
                        early.append(received)
    except TimeoutError:
        text = f"the room did not answer within {JOIN_TIMEOUT:g} s"
        raise ConferenceError(JoinFailure.TIMEOUT, text) from None
    finally:
        connection.put_back(early)


def _see(room: Room, presence: OccupantPresence) -> None:
    if not presence.available and presence.destroyed is None and presence.statuses == {110}:
        return  # the echo of our leaving this room, from which we have been elsewhere
    for event in room.receive(presence):
        if isinstance(event, Departure):
            raise ConferenceError(JoinFailure.REFUSED, f"{event.cause}: {event.text}")
