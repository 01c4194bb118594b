"""What a participant tells its call."""

from dataclasses import dataclass
from enum import StrEnum


class LeaveCause(StrEnum):
    """Why a participant that had joined is no longer in the conference."""

    KICKED = "kicked"
    HUNG_UP = "hung-up"  # a moderator has hung the phone up
    BANNED = "banned"
    MEETING_ENDED = "meeting-ended"  # the room is gone
    MEMBERS_ONLY = "members-only"  # the room now admits members only, and we are not one
    LOBBY_DENIED = "lobby-denied"  # we had to come back through the lobby, and were not let in
    MEDIA_FAILED = "media-failed"  # no connection to the videobridge, or none that lasts
    FOCUS_LOST = "focus-lost"  # the focus has left and nobody replaces it
    CONNECTION_LOST = "connection-lost"  # to the XMPP server, or by its fault to the room


class WaitingFor(StrEnum):
    """On whom it depends when we get into the room."""

    LOBBY = "lobby"  # a moderator has to let us in
    HOST = "host"  # somebody has to open the conference


class RecordingMode(StrEnum):
    """What becomes of what is recorded."""

    FILE = "file"
    STREAM = "stream"  # it can be followed live


class RecordingState(StrEnum):
    """How far a recording is."""

    PENDING = "pending"  # asked for, perhaps soon on
    ON = "on"
    OFF = "off"  # after it was on
    FAILED = "failed"  # has never been on


@dataclass(frozen=True, slots=True)
class Waiting:
    """We are at the door and it may take a while; told before `join` returns, or on rejoining.

    `occupant` is who we are in the lobby, if it is one. `password_refused`: a password that was to
    let us in was wrong, and we wait on.
    """

    for_: WaitingFor
    occupant: str | None = None
    password_refused: bool = False


@dataclass(frozen=True, slots=True)
class Moved:
    """We have been sent to `room` (a breakout room, or back to the main one) and are in it.

    `name` is what moderators call a breakout room; empty if nobody has told.
    """

    room: str
    is_main: bool = False
    name: str = ""


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
class CompanyChanged:
    """Who is in the conference besides us: `people` at browsers and apps, and `phones`.

    The focus, recorders and transcribers are nobody. Told on entering and whenever it changes.
    """

    people: int
    phones: int

    @property
    def is_alone(self) -> bool:
        """Whether nobody else is there."""
        return self.people + self.phones == 0

    @property
    def only_phones(self) -> bool:
        """Whether there are others, and all of them are phones."""
        return self.people == 0 and self.phones > 0


@dataclass(frozen=True, slots=True)
class RecordingChanged:
    """A recording begins, is on or is over; told on entering as well if one is on.

    `session` is empty for a recording by the videobridge. `failure` is why it is over, if by a
    fault.
    """

    mode: RecordingMode
    state: RecordingState
    session: str
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class TranscriptionChanged:
    """What is said is written down from now on, or no longer."""

    on: bool


@dataclass(frozen=True, slots=True)
class EncryptionChanged:
    """Others encrypt end to end, or nobody does any more.

    We can do neither: as long as it is `on` the caller and `names` do not hear each other.
    """

    on: bool
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatReceived:
    """`name` has written something, to everybody or in `private` to us alone."""

    endpoint: str
    name: str
    text: str
    private: bool


@dataclass(frozen=True, slots=True)
class DominantSpeaker:
    """Another endpoint speaks most: as the videobridge sees it, if there is a bridge channel."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class ConferenceDigit:
    """Somebody in the conference has pressed a key, and said so by Jingle (XEP-0181).

    One event a press; `duration` is in seconds. Presses that come as RTP are the engine's to tell.
    """

    endpoint: str
    digit: str
    duration: float


@dataclass(frozen=True, slots=True)
class MutedByModerator:
    """We were muted: by `actor` (a name), or by the conference's rules (None)."""

    actor: str | None


@dataclass(frozen=True, slots=True)
class ModerationSwitched:
    """From now on moderators decide who may speak, or no longer."""

    on: bool


@dataclass(frozen=True, slots=True)
class ApprovalWithdrawn:
    """We may speak no more, until a moderator lets us again."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A moderator lets us speak, or asks us to: we may unmute, and stay muted until we do."""


@dataclass(frozen=True, slots=True)
class HandLowered:
    """A moderator has lowered our hand."""


@dataclass(frozen=True, slots=True)
class VisitorChanged:
    """From now on we are a visitor, who hears and is not heard, or no longer."""

    on: bool


@dataclass(frozen=True, slots=True)
class Knocked:
    """Somebody, perhaps with a name, waits to be let in: told to moderators who may do so."""

    name: str | None


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
    Waiting
    | Moved
    | MediaUp
    | MediaDown
    | Alone
    | OccupantJoined
    | OccupantLeft
    | CompanyChanged
    | RecordingChanged
    | TranscriptionChanged
    | EncryptionChanged
    | ChatReceived
    | DominantSpeaker
    | ConferenceDigit
    | MutedByModerator
    | ModerationSwitched
    | Approved
    | ApprovalWithdrawn
    | HandLowered
    | VisitorChanged
    | Knocked
    | Rejoined
    | Ended
)
