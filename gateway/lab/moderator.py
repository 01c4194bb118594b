"""What a moderator does beyond throwing out and muting: lobby, floor, breakout rooms, recording.

    moderator = lab.moderator("demo")
    moderator.open_lobby()
    for guest in moderator.knocking:
        moderator.admit(guest.nick)

On a Prosody without Jitsi's plugins there are only the recording and the end: the rest raises
NotHere. KeyError if there is no such room, occupant or guest.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.lab.end_conference import TERMINATED
from gateway.lab.focus_port import NICK
from gateway.lab.focus_recording import Failure, Mode, Recording
from gateway.lab.muc_room import MucRoom
from gateway.lab.site import Site
from gateway.lab.venue import Venue
from gateway.xmpp.jid import bare


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who waits in the lobby."""

    nick: str
    display_name: str | None
    jid: str


class Moderator:
    """Acts in a room (a JID), in the name of a moderator who is there, else of the focus.

    `own_site` is the lab's own server; NotHere if it has none.
    """

    def __init__(self, room: str, venue: Venue, own_site: Callable[[], Site]) -> None:
        self._jid = room
        self._venue = venue
        self._own_site = own_site

    @property
    def room_exists(self) -> bool:
        """Whether there is such a room just now."""
        try:
            return self._room is not None
        except KeyError:
            return False

    @property
    def has_password(self) -> bool:
        """Whether the room has a password."""
        return self._room.policy.password is not None

    # The lobby.

    def open_lobby(self, *, waits_for_host: bool = False, expel: bool = False) -> None:
        """From now on who comes has to knock; with `expel` who is there as well (322).

        With `waits_for_host` it is told that it waits for a host. The lab's own are not expelled.
        """
        room, now = self._room, time.monotonic()
        self._site.lobbies.open(room, self._actor, now, waits_for_host=waits_for_host)
        if expel:
            for member in self._venue.focus.conferences[self._jid].members.values():
                if member.is_speaker:
                    room.affiliations.setdefault(bare(member.jid), "member")
            room.expel_strangers(now)

    def close_lobby(self) -> None:
        """Everybody may come in again, also who knocks (or: the host has come)."""
        self._site.lobbies.close(self._room, self._actor, time.monotonic())

    @property
    def has_lobby(self) -> bool:
        """Whether who comes has to knock."""
        return self._site.lobbies.is_open(self._room)

    @property
    def knocking(self) -> list[Guest]:
        """Who waits, in the order they came."""
        waiting = self._site.lobbies.waiting(self._room)
        return [Guest(each.nick, each.display_name, each.jid) for each in waiting]

    def admit(self, nick: str) -> None:
        """Let a guest in."""
        self._site.lobbies.admit(self._room, nick, self._actor, time.monotonic())

    def deny(self, nick: str) -> None:
        """Send a guest away."""
        self._site.lobbies.deny(self._room, nick, self._actor, time.monotonic())

    # The floor.

    def moderate_audio(self, enabled: bool = True) -> None:
        """From now on only who is approved may unmute, or everybody may."""
        moderation, now = self._site.moderation, time.monotonic()
        change = moderation.enable if enabled else moderation.disable
        change(self._room, self._actor, now)

    @property
    def moderates_audio(self) -> bool:
        """Whether only who is approved may unmute."""
        return self._site.moderation.is_enabled(self._room)

    @property
    def approved(self) -> frozenset[str]:
        """The nicks of those who may unmute by a moderator's word."""
        return self._site.moderation.approved(self._room)

    def approve(self, nick: str) -> None:
        """Let somebody unmute; in a room that is not moderated, ask it to."""
        self._site.moderation.approve(self._room, nick, self._actor, time.monotonic())

    def reject(self, nick: str) -> None:
        """Take an approval back."""
        self._site.moderation.reject(self._room, nick, self._actor, time.monotonic())

    # Breakout rooms.

    def add_breakout(self, name: str) -> str:
        """Make a breakout room; its JID."""
        return self._site.breakouts.add(self._room, name, time.monotonic()).jid

    @property
    def breakouts(self) -> dict[str, str]:
        """The names of the breakout rooms, by JID."""
        return {room.jid: room.name for room in self._site.breakouts.of(self._jid)}

    def send_to_breakout(self, nick: str, breakout: str) -> None:
        """Send somebody who is in the main room to a breakout room (a JID)."""
        self._site.breakouts.send_to(self._room, nick, breakout, time.monotonic())

    def send_back(self, nick: str) -> None:
        """Send somebody who is in a breakout room back."""
        for breakout in self.breakouts:
            room = self._site.breakout_muc.rooms.get(breakout)
            if room is not None and nick in room.occupants:
                self._site.breakouts.send_to(room, nick, self._jid, time.monotonic())
                return
        raise KeyError(nick)

    def remove_breakout(self, breakout: str) -> None:
        """End a breakout room (a JID): who is there is sent back."""
        self._site.breakouts.remove(breakout, time.monotonic())

    # Recording.

    def record(self, mode: Mode = "file") -> None:
        """Ask for a recorder; the room sees it. RecordingRefused if there is one."""
        now = time.monotonic()
        initiator = f"{self._jid}/{self.actor}" if self.actor is not None else None
        self._venue.focus.conferences[self._jid].start_recording(mode, initiator, now)
        self._venue.flush(now)

    def stop_recording(self, failure: Failure | None = None) -> None:
        """Record no longer, or have the recorder fail. RecordingRefused if there is none."""
        self._venue.focus.conferences[self._jid].stop_recording(failure)
        self._venue.flush(time.monotonic())

    @property
    def recording(self) -> Recording | None:
        """The latest recording, if there was one."""
        conference = self._venue.focus.conferences.get(self._jid)
        return conference.recordings.current if conference is not None else None

    # The end.

    def end_for_all(self) -> None:
        """End the meeting for everybody."""
        self._venue.rooms.destroy(self._jid, TERMINATED, None)

    # Details.

    @property
    def _site(self) -> Site:
        return self._own_site()

    @property
    def _room(self) -> MucRoom:
        return self._site.room(self._jid)

    @property
    def actor(self) -> str | None:
        """The nick of the moderator in whose name it acts; None if that is the focus."""
        return self._actor if self._actor != NICK else None

    @property
    def _actor(self) -> str:
        occupants = self._venue.rooms.occupants(self._jid)
        moderators = (each.nick for each in occupants if each.role == "moderator")
        return next(moderators, NICK)
