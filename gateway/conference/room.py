"""Who is in the room, as its presences tell it (XEP-0045); no IO and no time.

The focus is in the room too, but is nobody's company.
"""

from dataclasses import dataclass

from gateway.conference.departure import Departure, removed
from gateway.conference.events import Alone, OccupantJoined, OccupantLeft
from gateway.xmpp.presence import OccupantPresence

FOCUS_NICK = "focus"
MAX_OCCUPANTS = 5000


@dataclass(frozen=True, slots=True)
class Entered:
    """The room has let us in: everybody in it has been told of, ourselves last."""


@dataclass(frozen=True, slots=True)
class FocusJoined:
    """The focus is in the room."""


@dataclass(frozen=True, slots=True)
class FocusLeft:
    """The focus has left the room: what it had arranged is no longer looked after."""


RoomEvent = Entered | FocusJoined | FocusLeft | OccupantJoined | OccupantLeft | Alone | Departure


class Room:
    """The room as we see it. `role` is our own; `bridge_available` is what the focus says."""

    def __init__(self, jid: str, nick: str) -> None:
        self.jid = jid
        self.nick = nick
        self.role = "none"
        self.entered = False
        self.focus_present = False
        self.bridge_available = True
        self._names: dict[str, str] = {}

    @property
    def focus(self) -> str:
        """The occupant JID of the focus."""
        return f"{self.jid}/{FOCUS_NICK}"

    @property
    def alone(self) -> bool:
        """Whether nobody but us, and perhaps the focus, is here."""
        return not self._names

    def name_of(self, nick: str) -> str:
        """The display name of an occupant, its nick if it has none."""
        return self._names.get(nick) or nick

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
        self.role = presence.role
        if self.entered or not presence.is_self:
            return []
        self.entered = True
        return [Entered()]

    def _focus(self, presence: OccupantPresence) -> list[RoomEvent]:
        self.bridge_available = presence.bridge_available
        if presence.available == self.focus_present:
            return []
        self.focus_present = presence.available
        return [FocusJoined() if presence.available else FocusLeft()]

    def _other(self, presence: OccupantPresence) -> list[RoomEvent]:
        nick, name = presence.nick, presence.display_name or presence.nick
        if presence.available:
            known = nick in self._names
            if known or len(self._names) < MAX_OCCUPANTS:
                self._names[nick] = name
            return [] if known or not self.entered else [OccupantJoined(nick, name)]
        if nick not in self._names:
            return []
        left = OccupantLeft(nick, self._names.pop(nick))
        return [left, Alone()] if self.alone and self.entered else [left]
