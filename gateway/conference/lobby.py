"""The lobby of a room: knocking, and waiting until a moderator has decided.

A room that admits members only names its lobby, a room of its own. Who is let in there is made a
member and invited; who is not is thrown out of the lobby.
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from gateway.conference.address import outer_room
from gateway.conference.departure import is_room_missing, refused
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp import namespaces as ns
from gateway.xmpp.connection import Connection
from gateway.xmpp.element import child, child_text
from gateway.xmpp.invitation import Invitation
from gateway.xmpp.jid import bare
from gateway.xmpp.own_presence import OwnPresence, unavailable
from gateway.xmpp.presence import OccupantPresence, PresenceRefused
from gateway.xmpp.reception import Received
from gateway.xmpp.stanza import StanzaError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Admitted:
    """We may join the room; with this password if there is one. The lobby may be gone already."""

    password: str | None = None
    lobby_is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Typed:
    """The caller would rather give the room's password than wait."""

    password: str = field(repr=False)


def lobby_of(error: StanzaError) -> str | None:
    """The lobby to knock at, if that is what the room's refusal says."""
    if error.condition != "registration-required":
        return None
    inside = child(error.stanza, ns.CLIENT, "error")
    named = child_text(inside, ns.JITSI_MEET, "lobbyroom") if inside is not None else None
    return named or child_text(error.stanza, ns.CLIENT, "lobbyroom")


class Knock:
    """What comes while we wait at `lobby` as `nick` for `room`; no IO and no time."""

    def __init__(self, lobby: str, room: str, nick: str) -> None:
        self.is_heard = False  # we have been shown in the lobby
        self._lobby = lobby
        self._room = room
        self._nick = nick

    def receive(self, received: Received) -> Admitted | None:
        """How it was decided, None if it was not yet; ConferenceError if we are not let in."""
        match received:
            case Invitation(room, password) if room == self._room:
                return Admitted(password)
            case PresenceRefused(occupant, error) if bare(occupant) == self._lobby:
                if is_room_missing(error):
                    return Admitted(lobby_is_gone=True)  # since the room has sent us there
                raise refused(error)
            case OccupantPresence() if received.occupant == f"{self._lobby}/{self._nick}":
                return self._own(received)
        return None

    def _own(self, presence: OccupantPresence) -> Admitted | None:
        if presence.available:
            self.is_heard = True
            return None
        destroyed = presence.destroyed
        if destroyed is not None and outer_room(destroyed.alternate or "") == self._room:
            return Admitted(lobby_is_gone=True)  # everybody may come in now
        if destroyed is not None:
            raise ConferenceError(JoinFailure.MEETING_ENDED, destroyed.reason or "lobby closed")
        if 307 in presence.statuses and 333 not in presence.statuses:
            raise ConferenceError(JoinFailure.LOBBY_DENIED, presence.reason or "not let in")
        raise ConferenceError(JoinFailure.UNREACHABLE, "lost from the lobby")


async def knock(
    connection: Connection,
    lobby: str,
    presence: OwnPresence,
    *,
    answer_within: float,
    until: float,
    typed: "asyncio.Queue[str]",
) -> Admitted | Typed:
    """Return when we have been let in, or the caller has typed a password to try.

    The lobby has `answer_within` seconds to show us in it. `until` is when our patience ends.
    """
    knocking = Knock(lobby, presence.room, presence.nick)
    clock = asyncio.get_running_loop().time
    connection.send(presence.knock(lobby))
    log.info("knocking", lobby=lobby)
    decided: Admitted | Typed | None = None
    typing = asyncio.ensure_future(typed.get())
    try:
        async with asyncio.timeout(answer_within) as patience:
            while decided is None:
                receiving = asyncio.ensure_future(connection.receive())
                try:
                    await asyncio.wait((receiving, typing), return_when=asyncio.FIRST_COMPLETED)
                    if receiving.done():
                        decided = knocking.receive(receiving.result())
                    elif typing.done():
                        decided = Typed(typing.result())
                finally:
                    receiving.cancel()
                if knocking.is_heard:
                    patience.reschedule(max(until, clock()))
    except TimeoutError:
        cause = JoinFailure.LOBBY if knocking.is_heard else JoinFailure.TIMEOUT
        raise ConferenceError(cause, "nobody has let us in in time") from None
    finally:
        typing.cancel()
    log.info("leaving the lobby", lobby=lobby, let_in=isinstance(decided, Admitted))
    if isinstance(decided, Typed) or not decided.lobby_is_gone:
        connection.send(unavailable(lobby, presence.nick))
    return decided
