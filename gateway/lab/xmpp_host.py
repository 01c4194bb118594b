"""Routing (RFC 6120 section 10): each stanza to the session or the component it is addressed to.

No IO. One stanza is dealt with after the other: what it leads to waits until it is done, so that
everybody sees the same order.
"""

from collections import deque
from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.lab.refusal import is_request, refuse
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.jid import bare

Deliver = Callable[[Element, float], None]
"""Takes a stanza and the time."""

_PRESENCE = f"{{{ns.CLIENT}}}presence"


class XmppHost:
    """Entities are full JIDs that stanzas can be delivered to, components are whole domains."""

    def __init__(self) -> None:
        self._entities: dict[str, Deliver] = {}
        self._components: dict[str, Deliver] = {}
        self._directed: dict[str, dict[str, None]] = {}  # by entity: whom it has sent presence to
        self._asked_rooms: dict[str, str] = {}  # by entity: what the URL of its session names
        self._moderators: set[str] = set()  # entities whose token makes them owners
        self._waiting: deque[tuple[Element, float]] = deque()
        self._routing = False

    def add_component(self, domain: str, receive: Deliver) -> None:
        """Everything for a domain, and for whoever in it has no session, goes to `receive`."""
        self._components[domain] = receive

    def add_entity(self, jid: str, deliver: Deliver) -> None:
        """A session is there."""
        self._entities[jid] = deliver

    def know(self, jid: str, *, room: str | None = None, moderates: bool = False) -> None:
        """What a session's URL says: the room it is for, and by its token who is its owner."""
        if room is not None:
            self._asked_rooms[jid] = room.lower()
        if moderates:
            self._moderators.add(jid)

    def asked_room(self, jid: str) -> str | None:
        """The room that the URL of a session names; some of Jitsi's components know no other."""
        return self._asked_rooms.get(jid)

    def moderates(self, jid: str) -> bool:
        """Whether a session's token makes it an owner of its room."""
        return jid in self._moderators

    def remove_entity(self, jid: str, now: float) -> None:
        """A session has ended: those it had sent presence to are told (RFC 6121 section 4.6)."""
        self._entities.pop(jid, None)
        self._asked_rooms.pop(jid, None)
        self._moderators.discard(jid)
        for to in self._directed.pop(jid, ()):
            attributes = {"from": jid, "to": to, "type": "unavailable"}
            self.send(element(ns.CLIENT, "presence", attributes), now)

    @property
    def entities(self) -> frozenset[str]:
        """The full JIDs of all sessions."""
        return frozenset(self._entities)

    def send(self, stanza: Element, now: float) -> None:
        """Route a stanza; its `from` must be right already."""
        self._waiting.append((stanza, now))
        if self._routing:
            return
        self._routing = True
        try:
            while self._waiting:
                self._route(*self._waiting.popleft())
        finally:
            self._routing = False
            self._waiting.clear()

    def _route(self, stanza: Element, now: float) -> None:
        to = stanza.get("to", "")
        sender = stanza.get("from", "")
        if not to:  # what is for the sender's own server
            to = bare(sender).rpartition("@")[2]
        if stanza.tag == _PRESENCE and sender in self._entities:
            self._note_directed(stanza, sender, to)
        if to in self._entities:
            self._entities[to](stanza, now)
        elif (component := self._components.get(bare(to).rpartition("@")[2])) is not None:
            component(stanza, now)
        elif is_request(stanza):
            self._waiting.append((refuse(stanza, "cancel", "service-unavailable"), now))
        elif stanza.tag == _PRESENCE and stanza.get("type") is None and sender in self._entities:
            # Joining a room where there are none, such as a lobby here.
            self._waiting.append((refuse(stanza, "cancel", "remote-server-not-found"), now))

    def _note_directed(self, presence: Element, sender: str, to: str) -> None:
        directed = self._directed.setdefault(sender, {})
        if presence.get("type") is None:
            directed[to] = None
        elif presence.get("type") == "unavailable":
            directed.pop(to, None)
