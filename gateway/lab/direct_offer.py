"""A browser offers a phone a direct connection, and the phone has to decline (rule 32)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.lab.refusal import is_answer
from gateway.lab.violation import Blame
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, element
from gateway.xmpp.jid import resource

_DECLINED_WITHIN = 5.0  # seconds


@dataclass(slots=True)
class DirectOffer:
    """An offer from `sender` (a real JID) to `to` (an occupant JID)."""

    sender: str
    to: str
    deadline: float
    acknowledged: bool = False
    declined: bool = False
    sid: str = field(default_factory=lambda: secrets.token_hex(6))

    def to_stanza(self) -> Element:
        """The session-initiate; the opposite need not look at more than who has sent it."""
        attributes = {"action": "session-initiate", "sid": self.sid, "initiator": self.sender}
        description = element(ns.JINGLE_RTP, "description", {"media": "audio"})
        transport = element(ns.JINGLE_ICE_UDP, "transport", {"ufrag": "p2p0", "pwd": "p" * 22})
        named = {"creator": "initiator", "name": "audio", "senders": "both"}
        content = element(ns.JINGLE, "content", named, description, transport)
        jingle = element(ns.JINGLE, "jingle", attributes, content)
        stanza = {"type": "set", "id": self.sid, "from": self.sender, "to": self.to}
        return element(ns.CLIENT, "iq", stanza, jingle)


class DirectOffers:
    """The offers of one lab; `send` sends a stanza."""

    def __init__(self, send: Callable[[Element, float], None], blame: Blame) -> None:
        self._send = send
        self._blame = blame
        self._offers: list[DirectOffer] = []

    def make(self, sender: str, to: str, now: float) -> None:
        """Offer."""
        offer = DirectOffer(sender, to, now + _DECLINED_WITHIN)
        self._offers.append(offer)
        self._send(offer.to_stanza(), now)

    def receive(self, stanza: Element) -> None:
        """See what is sent to somebody who has made an offer."""
        for offer in self._offers:
            if stanza.get("from") != offer.to or stanza.get("to") != offer.sender:
                continue
            jingle = child(stanza, ns.JINGLE, "jingle")
            if is_answer(stanza) and stanza.get("id") == offer.sid:
                offer.acknowledged = stanza.get("type") == "result"
            elif jingle is not None and jingle.get("sid") == offer.sid:
                offer.declined = (
                    jingle.get("action") == "session-terminate"
                    and jingle.find(f"{{{ns.JINGLE}}}reason/{{{ns.JINGLE}}}decline") is not None
                )

    def handle_timer(self, now: float) -> None:
        """Complain of who has not declined in time."""
        for offer in [offer for offer in self._offers if now >= offer.deadline]:
            self._offers.remove(offer)
            if not (offer.acknowledged and offer.declined):
                self._blame(32, resource(offer.to), "did not decline a direct connection (P2P)")
