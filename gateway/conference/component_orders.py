"""What the components tell a participant: moderation, where to go, transcription. Pure."""

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
class TranscriptionWanted:
    """The room's metadata say whether what is said is to be written down."""

    on: bool


ComponentOrder = ModerationChanged | ApprovalChanged | MoveOrdered | TranscriptionWanted

_MOVE = "features/breakout-rooms/move-to-room"


def read_order(message: ComponentMessage, components: Components) -> ComponentOrder | None:
    """What a message tells us to do; None if nothing, or if its sender has no say in it."""
    if components.is_from(message, "av_moderation"):
        return _moderation(message)
    if components.is_from(message, "breakout_rooms"):
        room = message.text("roomJid")
        if message.text("event") == _MOVE and room:
            return MoveOrdered(room)
    if components.is_from(message, "room_metadata") and message.text("type") == "room_metadata":
        metadata = message.content.get("metadata")
        recording = metadata.get("recording") if isinstance(metadata, dict) else None
        wanted = recording.get("isTranscribingEnabled") if isinstance(recording, dict) else None
        return TranscriptionWanted(wanted is True)
    return None


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
