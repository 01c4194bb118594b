"""What a client must be able to bear (rule 3): spaces, pings, unknown requests and messages."""

import secrets
from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.lab.refusal import is_answer
from gateway.lab.violation import Blame
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.stanza import StanzaError

INTERVAL = 5.0  # seconds between rounds
ANSWER_WITHIN = 5.0
_UNKNOWN = "urn:lab:unknown"


class Nuisances:
    """Bothers each client when it has logged in, and every few seconds after.

    `send` sends a stanza from the server's `domain`.
    """

    def __init__(self, domain: str, send: Callable[[Element, float], None], blame: Blame) -> None:
        self._domain = domain
        self._send = send
        self._blame = blame
        self._next: dict[str, float] = {}
        self._whitespace: dict[str, Callable[[], None]] = {}
        self._asked: dict[str, tuple[str, str, float]] = {}  # by id: whom, what, until when

    def add(self, jid: str, send_whitespace: Callable[[], None], now: float) -> None:
        """A client is there."""
        self._next[jid] = now
        self._whitespace[jid] = send_whitespace

    def remove(self, jid: str) -> None:
        """A client is gone, and owes nothing."""
        self._next.pop(jid, None)
        self._whitespace.pop(jid, None)
        self._asked = {id_: asked for id_, asked in self._asked.items() if asked[0] != jid}

    def handle_timer(self, now: float) -> None:
        """Bother whose turn it is; complain of who has not answered."""
        for id_, (jid, what, until) in list(self._asked.items()):
            if now >= until:
                del self._asked[id_]
                self._blame(3, jid, f"{what} was not answered")
        for jid, due in list(self._next.items()):
            if now >= due:
                self._next[jid] = now + INTERVAL
                self._bother(jid, now)

    def take_answer(self, stanza: Element) -> bool:
        """Whether a stanza answers one of our questions; a wrong answer is noted."""
        if not is_answer(stanza) or stanza.get("id") not in self._asked:
            return False
        jid, what, _ = self._asked.pop(stanza.get("id", ""))
        if what == "ping" and stanza.get("type") != "result":
            self._blame(3, jid, "a ping was refused")
        elif what == "an unknown request" and (
            stanza.get("type") != "error"
            or StanzaError.parse(stanza).condition != "service-unavailable"
        ):
            self._blame(3, jid, "an unknown request was not answered with service-unavailable")
        return True

    def _bother(self, jid: str, now: float) -> None:
        self._whitespace[jid]()
        self._ask(jid, "ping", "get", element(ns.PING, "ping"), now)
        self._ask(jid, "an unknown request", "get", element(_UNKNOWN, "query"), now)
        self._ask(jid, "an unknown request", "set", element(_UNKNOWN, "query"), now)
        attributes = {"from": self._domain, "to": jid}
        strange = element(_UNKNOWN, "strange", {"what": "ever"})
        self._send(element(ns.CLIENT, "message", attributes, strange), now)
        chat = {**attributes, "type": "chat"}
        body = element(ns.CLIENT, "body", text="does anybody read this?")
        self._send(element(ns.CLIENT, "message", chat, body), now)

    def _ask(self, jid: str, what: str, type_: str, payload: Element, now: float) -> None:
        id_ = f"nuisance-{secrets.token_hex(6)}"
        self._asked[id_] = (jid, what, now + ANSWER_WITHIN)
        attributes = {"type": type_, "id": id_, "from": self._domain, "to": jid}
        self._send(element(ns.CLIENT, "iq", attributes, payload), now)
