"""What is ordered of the rooms of a lab, in a moderator's or the server's name.

On a Prosody it is the focus that orders it, whoever is said to be the actor, and it takes a moment
(`Lab.settled`). KeyError if there is no such room or occupant.
"""

from abc import ABC, abstractmethod

from gateway.lab.end_conference import TERMINATED
from gateway.lab.lab_speakers import LabSpeakers
from gateway.lab.own_venue import OwnVenue
from gateway.lab.venue import Venue


class LabRooms(ABC):
    """The part of `Lab` that is about its rooms."""

    _venue: Venue
    _speakers: LabSpeakers

    @abstractmethod
    def room_jid(self, room: str) -> str:
        """The JID of a room of that name."""

    @property
    @abstractmethod
    def _at_home(self) -> OwnVenue:
        """The lab's own server; NotHere on another."""

    def kick(
        self, room: str, nick: str, reason: str | None = None, *, actor: str | None = None
    ) -> None:
        """Throw somebody out (307)."""
        self._venue.rooms.kick(self.room_jid(room), nick, reason, actor)

    def ban(self, room: str, nick: str, *, actor: str | None = None) -> None:
        """Throw somebody out (301), for as long as the room lasts."""
        self._venue.rooms.set_affiliation(self.room_jid(room), nick, "outcast", actor)

    def grant_owner(self, room: str, nick: str, *, actor: str | None = None) -> None:
        """Make somebody a moderator."""
        self._venue.rooms.set_affiliation(self.room_jid(room), nick, "owner", actor)

    def destroy(
        self, room: str, reason: str | None = TERMINATED, alternate: str | None = None
    ) -> None:
        """End a room; `alternate` is the JID of the one to go to."""
        self._venue.rooms.destroy(self.room_jid(room), reason, alternate)

    def shut_down_room(self, room: str) -> None:
        """The server ends a room (332), as it does when it is restarted."""
        self._at_home.rooms.shut_down(self.room_jid(room))

    def set_password(self, room: str, password: str | None) -> None:
        """From now on who comes in needs a password."""
        self._venue.rooms.set_password(self.room_jid(room), password)

    def set_members_only(self, room: str, members_only: bool = True) -> None:
        """Admit members only; who is none is thrown out (322), the lab's own speakers are not."""
        jid = self.room_jid(room)
        self._venue.rooms.set_members_only(jid, members_only, self._speakers.users(jid))
