"""What a room sends: presences with their `<x/>` of muc#user (XEP-0045), and service messages."""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.jid import bare

MUC_ADMIN = "http://jabber.org/protocol/muc#admin"
MUC_OWNER = "http://jabber.org/protocol/muc#owner"
OCCUPANT_ID = "urn:xmpp:occupant-id:0"

IDENTITY = f"{{{ns.CLIENT}}}identity"
"""Whose token an occupant came with (mod_presence_identity)."""

_PERMISSIONS = (
    "recording",
    "livestreaming",
    "transcription",
    "outbound-call",
    "flip",
    "send-groupchat",
    "create-polls",
)
_INJECTED = frozenset(
    {f"{{{ns.MUC}}}x", f"{{{ns.MUC_USER}}}x", f"{{{OCCUPANT_ID}}}occupant-id", IDENTITY}
)


@dataclass(slots=True)
class Occupant:
    """Somebody in a room. `payload` is what its latest presence said, `id` that presence's id.

    `farewell` is the presence it has left with, if it left by itself.
    """

    nick: str
    jid: str
    role: str
    affiliation: str
    payload: list[Element] = field(default_factory=list)
    id: str | None = None
    farewell: Element | None = None

    @property
    def display_name(self) -> str | None:
        """What it calls itself."""
        named = (part.text for part in self.payload if part.tag == f"{{{ns.NICK}}}nick")
        return next(named, None)

    @property
    def is_moderator(self) -> bool:
        return self.role == "moderator"


@dataclass(frozen=True, slots=True)
class Removal:
    """Why somebody is out: XEP-0045's codes, who did it (a nick), words; or the room's end."""

    statuses: tuple[int, ...] = ()
    actor: str | None = None
    reason: str | None = None
    destroyed: bool = False
    alternate: str | None = None


def payload_of(presence: Element) -> list[Element]:
    """What a client's presence says, without what only the room may say."""
    return [part for part in presence if part.tag not in _INJECTED]


def occupant_id(room: str, jid: str) -> Element:
    """XEP-0421: the same for the same user in the same room."""
    digest = hashlib.sha256(f"{room} {bare(jid)}".encode()).digest()
    return element(OCCUPANT_ID, "occupant-id", {"id": base64.b64encode(digest).decode()})


def available(
    room: str,
    occupant: Occupant,
    to: str,
    *,
    statuses: Iterable[int] = (),
    actor: str | None = None,
    with_permissions: bool = False,
) -> Element:
    """An occupant's presence as `to` gets it; 110 is added if it is its own."""
    presence = _presence(room, occupant, to)
    presence.extend(occupant.payload)
    presence.append(occupant_id(room, occupant.jid))
    changed = None
    if actor is not None:
        changed = f"Your affiliation has been changed to '{occupant.affiliation}'."
    own = (110,) if occupant.jid == to else ()
    item = _item(occupant, occupant.role, occupant.affiliation, actor, changed)
    presence.append(_user((), statuses, item, own))
    if with_permissions:
        granted = (element(ns.JITSI_MEET, "p", {"name": p, "val": "true"}) for p in _PERMISSIONS)
        presence.append(element(ns.JITSI_MEET, "permissions", None, *granted))
    return presence


def unavailable(room: str, occupant: Occupant, to: str, removal: Removal) -> Element:
    """An occupant is out, as `to` gets it."""
    presence = _presence(room, occupant, to)
    presence.set("type", "unavailable")
    if occupant.farewell is not None:
        presence.extend(occupant.farewell.findall(f"{{{ns.CLIENT}}}status"))
    presence.append(occupant_id(room, occupant.jid))
    own = (110,) if occupant.jid == to else ()
    affiliation = "outcast" if 301 in removal.statuses else "none"
    reason = None if removal.destroyed else removal.reason
    item = _item(occupant, "none", affiliation, removal.actor, reason)
    first: list[Element] = []
    if removal.destroyed:
        destroy = element(ns.MUC_USER, "destroy", {"jid": removal.alternate})
        if removal.reason is not None:
            destroy.append(element(ns.MUC_USER, "reason", text=removal.reason))
        first.append(destroy)
    presence.append(_user(first, removal.statuses, item, own))
    return presence


def json_message(
    component: str, to: str, room: str | None, content: Mapping[str, object]
) -> Element:
    """What one of Jitsi's Prosody components tells an occupant."""
    text = json.dumps(content, separators=(",", ":"))
    body = element(ns.JITSI_MEET, "json-message", {"room": room}, text=text)
    return element(ns.CLIENT, "message", {"from": component, "to": to}, body)


def empty_subject(room: str, to: str) -> Element:
    """What ends a join (XEP-0045 section 7.2.15)."""
    attributes = {"from": room, "to": to, "type": "groupchat"}
    return element(ns.CLIENT, "message", attributes, element(ns.CLIENT, "subject"))


def config_changed(room: str, to: str) -> Element:
    """Status 104: the room's configuration is another one."""
    attributes = {"from": room, "to": to, "type": "groupchat"}
    status = element(ns.MUC_USER, "status", {"code": "104"})
    return element(ns.CLIENT, "message", attributes, element(ns.MUC_USER, "x", None, status))


def _presence(room: str, occupant: Occupant, to: str) -> Element:
    attributes = {"from": f"{room}/{occupant.nick}", "to": to, "id": occupant.id}
    return element(ns.CLIENT, "presence", attributes)


def _item(
    occupant: Occupant, role: str, affiliation: str, actor: str | None, reason: str | None
) -> Element:
    attributes = {"role": role, "affiliation": affiliation, "jid": occupant.jid}
    item = element(ns.MUC_USER, "item", attributes)
    if actor is not None:
        item.append(element(ns.MUC_USER, "actor", {"nick": actor}))
    if reason is not None:
        item.append(element(ns.MUC_USER, "reason", text=reason))
    return item


def _user(
    first: Iterable[Element], statuses: Iterable[int], item: Element, last: Iterable[int]
) -> Element:
    """In Prosody's order: what happened, who it is, and that it is the receiver itself."""
    return element(
        ns.MUC_USER,
        "x",
        None,
        *first,
        *(element(ns.MUC_USER, "status", {"code": str(code)}) for code in statuses),
        item,
        *(element(ns.MUC_USER, "status", {"code": str(code)}) for code in last),
    )
