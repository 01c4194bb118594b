"""Lobbies (mod_muc_lobby_rooms): where who is no member waits to be let in (rule 10). No IO.

The lobby of `room@<muc>` is `room@<lobby>`, a room of its own whose occupants do not see each
other. Who is let in is made a member of the room and invited; who is not is thrown out. The room's
owners may come to see who waits: they see all guests, and nobody sees them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.lab import muc_stanzas
from gateway.lab.muc_room import MucRoom
from gateway.lab.muc_stanzas import Occupant, Removal
from gateway.lab.refusal import is_request, refuse
from gateway.lab.violation import Blame, Step
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element, local_name
from gateway.xmpp.jid import bare, local, resource

CLOSED = "Lobby room closed."
DENIED = "You have been kicked."
_LEAVES_WITHIN = 5.0
"""Seconds somebody who has been let in may stay in the lobby as well."""


@dataclass(slots=True)
class _LobbyRoom:
    """The lobby of one room; `denied` are those (bare JIDs) whom a moderator has sent away.

    `watchers` are owners of the room.
    """

    jid: str
    room: MucRoom
    occupants: dict[str, Occupant] = field(default_factory=dict)
    watchers: dict[str, Occupant] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    overdue: dict[str, float] = field(default_factory=dict)


class Lobbies:
    """The component `address`; anonymous users are of `guest_domain`."""

    def __init__(
        self,
        address: str,
        guest_domain: str,
        send: Callable[[Element, float], None],
        blame: Blame,
        step: Step,
    ) -> None:
        self._address = address
        self._guest_domain = guest_domain
        self._send = send
        self._blame = blame
        self._step = step
        self._lobbies: dict[str, _LobbyRoom] = {}  # by their own JIDs

    # What a moderator does.

    def open(self, room: MucRoom, actor: str, now: float, *, waits_for_host: bool = False) -> None:
        """From now on who is no member has to knock, or to wait for the host."""
        jid = self._lobby_of(room)
        self._lobbies.setdefault(jid, _LobbyRoom(jid, room))
        room.policy.metadata["lobbyEnabled"] = True
        room.policy.waits_for_host = waits_for_host
        room.set_members_only(True, now, lobby=jid)
        room.tell_metadata(now)
        self._notify(room, actor, "LOBBY-ENABLED", now, value=True)

    def close(self, room: MucRoom, actor: str, now: float) -> None:
        """Everybody may come in again, also who has knocked. KeyError if there is no lobby."""
        lobby = self._lobbies.pop(self._lobby_of(room))
        room.policy.metadata["lobbyEnabled"] = False
        room.policy.waits_for_host = False
        room.set_members_only(False, now)
        room.tell_metadata(now)
        self._notify(room, actor, "LOBBY-ENABLED", now, value=False)
        self._empty(lobby, Removal(reason=CLOSED, destroyed=True, alternate=room.jid), now)

    def is_open(self, room: MucRoom) -> bool:
        """Whether a room has a lobby now."""
        return self._lobby_of(room) in self._lobbies

    def waiting(self, room: MucRoom) -> list[Occupant]:
        """Who waits in a room's lobby, in the order they came."""
        lobby = self._lobbies.get(self._lobby_of(room))
        return list(lobby.occupants.values()) if lobby is not None else []

    def knocks(self, room: MucRoom, occupant: str) -> bool:
        """Whether an occupant JID is somebody's who waits in a room's lobby."""
        waiting = {f"{self._lobby_of(room)}/{each.nick}" for each in self.waiting(room)}
        return occupant in waiting

    def admit(self, room: MucRoom, nick: str, actor: str, now: float) -> None:
        """Let somebody in: a membership, and an invitation. KeyError if it does not wait."""
        lobby = self._lobbies[self._lobby_of(room)]
        guest = lobby.occupants[nick]
        room.affiliations[bare(guest.jid)] = "member"
        inviter = room.occupants[actor].jid if actor in room.occupants else room.jid
        self._send(_invitation(room, inviter, guest.jid), now)
        self._notify(room, actor, "LOBBY-ACCESS-GRANTED", now, value=guest.jid, guest=guest)
        self._step(nick, f"is let into {room.jid}")

    def invite(self, room: MucRoom, jid: str, actor: str, now: float) -> None:
        """A moderator invites somebody, who may wait in the lobby; it becomes a member."""
        waiting = (guest.nick for guest in self.waiting(room) if guest.jid == jid)
        nick = next(waiting, None)
        if nick is not None:
            self.admit(room, nick, actor, now)
            return
        if room.policy.members_only:
            room.affiliations.setdefault(bare(jid), "member")
        self._send(_invitation(room, room.occupants[actor].jid, jid), now)

    def deny(self, room: MucRoom, nick: str, actor: str, now: float) -> None:
        """Do not let somebody in (307). KeyError if it does not wait."""
        lobby = self._lobbies[self._lobby_of(room)]
        guest = lobby.occupants[nick]
        lobby.denied.add(bare(guest.jid))
        self._notify(room, actor, "LOBBY-ACCESS-DENIED", now, value=guest.jid, guest=guest)
        self._remove(lobby, guest, Removal((307,), actor, DENIED), now)
        self._step(nick, f"is not let into {room.jid}")

    # What happens in the room (`gateway.lab.muc_room.RoomWatcher`).

    def joined(self, room: MucRoom, occupant: Occupant, now: float) -> None:
        """Who is in the room has no business in its lobby any more."""
        lobby = self._lobbies.get(self._lobby_of(room))
        if lobby is not None and occupant.nick in lobby.occupants:
            lobby.overdue[occupant.nick] = now + _LEAVES_WITHIN

    def left(self, room: MucRoom, occupant: Occupant, removal: Removal, now: float) -> None:
        """It may knock again."""

    def closed(self, room: MucRoom, removal: Removal, now: float) -> None:
        """The meeting is over for who waits as well: a destroyed lobby that leads nowhere."""
        lobby = self._lobbies.pop(self._lobby_of(room), None)
        if lobby is not None:
            self._empty(lobby, Removal(reason=CLOSED, destroyed=True), now)

    # The component.

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for a lobby."""
        if is_request(stanza):
            self._send(refuse(stanza, "cancel", "service-unavailable"), now)
        elif local_name(stanza) == "presence" and resource(stanza.get("to", "")):
            self._presence(stanza, now)

    def handle_timer(self, now: float) -> None:
        """Complain of who has been let in and is still in the lobby."""
        for lobby in self._lobbies.values():
            for nick, due in list(lobby.overdue.items()):
                if now >= due:
                    del lobby.overdue[nick]
                    self._blame(10, nick, "is in the room, and still in its lobby")

    def _presence(self, stanza: Element, now: float) -> None:
        sender, nick = stanza.get("from", ""), resource(stanza.get("to", ""))
        lobby = self._lobbies.get(bare(stanza.get("to", "")))
        guest = lobby.occupants.get(nick) if lobby is not None else None
        if lobby is not None and lobby.room.affiliations.get(bare(sender)) == "owner":
            self._watch(lobby, stanza, nick, now)
        elif stanza.get("type") == "unavailable":
            if lobby is not None and guest is not None and guest.jid == sender:
                self._remove(lobby, guest, Removal(), now)
        elif stanza.get("type") is not None:
            return
        elif lobby is None:  # closed meanwhile, or there never was one
            self._send(refuse(stanza, "cancel", "not-allowed", "Room creation is restricted"), now)
        elif guest is None:
            self._knock(lobby, stanza, nick, now)
        elif guest.jid == sender:
            self._update(lobby, guest, stanza, now)
        else:
            self._send(refuse(stanza, "cancel", "conflict", by=lobby.jid), now)

    def _knock(self, lobby: _LobbyRoom, stanza: Element, nick: str, now: float) -> None:
        sender = stanza.get("from", "")
        if child(stanza, ns.MUC, "x") is None:
            self._send(refuse(stanza, "cancel", "not-acceptable", by=lobby.jid), now)
            return
        is_guest = bare(sender).rpartition("@")[2] == self._guest_domain
        if is_guest and nick != local(sender)[:8]:
            self._blame(8, sender, f"knocks as {nick!r}")
        if bare(sender) in lobby.denied:
            self._blame(10, nick, "knocks again, although it was sent away")
        payload = muc_stanzas.payload_of(stanza)
        guest = Occupant(nick, sender, "participant", "none", payload, stanza.get("id"))
        lobby.occupants[nick] = guest
        shown = muc_stanzas.available(lobby.jid, guest, sender, statuses=(100,))
        self._send(shown, now)
        self._step(nick, f"knocks at {lobby.room.jid} as {guest.display_name or nick}")

        for watcher in lobby.watchers.values():
            self._send(muc_stanzas.available(lobby.jid, guest, watcher.jid), now)

    def _update(self, lobby: _LobbyRoom, guest: Occupant, stanza: Element, now: float) -> None:
        """A guest says something else of itself, or knocks again, which it need not."""
        guest.payload, guest.id = muc_stanzas.payload_of(stanza), stanza.get("id")
        rejoins = child(stanza, ns.MUC, "x") is not None
        if rejoins:
            self._blame(9, guest.nick, "knocks again: <x muc> in a later presence")
        shown = (100,) if rejoins else ()
        self._send(muc_stanzas.available(lobby.jid, guest, guest.jid, statuses=shown), now)
        for watcher in lobby.watchers.values():
            self._send(muc_stanzas.available(lobby.jid, guest, watcher.jid), now)

    def _watch(self, lobby: _LobbyRoom, stanza: Element, nick: str, now: float) -> None:
        """An owner of the room comes to see who waits, or has seen enough."""
        sender = stanza.get("from", "")
        if stanza.get("type") == "unavailable":
            if (watcher := lobby.watchers.get(nick)) is not None and watcher.jid == sender:
                self._unwatch(lobby, watcher, Removal(), now)
            return
        if stanza.get("type") is not None or nick in lobby.watchers:
            return
        if child(stanza, ns.MUC, "x") is None:
            self._send(refuse(stanza, "cancel", "not-acceptable", by=lobby.jid), now)
            return
        payload = muc_stanzas.payload_of(stanza)
        watcher = Occupant(nick, sender, "moderator", "owner", payload, stanza.get("id"))
        lobby.watchers[nick] = watcher
        for guest in lobby.occupants.values():
            self._send(muc_stanzas.available(lobby.jid, guest, sender), now)
        self._send(muc_stanzas.available(lobby.jid, watcher, sender, statuses=(100,)), now)

    def _unwatch(self, lobby: _LobbyRoom, watcher: Occupant, removal: Removal, now: float) -> None:
        del lobby.watchers[watcher.nick]
        watcher.id = None
        self._send(muc_stanzas.unavailable(lobby.jid, watcher, watcher.jid, removal), now)

    def _remove(self, lobby: _LobbyRoom, guest: Occupant, removal: Removal, now: float) -> None:
        del lobby.occupants[guest.nick]
        lobby.overdue.pop(guest.nick, None)
        guest.id = None
        for told in (guest, *lobby.watchers.values()):
            self._send(muc_stanzas.unavailable(lobby.jid, guest, told.jid, removal), now)

    def _empty(self, lobby: _LobbyRoom, removal: Removal, now: float) -> None:
        for watcher in list(lobby.watchers.values()):
            self._unwatch(lobby, watcher, removal, now)
        for guest in list(lobby.occupants.values()):
            self._remove(lobby, guest, removal, now)

    def _lobby_of(self, room: MucRoom) -> str:
        return f"{room.name}@{self._address}"

    def _notify(
        self,
        room: MucRoom,
        actor: str,
        event: str,
        now: float,
        *,
        value: object,
        guest: Occupant | None = None,
    ) -> None:
        """Tell everybody in the room what the moderator has done, in the moderator's name."""
        content = {"type": "lobby-notify", "event": event, "value": value}
        if guest is not None:
            content["name"] = guest.display_name
        for occupant in room.occupants.values():
            sender = f"{room.jid}/{actor}"
            told = muc_stanzas.json_message(sender, occupant.jid, None, content)
            told.set("type", "groupchat")
            self._send(told, now)


def _invitation(room: MucRoom, inviter: str, guest: str) -> Element:
    """A mediated invitation (XEP-0045 section 7.8.2); Jitsi's module takes the password out."""
    invite = element(ns.MUC_USER, "invite", {"from": inviter}, element(ns.MUC_USER, "reason"))
    user = element(ns.MUC_USER, "x", None, invite)
    words = f"{inviter} invited you to the room {room.jid}"
    return element(
        ns.CLIENT,
        "message",
        {"from": room.jid, "to": guest},
        user,
        element(ns.CLIENT, "body", text=words),
        element("jabber:x:conference", "x", {"jid": room.jid}),
    )
