"""Who waits in the lobby of a room that we moderate; no IO and no time.

Moderators are in the lobby too: the room's module shows each of them all guests, and no moderator.
"""

from dataclasses import dataclass

from gateway.conference.events import Knocked
from gateway.xmpp.jid import bare, resource
from gateway.xmpp.presence import OccupantPresence

MAX_GUESTS = 500


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who waits; `jid` is its own, by which it is let in, `nick` the one it has there and
    will have in the room."""

    jid: str
    nick: str
    name: str | None


class LobbyWatch:
    """What we see as `nick` of the lobby we are in; `lobby` is None while we are in none."""

    def __init__(self, nick: str) -> None:
        self.lobby: str | None = None
        self._nick = nick
        self._guests: dict[str, Guest] = {}

    @property
    def guests(self) -> tuple[Guest, ...]:
        """Those who wait, in the order they were seen in."""
        return tuple(self._guests.values())

    def enters(self, lobby: str) -> None:
        """We go to watch there."""
        self.leaves()
        self.lobby = lobby

    def leaves(self) -> None:
        """We watch no longer."""
        self.lobby = None
        self._guests.clear()

    def receive(self, presence: OccupantPresence, *, is_inside: bool) -> Knocked | None:
        """What a presence tells; `is_inside` is whether it is of somebody in the room already."""
        if self.lobby is None or bare(presence.occupant) != self.lobby:
            return None
        nick = resource(presence.occupant)
        if nick == self._nick:
            if not presence.available:
                self.leaves()
            return None
        if not presence.available:
            self._guests.pop(nick, None)
            return None
        is_known = nick in self._guests
        is_too_many = len(self._guests) >= MAX_GUESTS and not is_known
        if presence.real_jid is None or is_inside or is_too_many:
            return None
        self._guests[nick] = Guest(presence.real_jid, nick, presence.display_name)
        return None if is_known else Knocked(presence.display_name)
