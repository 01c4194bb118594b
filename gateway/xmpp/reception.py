"""What a stanza from the server must be answered with, and what it means.

Every request is answered (RFC 6120 section 8.2.3), and at once: the focus gives up on a client
after 15 s, so an answer never waits for what the request leads to.
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp import stanza
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.component_message import ComponentMessage
from gateway.xmpp.element import child, element
from gateway.xmpp.invitation import Invitation
from gateway.xmpp.jid import bare
from gateway.xmpp.jingle import Action, Jingle
from gateway.xmpp.mute import MuteOrder
from gateway.xmpp.presence import OccupantPresence, PresenceRefused, parse_presence


@dataclass(frozen=True, slots=True)
class JingleReceived:
    """A Jingle message of `sender`, an occupant JID. It has been acknowledged."""

    sender: str
    jingle: Jingle


Received = (
    OccupantPresence | PresenceRefused | JingleReceived | MuteOrder | ComponentMessage | Invitation
)

_DISCO_INFO = ("get", f"{{{ns.DISCO_INFO}}}query")
_PING = ("get", f"{{{ns.PING}}}ping")
_JINGLE = ("set", f"{{{ns.JINGLE}}}jingle")
_MUTE = ("set", f"{{{ns.JITSI_MUTE_AUDIO}}}mute")
_NOT_OURS_TO_MUTE = (
    ("set", f"{{{ns.JITSI_MUTE_VIDEO}}}mute"),
    ("set", f"{{{ns.JITSI_MUTE_DESKTOP}}}mute"),
)


@dataclass(slots=True)
class Reception:
    """Reads stanzas for one participant.

    `focus` is the occupant JID whose orders count; who goes to another room changes it.
    """

    capabilities: Capabilities
    focus: str

    def receive(self, received: Element) -> tuple[Element | None, Received | None]:
        """The answer to send, if one is due, and what is to be handed up, if anything is.

        JingleError for a stanza that is wrong and has no answer.
        """
        if received.tag == f"{{{ns.CLIENT}}}presence":
            return None, parse_presence(received)
        if received.tag == f"{{{ns.CLIENT}}}message":
            return None, _message(received)
        if received.tag == f"{{{ns.CLIENT}}}iq" and received.get("type") in ("get", "set"):
            try:
                return self._request(received)
            except JingleError:
                return stanza.error(received, "modify", "bad-request"), None
        return None, None

    def _request(self, request: Element) -> tuple[Element, Received | None]:
        payload = next(iter(request), None)
        if payload is None:
            raise JingleError("a request without a payload")
        sender = request.get("from", "")
        kind = (request.get("type"), payload.tag)
        if kind == _DISCO_INFO:
            return stanza.result(request, self.capabilities.answer(payload)), None
        if kind == _PING or kind in _NOT_OURS_TO_MUTE:
            return stanza.result(request), None
        if kind == _JINGLE:
            return self._jingle(request, JingleReceived(sender, Jingle.parse(payload)))
        if kind == _MUTE and sender == self.focus:
            return stanza.result(request), MuteOrder.parse(payload)
        if kind == _MUTE:
            return stanza.error(request, "auth", "forbidden"), None
        return stanza.error(request, "cancel", "service-unavailable"), None

    def _jingle(
        self, request: Element, received: JingleReceived
    ) -> tuple[Element, Received | None]:
        if received.jingle.dtmf is not None and received.jingle.action == Action.SESSION_INFO:
            return self._key_press(request, received)
        # A browser may offer a direct connection: that is acknowledged, then declined. Nobody
        # but the focus has a session with us that anything else could be about.
        if received.sender == self.focus or received.jingle.action == Action.SESSION_INITIATE:
            return stanza.result(request), received
        unknown = element(ns.JINGLE_ERRORS, "unknown-session")
        return stanza.error(request, "cancel", "item-not-found", unknown), None

    def _key_press(
        self, request: Element, received: JingleReceived
    ) -> tuple[Element, Received | None]:
        """XEP-0181: of everybody in the room, if we have said that we take them."""
        if ns.JINGLE_DTMF not in self.capabilities.features:
            unsupported = element(ns.JINGLE_ERRORS, "unsupported-info")
            return stanza.error(request, "cancel", "feature-not-implemented", unsupported), None
        if bare(received.sender) != bare(self.focus):
            return stanza.error(request, "auth", "forbidden"), None
        return stanza.result(request), received


def _message(received: Element) -> ComponentMessage | Invitation | None:
    """What a message is to us: people's words in the room are not for the phone."""
    if received.get("type") in ("groupchat", "error"):
        return None
    json_message = child(received, ns.JITSI_MEET, "json-message")
    if json_message is not None:
        return ComponentMessage.parse(received.get("from", ""), json_message)
    return Invitation.parse(received)
