"""Getting into a room: log in, ask the focus for the conference, join.

Used for the first time and every time after. What fails is a `ConferenceError`, with nothing
left open.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from gateway.conference.address import RoomAddress
from gateway.conference.allocation import allocate
from gateway.conference.departure import Departure, is_room_missing, refused
from gateway.conference.installation import Installation
from gateway.conference.room import FOCUS_NICK, Room
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.client import Server
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause
from gateway.xmpp.jid import bare
from gateway.xmpp.own_presence import OwnPresence
from gateway.xmpp.presence import OccupantPresence, PresenceRefused
from gateway.xmpp.reception import Received, Reception
from gateway.xmpp.stanza import StanzaError

log = structlog.get_logger(__name__)

Connect = Callable[[Server, Reception], Awaitable[Connection]]

JOIN_TIMEOUT = 15.0  # seconds from the joining presence to our own
JOIN_ATTEMPTS = 3  # when the focus has left between its answer and our presence

_CAPABILITIES = Capabilities()
_LOGIN_FAILURES = {
    FailureCause.LOGIN: JoinFailure.AUTHENTICATION,
    FailureCause.TIMEOUT: JoinFailure.TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """We are in. `early` came for us before our own presence did."""

    connection: Connection
    room: Room
    presence: OwnPresence
    early: tuple[Received, ...]


async def enter(
    installation: Installation,
    address: RoomAddress,
    *,
    connect: Connect,
    display_name: str,
    password: str | None,
    muted: bool,
) -> Entry:
    """Return when the room has shown us our own presence; ConferenceError if it does not."""
    reception = Reception(_CAPABILITIES, focus=f"{address.jid}/{FOCUS_NICK}")
    try:
        connection = await connect(installation.server.for_room(address.name), reception)
    except ConnectionFailed as failure:
        cause = _LOGIN_FAILURES.get(failure.cause, JoinFailure.UNREACHABLE)
        raise ConferenceError(cause, str(failure)) from failure
    log.info("logged in", jid=connection.jid)
    try:
        presence = OwnPresence(
            room=address.jid,
            nick=connection.nick,
            display_name=display_name,
            capabilities=_CAPABILITIES,
            muted=muted,
            region=installation.region,
        )
        return await _enter(installation, connection, presence, password)
    except ConnectionFailed as failure:
        await connection.close()
        raise ConferenceError(JoinFailure.UNREACHABLE, str(failure)) from failure
    except BaseException:
        await connection.close()
        raise


async def _enter(
    installation: Installation, connection: Connection, presence: OwnPresence, password: str | None
) -> Entry:
    for attempt in range(1, JOIN_ATTEMPTS + 1):
        await allocate(
            connection,
            focus=installation.focus,
            room=presence.room,
            machine_uid=installation.machine_uid,
            timeout=installation.join_timeout,
        )
        room = Room(presence.room, presence.nick)
        try:
            early = await _join(connection, room, presence, password)
        except StanzaError as error:
            if not is_room_missing(error):
                raise refused(error) from error
            log.info("room not there yet", attempt=attempt)
            await asyncio.sleep(random.uniform(0.5, 1.5))
        else:
            log.info("joined", room=room.jid, endpoint=room.nick, role=room.role)
            return Entry(connection, room, presence, early)
    raise ConferenceError(JoinFailure.FOCUS_UNAVAILABLE, "the focus does not open the room")


async def _join(
    connection: Connection, room: Room, presence: OwnPresence, password: str | None
) -> tuple[Received, ...]:
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
    return tuple(early)


def _see(room: Room, presence: OccupantPresence) -> None:
    for event in room.receive(presence):
        if isinstance(event, Departure):
            raise ConferenceError(JoinFailure.REFUSED, f"{event.cause}: {event.text}")
