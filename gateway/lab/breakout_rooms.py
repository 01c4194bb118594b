"""Breakout rooms (mod_muc_breakout_rooms): rooms beside a meeting that people are sent to. No IO.

They are rooms of a domain of their own; the component makes them, the focus enters them when
somebody asks for the conference. Whoever is sent somewhere has to go there (rule 14).
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.lab.focus_port import NICK
from gateway.lab.muc_room import MucRoom, moderator_behind
from gateway.lab.muc_stanzas import Occupant, Removal, json_message
from gateway.lab.violation import Blame, Step
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text
from gateway.xmpp.jid import local

REMOVED = "Breakout room removed."
_TYPE = "breakout_rooms"
_SWITCHING = "switch_room"
_FEATURE = "features/breakout-rooms"
_THERE_WITHIN = 10.0
"""Seconds somebody who is sent to another room may take to be there."""


@dataclass(frozen=True, slots=True)
class BreakoutRoom:
    """A breakout room of the meeting `main` (a JID)."""

    jid: str
    main: str
    name: str


@dataclass(slots=True)
class _Sent:
    """Somebody who has been sent from one room to another, and how far it has got.

    `status` is what it has left with, if it has.
    """

    nick: str
    origin: str
    to: str
    due: float
    has_left: bool = False
    status: str | None = None

    @property
    def hung_up(self) -> bool:
        """Whether it has left for good, which nobody can forbid."""
        return self.has_left and self.status != _SWITCHING


class BreakoutRooms:
    """The component `address`. `main` and `breakout` are all rooms of both kinds, by JID.

    `end` ends a breakout room.
    """

    def __init__(
        self,
        address: str,
        *,
        main: Mapping[str, MucRoom],
        breakout: Mapping[str, MucRoom],
        end: Callable[[MucRoom, Removal, float], None],
        send: Callable[[Element, float], None],
        blame: Blame,
        step: Step,
    ) -> None:
        self._address = address
        self._main = main
        self._breakout = breakout
        self._end = end
        self._send = send
        self._blame = blame
        self._step = step
        self._rooms: dict[str, BreakoutRoom] = {}  # by JID
        self._sent: dict[str, _Sent] = {}  # by full JID

    def exists(self, room: str) -> bool:
        """Whether a moderator has made that room, and nobody has removed it."""
        return room in self._rooms

    def of(self, main: str) -> list[BreakoutRoom]:
        """The breakout rooms of a meeting."""
        return [room for room in self._rooms.values() if room.main == main]

    # What a moderator does.

    def add(self, main: MucRoom, name: str, now: float) -> BreakoutRoom:
        """Make a room beside a meeting."""
        room = BreakoutRoom(f"{uuid.uuid4()}@{self._address}", main.jid, name)
        self._rooms[room.jid] = room
        self._step(_TYPE, f"{name} is made beside {main.jid}")
        self._tell_update(main.jid, now)
        return room

    def send_to(self, origin: MucRoom, nick: str, to: str, now: float) -> None:
        """Order somebody to another room of the meeting. KeyError if it is not there."""
        jid = origin.occupants[nick].jid
        self._sent[jid] = _Sent(nick, origin.jid, to, now + _THERE_WITHIN)
        content = {"type": _TYPE, "event": f"{_FEATURE}/move-to-room", "roomJid": to}
        self._step(nick, f"is sent to {self._name_of(to)}")
        self._send(json_message(self._address, jid, None, content), now)

    def remove(self, jid: str, now: float) -> None:
        """End a room; who is there is sent back. KeyError if there is no such one."""
        gone = self._rooms.pop(jid)
        # Who is on the way there cannot arrive any more.
        self._sent = {who: sent for who, sent in self._sent.items() if sent.to != jid}
        there = self._breakout.get(jid)
        if there is not None:
            for occupant in _guests(there):
                # It is out already: no leaving, and nothing to say with it.
                due = now + _THERE_WITHIN
                sent = _Sent(occupant.nick, jid, gone.main, due, True, _SWITCHING)
                self._sent[occupant.jid] = sent
            removal = Removal(reason=REMOVED, destroyed=True, alternate=gone.main)
            self._end(there, removal, now)
        self._tell_update(gone.main, now)

    # What happens in the rooms (`gateway.lab.muc_room.RoomWatcher`).

    def joined(self, room: MucRoom, occupant: Occupant, now: float) -> None:
        """Perhaps it was sent there; who goes elsewhere says so, or Jicofo may end the meeting."""
        sent = self._sent.get(occupant.jid)
        if sent is not None and sent.to == room.jid:
            del self._sent[occupant.jid]
            if sent.hung_up:
                what = f"left for another room with status {sent.status!r}"
                self._blame(14, occupant.nick, what)
        self._tell_change(room, now)

    def left(self, room: MucRoom, occupant: Occupant, removal: Removal, now: float) -> None:
        """Perhaps it was sent elsewhere."""
        sent = self._sent.get(occupant.jid)
        if sent is not None and sent.origin == room.jid:
            sent.has_left = True
            if occupant.farewell is not None:
                sent.status = child_text(occupant.farewell, ns.CLIENT, "status")
        self._tell_change(room, now)

    def closed(self, room: MucRoom, removal: Removal, now: float) -> None:
        """With a meeting that is ended end its breakout rooms, not with one that is just empty."""
        is_over = removal.destroyed or removal.statuses
        for each in self.of(room.jid) if is_over else ():
            del self._rooms[each.jid]
            there = self._breakout.get(each.jid)
            if there is not None:
                reason = removal.reason or REMOVED
                gone = Removal(reason=reason, destroyed=True, alternate=each.main)
                self._end(there, gone, now)

    # The component.

    def receive(self, stanza: Element, now: float) -> None:
        """Take a message for the component: `<breakout_rooms>`, from moderators only."""
        order = child(stanza, ns.CLIENT, _TYPE)
        behind = moderator_behind(stanza, self._room_of)
        if order is None or behind is None:
            return
        room, _ = behind
        main = self._main.get(self._main_of(room.jid))
        match (order.get("type") or "").rpartition("/")[2]:
            case "add" if main is not None:
                self.add(main, order.get("subject", ""), now)
            case "remove" if order.get("breakoutRoomJid") in self._rooms:
                self.remove(order.get("breakoutRoomJid", ""), now)
            case "move-to-room":
                moved = self._room_of(order.get("participantJid", ""))
                occupant = moved.occupant_of(order.get("participantJid", "")) if moved else None
                if moved is not None and occupant is not None:
                    self.send_to(moved, occupant.nick, order.get("roomJid", ""), now)

    def handle_timer(self, now: float) -> None:
        """Complain of who was sent somewhere and is not there."""
        for jid, sent in list(self._sent.items()):
            if now < sent.due:
                continue
            del self._sent[jid]
            if not sent.hung_up:
                what = f"was sent to {self._name_of(sent.to)}, and is not there"
                self._blame(14, sent.nick, what)

    # Details.

    def _room_of(self, jid: str) -> MucRoom | None:
        rooms = (*self._main.values(), *self._breakout.values())
        return next((room for room in rooms if room.occupant_of(jid)), None)

    def _main_of(self, room: str) -> str:
        found = self._rooms.get(room)
        return found.main if found is not None else room

    def _name_of(self, room: str) -> str:
        found = self._rooms.get(room)
        return found.name if found is not None else local(room)

    def _tell_change(self, room: MucRoom, now: float) -> None:
        main = self._main_of(room.jid)
        if self.of(main):
            self._tell_update(main, now)

    def _tell_update(self, main: str, now: float) -> None:
        """The meeting's rooms, and who is where, to everybody in any of them."""
        breakouts = self.of(main)
        listed: dict[str, dict[str, object]] = {
            local(each.jid): {
                "id": local(each.jid),
                "jid": each.jid,
                "name": each.name,
                "participants": _participants(self._breakout.get(each.jid)),
            }
            for each in breakouts
        }
        listed[local(main)] = {
            "id": local(main),
            "jid": main,
            "isMainRoom": True,
            "participants": _participants(self._main.get(main)),
        }
        content = {
            "type": _TYPE,
            "event": f"{_FEATURE}/update",
            "rooms": listed,
            "roomCounter": len(breakouts),
        }
        rooms = [self._main.get(main), *(self._breakout.get(each.jid) for each in breakouts)]
        for room in rooms:
            for occupant in list(room.occupants.values()) if room is not None else []:
                self._send(json_message(self._address, occupant.jid, None, content), now)


def _guests(room: MucRoom) -> list[Occupant]:
    return [occupant for occupant in room.occupants.values() if occupant.nick != NICK]


def _participants(room: MucRoom | None) -> dict[str, object]:
    if room is None:
        return {}
    return {
        f"{room.jid}/{occupant.nick}": {
            "displayName": occupant.display_name,
            "role": occupant.role,
            "jid": occupant.jid,
        }
        for occupant in _guests(room)
    }
