"""The service for rooms (XEP-0045 with Jitsi's plugins): which rooms there are, and who is who.

Only the focus makes rooms (`restrict_room_creation`); nicks are endpoint ids
(mod_muc_resource_validate). What occupants send each other passes through here.
"""

import re
from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.lab.muc_owners import Owners, data_form
from gateway.lab.muc_room import MucRoom, RoomServices
from gateway.lab.muc_stanzas import MUC_ADMIN, MUC_OWNER, Occupant, Removal
from gateway.lab.refusal import is_request, refuse, result
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text, children, local_name
from gateway.xmpp.jid import bare, local, resource

_NICK = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_]*")
_DISCO_INFO = f"{{{ns.DISCO_INFO}}}query"


class Muc:
    """All rooms. Nicks of users of `strict_domain`, who are anonymous, must be the first eight
    characters of their names.

    `wall_clock` is asked for the time of day in ms when a room is made, `may_exist` whether a room
    may be made at all. `owners` have a say in who comes in, where there are any. Rules 4, 8 and 9.
    """

    def __init__(
        self,
        services: RoomServices,
        wall_clock: Callable[[], int],
        *,
        strict_domain: str | None = None,
        may_exist: Callable[[str], bool] = lambda _: True,
        owners: Owners | None = None,
    ) -> None:
        self.rooms: dict[str, MucRoom] = {}
        self._services = services
        self._wall_clock = wall_clock
        self._strict_domain = strict_domain
        self._may_exist = may_exist
        self._owners = owners

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for the service, a room, or an occupant."""
        match local_name(stanza):
            case "presence":
                self._presence(stanza, now)
            case "iq":
                self._iq(stanza, now)
            case "message":
                self._message(stanza, now)

    def end(self, room: MucRoom, removal: Removal, now: float) -> None:
        """End a room: everybody is out, and it is forgotten."""
        self.rooms.pop(room.jid, None)
        room.close(removal, now)

    def room_of(self, jid: str) -> MucRoom | None:
        """The room a session is in; in more than one, the first."""
        return next((room for room in self.rooms.values() if room.occupant_of(jid)), None)

    def _presence(self, stanza: Element, now: float) -> None:
        to, sender = stanza.get("to", ""), stanza.get("from", "")
        room = self.rooms.get(bare(to))
        if stanza.get("type") == "error" or not resource(to):
            return
        if stanza.get("type") is None and (problem := self._nick_problem(resource(to), sender)):
            self._services.blame(8, sender, f"nick {resource(to)!r}: {problem}")
            self._services.send(refuse(stanza, "cancel", "not-allowed", problem, by=bare(to)), now)
            return
        if room is None:
            room = self._create(stanza, now)
        if room is not None:
            room.presence(stanza, now)
            if not room.occupants and room.jid in self.rooms:
                self.end(room, Removal(), now)

    def _nick_problem(self, nick: str, sender: str) -> str | None:
        if bare(sender) in self._services.privileged:
            return None
        if not _NICK.fullmatch(nick):
            return "Invalid resource"
        is_strict = bare(sender).rpartition("@")[2] == self._strict_domain
        if is_strict and nick != local(sender)[:8]:
            return "Invalid anonymous user ID"
        return None

    def _create(self, stanza: Element, now: float) -> MucRoom | None:
        sender, room_jid = stanza.get("from", ""), bare(stanza.get("to", ""))
        if stanza.get("type") is not None:
            return None
        is_stranger = bare(sender) not in self._services.privileged
        if is_stranger and self._may_exist(room_jid):  # else it may have been ended just now
            self._services.blame(4, sender, f"joins {room_jid} while the focus is not there")
        if is_stranger or not self._may_exist(room_jid):
            text = "Room creation is restricted"
            self._services.send(refuse(stanza, "cancel", "not-allowed", text, by=room_jid), now)
            return None
        room = MucRoom(room_jid, self._services, self._wall_clock())
        self.rooms[room_jid] = room
        return room

    def _iq(self, stanza: Element, now: float) -> None:
        to = stanza.get("to", "")
        room = self.rooms.get(bare(to))
        if room is not None and resource(to):
            self._between_occupants(room, stanza, now)
        elif not is_request(stanza):
            return
        elif room is not None:
            self._room_request(room, stanza, now)
        elif not local(to) and (query := child(stanza, ns.DISCO_INFO, "query")) is not None:
            self._services.send(result(stanza, _described(query, "Rooms")), now)
        else:
            condition = "item-not-found" if local(to) else "service-unavailable"
            self._services.send(refuse(stanza, "cancel", condition), now)

    def _between_occupants(self, room: MucRoom, stanza: Element, now: float) -> None:
        """From one occupant to another, each under its address in the room (section 7.5)."""
        sender = room.occupant_of(stanza.get("from", ""))
        addressee = room.occupants.get(resource(stanza.get("to", "")))
        if sender is None and is_request(stanza):
            self._services.send(refuse(stanza, "cancel", "not-acceptable"), now)
        elif addressee is None and is_request(stanza):
            self._services.send(refuse(stanza, "cancel", "item-not-found"), now)
        elif sender is not None and addressee is not None:
            self._services.send(_passed_on(stanza, room, sender, addressee), now)

    def _room_request(self, room: MucRoom, stanza: Element, now: float) -> None:
        sender = room.occupant_of(stanza.get("from", ""))
        admin = child(stanza, MUC_ADMIN, "query")
        query = child(stanza, ns.DISCO_INFO, "query")
        if query is not None and sender is not None:
            answer = result(stanza, _room_described(query, room))
        elif query is not None:  # mod_muc_hide_all
            answer = refuse(stanza, "auth", "forbidden")
        elif admin is not None and stanza.get("type") == "set":
            answer = self._administer(room, sender, stanza, admin, now)
        elif child(stanza, MUC_OWNER, "query") is not None and self._owners is not None:
            answer = self._owners.request(room, sender, stanza, self.end, now)
        elif child(stanza, ns.PING, "ping") is not None:
            answer = result(stanza)
        else:
            answer = refuse(stanza, "cancel", "service-unavailable")
        self._services.send(answer, now)

    def _administer(
        self, room: MucRoom, sender: Occupant | None, stanza: Element, query: Element, now: float
    ) -> Element:
        """Affiliations (by owners) and kicks (by moderators): sections 8.2, 9 and 10.

        Several at a time, since Jitsi's module for lobbies reads all of them.
        """
        if sender is None or sender.role != "moderator":
            return refuse(stanza, "auth", "forbidden")
        answer = refuse(stanza, "modify", "bad-request")
        for item in children(query, MUC_ADMIN, "item"):
            answer = self._administer_one(room, sender, stanza, item, now)
        return answer

    def _administer_one(
        self, room: MucRoom, sender: Occupant, stanza: Element, item: Element, now: float
    ) -> Element:
        reason = child_text(item, MUC_ADMIN, "reason")
        affiliation = item.get("affiliation")
        occupant = room.occupants.get(item.get("nick", ""))
        if affiliation is not None and item.get("jid"):
            room.set_affiliation(bare(item.get("jid", "")), affiliation, sender.nick, now)
        elif item.get("role") == "none" and occupant is not None:
            room.remove(occupant, Removal((307,), sender.nick, reason), now)
        else:
            return refuse(stanza, "cancel", "item-not-found")
        return result(stanza)

    def _message(self, stanza: Element, now: float) -> None:
        room = self.rooms.get(bare(stanza.get("to", "")))
        sender = room.occupant_of(stanza.get("from", "")) if room is not None else None
        if room is None or sender is None or stanza.get("type") == "error":
            return
        nick = resource(stanza.get("to", ""))
        if nick and nick in room.occupants:
            self._services.send(_passed_on(stanza, room, sender, room.occupants[nick]), now)
        elif self._owners is not None and not nick and stanza.get("type") in (None, "normal"):
            self._owners.invited(room, sender, stanza, now)
        elif not nick and stanza.get("type") == "groupchat":
            for occupant in room.occupants.values():
                self._services.send(_passed_on(stanza, room, sender, occupant), now)


def _passed_on(stanza: Element, room: MucRoom, sender: Occupant, addressee: Occupant) -> Element:
    addresses = {"from": f"{room.jid}/{sender.nick}", "to": addressee.jid}
    passed = Element(stanza.tag, {**stanza.attrib, **addresses})
    passed.extend(list(stanza))
    return passed


def _room_described(query: Element, room: MucRoom) -> Element:
    """What a room says of itself, and of who comes in (section 6.4)."""
    described = _described(query, room.jid)
    policy = room.policy
    features = (
        "muc_passwordprotected" if policy.password is not None else "muc_unsecured",
        "muc_membersonly" if policy.members_only else "muc_open",
    )
    described.extend(
        Element(f"{{{ns.DISCO_INFO}}}feature", {"var": feature}) for feature in features
    )
    form = {"FORM_TYPE": "http://jabber.org/protocol/muc#roominfo"}
    if policy.members_only and policy.lobby is not None:
        form["muc#roominfo_lobbyroom"] = policy.lobby
    described.append(data_form("result", form))
    return described


def _described(query: Element, name: str) -> Element:
    described = Element(_DISCO_INFO, {"node": query.get("node", "")} if query.get("node") else {})
    identity = {"category": "conference", "type": "text", "name": name}
    described.append(Element(f"{{{ns.DISCO_INFO}}}identity", identity))
    for feature in (ns.MUC, ns.DISCO_INFO, "muc_nonanonymous", "muc_unmoderated"):
        described.append(Element(f"{{{ns.DISCO_INFO}}}feature", {"var": feature}))
    return described
