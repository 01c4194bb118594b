"""What a participant tells its call."""

from dataclasses import dataclass
from enum import StrEnum


class LeaveCause(StrEnum):
    """Why a participant that had joined is no longer in the conference."""

    KICKED = "kicked"
    BANNED = "banned"
    MEETING_ENDED = "meeting-ended"  # the room is gone
    MEMBERS_ONLY = "members-only"  # the room now admits members only, and we are not one
    MEDIA_FAILED = "media-failed"  # no connection to the videobridge, or none that lasts
    FOCUS_LOST = "focus-lost"  # the focus has left and nobody replaces it
    CONNECTION_LOST = "connection-lost"  # to the XMPP server, or by its fault to the room


@dataclass(frozen=True, slots=True)
class MediaUp:
    """Audio flows in both directions."""


@dataclass(frozen=True, slots=True)
class MediaDown:
    """Audio has stopped; if the participant has not ended, it is waiting for it or repairing it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Alone:
    """Nobody else is in the conference."""


@dataclass(frozen=True, slots=True)
class OccupantJoined:
    """Somebody came in; who was there before us is not reported."""

    endpoint: str
    name: str


@dataclass(frozen=True, slots=True)
class OccupantLeft:
    """Somebody went."""

    endpoint: str
    name: str


@dataclass(frozen=True, slots=True)
class MutedByModerator:
    """We were muted: by `actor` (a name), or by the conference's rules (None)."""

    actor: str | None


@dataclass(frozen=True, slots=True)
class Rejoined:
    """We had to leave and are in the room again, as a new endpoint."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The participant has left for good; always the last event. `actor` is who removed it."""

    cause: LeaveCause
    text: str
    actor: str | None = None


Event = (
    MediaUp
    | MediaDown
    | Alone
    | OccupantJoined
    | OccupantLeft
    | MutedByModerator
    | Rejoined
    | Ended
)
