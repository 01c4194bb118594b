"""What a PIN stands for, or why it stands for nothing."""

from dataclasses import dataclass
from enum import StrEnum


class NoMeeting(StrEnum):
    """Why there is no meeting for a PIN."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    TOO_EARLY = "too early"
    TOO_LATE = "too late"
    UNAVAILABLE = "unavailable"  # nobody can say at the moment; that is not the caller's fault


@dataclass(frozen=True, slots=True)
class Meeting:
    """A room that may be entered. A personal PIN has its owner's `display_name`, or makes the
    caller a moderator."""

    room: str
    display_name: str | None = None
    moderator: bool = False
