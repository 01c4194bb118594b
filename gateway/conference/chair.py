"""A moderator's orders during one stay: lock, mute all, admit, record, end.

We often are moderators by accident: Jicofo makes the first who comes an owner, a phone as well. So
an order is carried out only for a caller who `may_preside` by its PIN or trunk, and only while the
conference has made us a moderator; what is not done is said. Another caller's place is handed on.

To lock is to open the lobby, where the server has one: as callers know it from others, nobody comes
in any more unless a moderator lets it. Elsewhere the room gets a password of digits.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

import structlog

from gateway.conference.audio import Emit
from gateway.conference.company import Somebody
from gateway.conference.departure import TERMINATED
from gateway.conference.entering import Entry
from gateway.conference.handover import Handover
from gateway.conference.lobby_watch import LobbyWatch
from gateway.xmpp import namespaces as ns
from gateway.xmpp import room_orders
from gateway.xmpp.connection import ConnectionFailed
from gateway.xmpp.element import element
from gateway.xmpp.mute import mute_request
from gateway.xmpp.own_presence import unavailable
from gateway.xmpp.presence import OccupantPresence
from gateway.xmpp.recording import start_recording, stop_recording
from gateway.xmpp.room_entrance import RoomEntrance
from gateway.xmpp.stanza import NoReply, StanzaError

log = structlog.get_logger(__name__)

PASSWORD_DIGITS = 6
MEMBERS_AT_ONCE = 100  # in one IQ, which has to stay below the server's limit for a stanza
END_WITHIN = 5.0  # seconds in which the component has ended the meeting


class Order(StrEnum):
    """What a moderator may want."""

    LOCK = "lock"  # or unlock
    MUTE_ALL = "mute-all"
    ADMIT = "admit"  # everybody who waits
    RECORD = "record"  # or no longer
    END = "end"


class Outcome(Enum):
    """What has become of an order."""

    LOCKED = auto()
    UNLOCKED = auto()
    OTHERS_MUTED = auto()
    NOBODY_ELSE = auto()
    ADMITTED = auto()
    NOBODY_WAITS = auto()
    RECORDER_ASKED = auto()  # the room is told when it records
    RECORDER_STOPPED = auto()  # likewise
    NO_RECORDER = auto()
    ENDED = auto()  # which the call ends with
    NOT_ALLOWED = auto()  # the caller is no moderator
    NOT_POSSIBLE = auto()


@dataclass(frozen=True, slots=True)
class Ruling:
    """The outcome; `password` is the room's from now on, if it has got one."""

    outcome: Outcome
    password: str | None = field(default=None, repr=False)


class Chair:
    """The moderator's place in the room of `entry`."""

    def __init__(self, entry: Entry, *, may_preside: bool, emit: Emit) -> None:
        self._login = entry.login
        self._connection = entry.login.connection
        self._room = entry.room
        self._presence = entry.presence
        self._may_preside = may_preside
        self._emit = emit
        self._watch = LobbyWatch(entry.room.nick)
        self._handover = None if may_preside else Handover(entry)
        self._due = asyncio.Event()  # the room is to be looked at
        self.look()
        self._was_taken = self.is_taken

    @property
    def is_taken(self) -> bool:
        """Whether orders of the caller are carried out."""
        return self._may_preside and self._room.role == "moderator" and self._room.entered

    @property
    def guests(self) -> tuple[Somebody, ...]:
        """Those who wait to be let in."""
        return tuple(Somebody(guest.nick, guest.name or "") for guest in self._watch.guests)

    async def carry_out(self, order: Order, *, tells_password: bool) -> Ruling:
        """Do it, as far as possible; `tells_password` is whether the caller can hear one."""
        if not self.is_taken:
            return Ruling(Outcome.NOT_ALLOWED)
        log.info("moderator's key", order=order.value)
        if order in _MAIN_ROOM_S and self._is_in_breakout:
            return Ruling(Outcome.NOT_POSSIBLE)  # it would be about this room only
        try:
            match order:
                case Order.LOCK:
                    return await self._lock(tells_password=tells_password)
                case Order.MUTE_ALL:
                    return await self._mute_all()
                case Order.ADMIT:
                    return self._admit()
                case Order.RECORD:
                    return await self._record()
                case Order.END:
                    return await self._end()
        except (StanzaError, NoReply, ConnectionFailed) as error:
            log.warning("order not carried out", order=order.value, error=str(error))
            return Ruling(Outcome.NOT_POSSIBLE)

    # The lobby

    def look(self) -> None:
        """The room may have other rules."""
        if self._may_preside:
            self._due.set()

    async def attend(self) -> None:
        """Be in the lobby while there is one and we are a moderator, without end."""
        if self._handover is not None:
            return await self._handover.attend()
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                lobby = (await self._ask()).lobby if self.is_taken else None
            except (StanzaError, NoReply) as error:
                log.warning("the room does not describe itself", error=str(error))
                if isinstance(error, NoReply):
                    self.look()
                continue
            if lobby != self._watch.lobby:
                self.leave()
                if lobby is not None and self._serves(lobby):
                    self._watch.enters(lobby)
                    self._connection.send(self._presence.knock(lobby))

    def sees(self, presence: OccupantPresence) -> None:
        """A presence has come, of the room, which has read it already, or of the lobby."""
        if self._handover is not None:
            self._handover.look()
        if self._was_taken is not self.is_taken:
            self._was_taken = self.is_taken
            self.look()
        inside = self._room.company.has(presence.nick)
        knocked = self._watch.receive(presence, is_inside=inside)
        if knocked is not None:
            self._emit(knocked)

    def leave(self) -> None:
        """Be in the lobby no longer."""
        if self._watch.lobby is not None:
            self._connection.send(unavailable(self._watch.lobby, self._room.nick))
            self._watch.leaves()

    def _serves(self, lobby: str) -> bool:
        name, _, domain = lobby.partition("@")
        return bool(name) and domain == self._login.components.addresses.get("lobbyrooms")

    # Orders

    @property
    def _is_in_breakout(self) -> bool:
        domain = self._room.jid.rpartition("@")[2]
        return domain == self._login.components.addresses.get("breakout_rooms")

    async def _ask(self) -> RoomEntrance:
        query = element(ns.DISCO_INFO, "query")
        return RoomEntrance.parse(
            await self._connection.request(self._room.jid, query, type_="get")
        )

    async def _lock(self, *, tells_password: bool) -> Ruling:
        room = self._room.jid
        if (await self._ask()).is_locked:
            await self._connection.request(room, room_orders.unlock())
            return Ruling(Outcome.UNLOCKED)
        if "lobbyrooms" in self._login.components.addresses:
            await self._keep_everybody()
            await self._connection.request(room, room_orders.admit_members_only())
            return Ruling(Outcome.LOCKED)
        if not tells_password:
            return Ruling(Outcome.NOT_POSSIBLE)
        password = f"{secrets.randbelow(10**PASSWORD_DIGITS):0{PASSWORD_DIGITS}}"
        await self._connection.request(room, room_orders.lock(password))
        return Ruling(Outcome.LOCKED, password)

    async def _keep_everybody(self) -> None:
        """Who is there stays: members are not put out."""
        strangers = self._room.company.strangers
        for first in range(0, len(strangers), MEMBERS_AT_ONCE):
            chosen = strangers[first : first + MEMBERS_AT_ONCE]
            await self._connection.request(self._room.jid, room_orders.make_members(chosen))

    async def _mute_all(self) -> Ruling:
        company, focus = self._room.company, self._room.focus
        if company.count.is_alone:
            return Ruling(Outcome.NOBODY_ELSE)
        refused = 0
        for nick in company.audible:
            try:
                await self._connection.request(focus, mute_request(f"{self._room.jid}/{nick}"))
            except StanzaError as error:
                if company.has(nick):  # else it has left meanwhile
                    refused += 1
                    log.warning("muting refused", endpoint=nick, error=str(error))
        return Ruling(Outcome.OTHERS_MUTED if refused == 0 else Outcome.NOT_POSSIBLE)

    def _admit(self) -> Ruling:
        guests = self._watch.guests
        if not guests:
            return Ruling(Outcome.NOBODY_WAITS)
        jids = (guest.jid for guest in guests)
        self._connection.send(room_orders.invitation(self._room.jid, jids))
        return Ruling(Outcome.ADMITTED)

    async def _record(self) -> Ruling:
        focus, recordings = self._room.focus, self._room.recordings or ()
        running = [each for each in recordings if not each.is_stream and each.status != "off"]
        if running:
            await self._connection.request(focus, stop_recording(running[-1].session))
            return Ruling(Outcome.RECORDER_STOPPED)
        try:
            await self._connection.request(focus, start_recording())
        except StanzaError as error:
            if error.condition not in _NO_RECORDER:
                raise
            log.info("no recorder", error=str(error))
            return Ruling(Outcome.NO_RECORDER)
        return Ruling(Outcome.RECORDER_ASKED)

    async def _end(self) -> Ruling:
        """By the component, which says nothing if it does not know which room we mean (over plain
        TCP it never does), else by destroying the room ourselves."""
        component = self._login.components.addresses.get("end_conference")
        if component is not None and self._login.installation.server.is_web:
            self._connection.send(room_orders.end_conference(component))
            await asyncio.sleep(END_WITHIN)
        if self._room.entered:
            await self._connection.request(self._room.jid, room_orders.destroy(TERMINATED))
        return Ruling(Outcome.ENDED)


_MAIN_ROOM_S = (Order.LOCK, Order.ADMIT, Order.END)
_NO_RECORDER = (
    "service-unavailable",  # none is there
    "resource-constraint",  # none is free
    "item-not-found",  # Jicofo knows of no recorders at all
)
