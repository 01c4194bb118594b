"""Recorders and transcribers: occupants of a domain of their own, whom browsers do not show.

They answer what they are asked, have no session, and are no members for the focus (rule 18).
"""

from typing import Literal
from xml.etree.ElementTree import Element

from gateway.lab.refusal import is_request, refuse, result
from gateway.lab.venue import Seat
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.element import child, element
from gateway.xmpp.jid import endpoint_id

Kind = Literal["recorder", "transcriber"]

_FEATURES = {
    "recorder": "http://jitsi.org/protocol/jibri",
    "transcriber": "http://jitsi.org/protocol/transcriber",
}


class HiddenOccupant:
    """A recorder or a transcriber in one room (a JID), at a seat of the hidden domain."""

    def __init__(self, room: str, kind: Kind, seat: Seat) -> None:
        self.nick = endpoint_id(seat.jid, anonymous=True)
        self._address = f"{room}/{self.nick}"
        self._kind = kind
        self._seat = seat
        self._capabilities = Capabilities(
            node="http://jitsi.org/jibri",
            category="client",
            type="bot",
            name=kind,
            features=(ns.DISCO_INFO, _FEATURES[kind]),
        )
        seat.listen(self._receive, lambda: None)
        seat.send(self._presence())

    def leave(self) -> None:
        """Leave the room and log out."""
        attributes = {"from": self._seat.jid, "to": self._address, "type": "unavailable"}
        self._seat.send(element(ns.CLIENT, "presence", attributes))
        self._seat.close()

    def _receive(self, stanza: Element, _: float) -> None:
        if not is_request(stanza):
            return
        query = child(stanza, ns.DISCO_INFO, "query")
        if query is not None:
            self._seat.send(result(stanza, self._capabilities.answer(query)))
        else:
            self._seat.send(refuse(stanza, "cancel", "service-unavailable"))

    def _presence(self) -> Element:
        feature = element(ns.CLIENT, "feature", {"var": _FEATURES[self._kind]})
        presence = element(
            ns.CLIENT,
            "presence",
            {"from": self._seat.jid, "to": self._address},
            element(ns.MUC, "x"),
            self._capabilities.to_presence(),
            element(ns.NICK, "nick", text=self._kind.title()),
            element(ns.CLIENT, "features", None, feature),
        )
        if self._kind == "transcriber":
            presence.append(element(ns.CLIENT, "transcription-status", {"status": "ON"}))
        return presence
