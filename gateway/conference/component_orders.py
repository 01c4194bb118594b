"""What the components tell a participant: moderation, where to go, what to be. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.xmpp.component_message import ComponentMessage, Components


@dataclass(frozen=True, slots=True)
class ModerationChanged:
    """From now on only who is approved may unmute, or everybody may."""

    enabled: bool


@dataclass(frozen=True, slots=True)
class ApprovalChanged:
    """A moderator lets us speak, or no longer."""

    approved: bool


@dataclass(frozen=True, slots=True)
class MoveOrdered:
    """A moderator sends us to another room: a breakout room, or back to the main one."""

    room: str


@dataclass(frozen=True, slots=True)
class RoomsNamed:
    """What the breakout rooms of the meeting are called, by their JIDs."""

    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TranscriptionWanted:
    """The room's metadata say whether what is said is to be written down."""

    on: bool


@dataclass(frozen=True, slots=True)
class Demoted:
    """A moderator makes a participant a visitor (again)."""

    endpoint: str


ComponentOrder = (
    ModerationChanged | ApprovalChanged | MoveOrdered | RoomsNamed | TranscriptionWanted | Demoted
)

_MOVE = "features/breakout-rooms/move-to-room"
_UPDATE = "features/breakout-rooms/update"
_LONGEST_JID = 3071  # characters (RFC 7622)
_MOST_ROOMS, _LONGEST_NAME = 200, 200  # of which names are remembered; characters


def read_order(message: ComponentMessage, components: Components) -> ComponentOrder | None:
    """What a message tells us to do; None if nothing, or if its sender has no say in it."""
    if components.is_from(message, "av_moderation"):
        return _moderation(message)
    if components.is_from(message, "breakout_rooms"):
        room = message.text("roomJid")
        if message.text("event") == _MOVE and room and len(room) <= _LONGEST_JID:
            return MoveOrdered(room)
        if message.text("event") == _UPDATE:
            return _names(message)
    if components.is_from(message, "visitors") and message.text("action") == "demote-request":
        endpoint = message.text("id")
        return Demoted(endpoint) if endpoint else None
    if components.is_from(message, "room_metadata") and message.text("type") == "room_metadata":
        metadata = message.content.get("metadata")
        recording = metadata.get("recording") if isinstance(metadata, dict) else None
        wanted = recording.get("isTranscribingEnabled") if isinstance(recording, dict) else None
        return TranscriptionWanted(wanted is True)
    return None


def _names(message: ComponentMessage) -> RoomsNamed | None:
    rooms = message.content.get("rooms")
    if not isinstance(rooms, dict):
        return None
    told = [room for room in rooms.values() if isinstance(room, dict)][:_MOST_ROOMS]
    pairs = [(room.get("jid"), room.get("name")) for room in told]
    return RoomsNamed(
        {
            jid: name[:_LONGEST_NAME]
            for jid, name in pairs
            if isinstance(jid, str) and isinstance(name, str)
        }
    )


def _moderation(message: ComponentMessage) -> ModerationChanged | ApprovalChanged | None:
    told = message.content
    if told.get("type") != "av_moderation" or told.get("mediaType") != "audio":
        return None
    if isinstance(told.get("enabled"), bool):
        return ModerationChanged(told["enabled"])
    if told.get("approved") is True:
        return ApprovalChanged(True)
    if told.get("removed") is True:
        return ApprovalChanged(False)
    return None
