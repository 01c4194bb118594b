"""Who is in the room, as its presences tell it (XEP-0045); no IO and no time.

The focus is in the room too, but is nobody's company; nor are recorders and the like.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.conference.company import Company, Kind
from gateway.conference.departure import Departure, removed
from gateway.conference.events import Alone, OccupantJoined, OccupantLeft
from gateway.xmpp.conference_properties import AUDIO_LIMIT_REACHED, AUDIO_RECORDED
from gateway.xmpp.jid import bare
from gateway.xmpp.presence import OccupantPresence
from gateway.xmpp.recording import RecordingStatus

FOCUS_NICK = "focus"


@dataclass(frozen=True, slots=True)
class Entered:
    """The room has let us in: everybody in it has been told of, ourselves last."""


@dataclass(frozen=True, slots=True)
class FocusJoined:
    """The focus is in the room."""


@dataclass(frozen=True, slots=True)
class FocusLeft:
    """The focus has left the room: what it had arranged is no longer looked after."""


@dataclass(frozen=True, slots=True)
class MachineLeft:
    """An occupant that is nobody's company has left."""

    endpoint: str


RoomEvent = (
    Entered
    | FocusJoined
    | FocusLeft
    | OccupantJoined
    | OccupantLeft
    | MachineLeft
    | Alone
    | Departure
)


class Room:
    """The room as we see it. `role` is our own; with `visiting` we are visitors, whatever it says.

    `bridge_available`, `recordings`, `is_audio_recorded` and `is_audio_limit_reached` are what the
    focus said last, before its first word `recordings` is None. `is_transcription_wanted` is what
    the room's metadata says.
    """

    def __init__(
        self, jid: str, nick: str, hidden_domains: Iterable[str] = (), *, visiting: bool = False
    ) -> None:
        self.jid = jid
        self.nick = nick
        self.role = "none"
        self._visiting = visiting
        self.entered = False
        self.focus_present = False
        self.bridge_available = True
        self.recordings: tuple[RecordingStatus, ...] | None = None
        self.is_audio_recorded = False
        self.is_audio_limit_reached = False
        self.is_transcription_wanted = False
        self.company = Company(hidden_domains)
        self._focus_domain = ""  # where the focus logs in, once the room has told

    @property
    def focus(self) -> str:
        """The occupant JID of the focus."""
        return f"{self.jid}/{FOCUS_NICK}"

    @property
    def is_visitor(self) -> bool:
        """Whether we hear the conference and are not heard."""
        return self.role == "visitor"

    @property
    def alone(self) -> bool:
        """Whether nobody but us is here, and machines perhaps."""
        return self.company.count.is_alone

    @property
    def only_phones(self) -> bool:
        """Whether there are others, and all of them are phones."""
        return self.company.count.only_phones

    @property
    def occupants(self) -> int:
        """How many are here, ourselves included, the focus not."""
        return len(self.company) + self.entered

    def name_of(self, nick: str) -> str:
        """The display name of an occupant, its nick if it has none."""
        return self.company.name_of(nick)

    def is_other(self, occupant: str) -> bool:
        """Whether an occupant JID is of somebody here and neither ours nor the focus'."""
        room, _, nick = occupant.partition("/")
        return room == self.jid and self.company.has(nick)

    def may_hang_up(self, occupant: str) -> bool:
        """Whether an occupant JID is of somebody who may end our call: the focus or a moderator."""
        nick = occupant.removeprefix(f"{self.jid}/")
        return (occupant == self.focus and self.focus_present) or (
            self.is_other(occupant) and self.company.is_moderator(nick)
        )

    def receive(self, presence: OccupantPresence) -> list[RoomEvent]:
        """What a presence changes."""
        if presence.occupant != f"{self.jid}/{presence.nick}":
            return []
        if presence.nick == self.nick:
            return self._own(presence)
        if presence.nick == FOCUS_NICK:
            return self._focus(presence)
        return self._other(presence)

    def _own(self, presence: OccupantPresence) -> list[RoomEvent]:
        if not presence.available:
            self.entered = False
            actor = presence.actor
            return [removed(presence, self.name_of(actor) if actor is not None else None)]
        self.role = "visitor" if self._visiting else presence.role
        if self.entered or not presence.is_self:
            return []
        self.entered = True
        return [Entered()]

    def _focus(self, presence: OccupantPresence) -> list[RoomEvent]:
        domain = bare(presence.real_jid or "").rpartition("@")[2]
        self._focus_domain = self._focus_domain or domain
        if domain and domain != self._focus_domain:
            return []  # somebody who has taken its nick while it is away
        self.bridge_available = presence.bridge_available
        if presence.available:
            self.recordings = presence.recordings
            self.is_audio_recorded = AUDIO_RECORDED in presence.properties
            self.is_audio_limit_reached = AUDIO_LIMIT_REACHED in presence.properties
        if presence.available == self.focus_present:
            return []
        self.focus_present = presence.available
        return [FocusJoined() if presence.available else FocusLeft()]

    def _other(self, presence: OccupantPresence) -> list[RoomEvent]:
        nick = presence.nick
        if presence.available:
            occupant, was_known = self.company.sees(presence)
            if was_known or not self.entered or occupant.kind is Kind.MACHINE:
                return []
            return [OccupantJoined(nick, occupant.name)]
        gone = self.company.loses(nick)
        if gone is None:
            return []
        if gone.kind is Kind.MACHINE:
            return [MachineLeft(nick)]
        left = OccupantLeft(nick, gone.name)
        return [left, Alone()] if self.alone and self.entered else [left]
