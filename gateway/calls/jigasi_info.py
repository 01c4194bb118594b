"""Jigasi's messages in SIP INFO (application/json): what a PBX in front of it understands.

The PBX has a menu of its own: it gives us a room's password, mutes and unmutes, and is told of the
lobby, of mutes, of moderation and of being a visitor. Pure; a `dict` here is the message before it
is JSON.
"""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from gateway.conference import events as conference

MEDIA_TYPE = "application/json"
MAX_LENGTH = 10_000  # octets

_LOBBY_JOINED = 3
_LOBBY_LEFT = 5
_LOBBY_ALLOWED = 6
_LOBBY_REJECTED = 7
_MODERATION_ENABLED = 8
_MODERATION_APPROVED = 9
_MODERATION_DENIED = 10
_HEARTBEAT = 11
_VISITOR = 12

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RoomAccess:
    """Here is the room's password."""

    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MuteWanted:
    """The caller has pressed the PBX's mute key; `id` goes into the answer."""

    id: str
    muted: bool


@dataclass(frozen=True, slots=True)
class MuteAnswer:
    """What became of a mute that we asked for."""

    id: str
    done: bool


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The other end is alive."""


Order = RoomAccess | MuteWanted | MuteAnswer | Heartbeat


def parse(media_type: str, body: bytes) -> Order | None:
    """What a PBX says; None if it is not one of these messages."""
    if media_type != MEDIA_TYPE or len(body) > MAX_LENGTH:
        return None
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict):
        return None
    data = message.get("data", message.get("d"))
    fields = data if isinstance(data, dict) else {}
    match message.get("type", message.get("t")):
        case "muteRequest" if isinstance(fields.get("audio"), bool):
            return MuteWanted(str(message.get("id", ""))[:100], fields["audio"])
        case "muteResponse":
            return MuteAnswer(str(message.get("id", ""))[:100], message.get("status") == "OK")
        case 4 if isinstance(fields.get("pwd"), str):
            return RoomAccess(fields["pwd"])
        case 11:
            return Heartbeat()
    return None


def serialize(message: Message) -> bytes:
    """A message as an INFO's body."""
    return json.dumps(message, separators=(",", ":")).encode()


def heartbeat() -> Message:
    """We are alive, or the answer that we are."""
    return {"t": _HEARTBEAT}


def mute_answer(order: MuteWanted, *, done: bool) -> Message:
    """The answer to a mute that was wanted."""
    return {
        "type": "muteResponse",
        "id": order.id,
        "status": "OK" if done else "FAILED",
        "data": {"audio": order.muted},
    }


class Reporter:
    """What one PBX is told of one call: `told` says what follows from the participant's events."""

    def __init__(self) -> None:
        self._counter = 0
        self._is_in_lobby = False

    def told(self, event: conference.Event) -> list[Message]:
        """The messages that an event makes."""
        match event:
            case conference.Waiting(conference.WaitingFor.LOBBY) if not self._is_in_lobby:
                self._is_in_lobby = True
                return [self._counted(_LOBBY_JOINED)]
            case conference.Rejoined() | conference.Moved():
                return self.entered()
            case conference.Ended(conference.LeaveCause.LOBBY_DENIED):
                return self.rejected()
            case conference.ModerationSwitched(on):
                return [{"t": _MODERATION_ENABLED, "d": on}]
            case conference.VisitorChanged(on):
                return [{"t": _VISITOR, "d": on}]
            case conference.Approved():
                return [{"t": _MODERATION_APPROVED}]
            case conference.ApprovalWithdrawn():
                return [{"t": _MODERATION_DENIED}]
            case conference.MutedByModerator():
                request = {"type": "muteRequest", "id": secrets.token_hex(8)}
                return [{**request, "data": {"audio": True}}]
        return []

    def entered(self) -> list[Message]:
        """We are in the room, perhaps from its lobby."""
        if not self._is_in_lobby:
            return []
        self._is_in_lobby = False
        return [self._counted(_LOBBY_ALLOWED), self._counted(_LOBBY_LEFT)]

    def rejected(self) -> list[Message]:
        """We are not let in from the lobby."""
        if not self._is_in_lobby:
            return []
        self._is_in_lobby = False
        return [self._counted(_LOBBY_REJECTED)]

    def _counted(self, type_: int) -> Message:
        self._counter += 1
        return {"i": self._counter, "t": type_}
