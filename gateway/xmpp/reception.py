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
from gateway.xmpp.chat import ChatMessage
from gateway.xmpp.component_message import ComponentMessage
from gateway.xmpp.element import child, element
from gateway.xmpp.invitation import Invitation
from gateway.xmpp.jid import bare
from gateway.xmpp.jingle import Action, Jingle
from gateway.xmpp.mute import MuteOrder
from gateway.xmpp.presence import OccupantPresence, PresenceRefused, parse_presence
from gateway.xmpp.rayo import Dial, HangUp
from gateway.xmpp.room_entrance import RoomReconfigured
from gateway.xmpp.visitors import Promotion


@dataclass(frozen=True, slots=True)
class JingleReceived:
    """A Jingle message of `sender`, an occupant JID. It has been acknowledged."""

    sender: str
    jingle: Jingle


Received = (
    OccupantPresence
    | PresenceRefused
    | JingleReceived
    | MuteOrder
    | ComponentMessage
    | Invitation
    | Dial
    | HangUp
    | ChatMessage
    | Promotion
    | RoomReconfigured
)

MAX_REPEATED = 1000  # characters of what a request has and our answer repeats

_DISCO_INFO = ("get", f"{{{ns.DISCO_INFO}}}query")
_PING = ("get", f"{{{ns.PING}}}ping")
_JINGLE = ("set", f"{{{ns.JINGLE}}}jingle")
_DIAL = ("set", f"{{{ns.RAYO}}}dial")
_HANG_UP = ("set", f"{{{ns.RAYO}}}hangup")
_MUTE = ("set", f"{{{ns.JITSI_MUTE_AUDIO}}}mute")
_VISITORS = ("set", f"{{{ns.VISITORS}}}visitors")
_NOT_OURS_TO_MUTE = (
    ("set", f"{{{ns.JITSI_MUTE_VIDEO}}}mute"),
    ("set", f"{{{ns.JITSI_MUTE_DESKTOP}}}mute"),
)


@dataclass(slots=True)
class Reception:
    """Reads stanzas for one participant.

    `focus` is the occupant JID whose orders count; who goes to another room changes it. Only who
    `takes_dials` can be asked to call somebody.
    """

    capabilities: Capabilities
    focus: str
    takes_dials: bool = False

    def receive(self, received: Element) -> tuple[Element | None, Received | None]:
        """The answer to send, if one is due, and what is to be handed up, if anything is.

        A `Dial` or `HangUp` is to be answered by whom it is handed to.
        JingleError for a stanza that is wrong and has no answer.
        """
        if received.tag == f"{{{ns.CLIENT}}}presence":
            return None, parse_presence(received)
        if received.tag == f"{{{ns.CLIENT}}}message":
            return None, _message(received)
        if received.tag == f"{{{ns.CLIENT}}}iq" and received.get("type") in ("get", "set"):
            _check(received.get("id", ""))
            try:
                return self._request(received)
            except JingleError:
                return stanza.error(received, "modify", "bad-request"), None
        return None, None

    def _request(self, request: Element) -> tuple[Element | None, Received | None]:
        payload = next(iter(request), None)
        if payload is None:
            raise JingleError("a request without a payload")
        sender = request.get("from", "")
        kind = (request.get("type"), payload.tag)
        if kind == _DISCO_INFO:
            _check(payload.get("node", ""))
            return stanza.result(request, self.capabilities.answer(payload)), None
        if kind == _PING or kind in _NOT_OURS_TO_MUTE:
            return stanza.result(request), None
        if kind == _JINGLE:
            return self._jingle(request, JingleReceived(sender, Jingle.parse(payload)))
        if kind == _DIAL and self.takes_dials:
            return None, Dial.parse(request)
        if kind == _HANG_UP and self._is_of_room(sender):
            return None, HangUp(sender, request)
        if kind == _VISITORS:
            return stanza.result(request), Promotion.parse(sender, payload)
        if kind == _MUTE and sender == self.focus:
            return stanza.result(request), MuteOrder.parse(payload)
        if kind == _MUTE:
            return stanza.error(request, "auth", "forbidden"), None
        return stanza.error(request, "cancel", "service-unavailable"), None

    def _jingle(
        self, request: Element, received: JingleReceived
    ) -> tuple[Element, Received | None]:
        _check(received.jingle.sid)
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
        if not self._is_of_room(received.sender):
            return stanza.error(request, "auth", "forbidden"), None
        return stanza.result(request), received

    def _is_of_room(self, sender: str) -> bool:
        """Whether it is in the room of a call; neither a lobby nor a brewery is one."""
        return not self.takes_dials and bare(sender) == bare(self.focus)


def _check(repeated: str) -> None:
    """JingleError if it is too long: servers end the stream of who sends too large a stanza."""
    if len(repeated) > MAX_REPEATED:
        raise JingleError(f"{len(repeated)} characters are to be repeated")


def _message(
    received: Element,
) -> ComponentMessage | Invitation | ChatMessage | RoomReconfigured | None:
    """What a message is to us."""
    if received.get("type") == "error":
        return None
    json_message = child(received, ns.JITSI_MEET, "json-message")
    if received.get("type") == "groupchat":
        if json_message is not None:
            return None
        return ChatMessage.parse(received) or RoomReconfigured.parse(received)
    if json_message is not None:
        return ComponentMessage.parse(received.get("from", ""), json_message)
    return ChatMessage.parse(received) or Invitation.parse(received)
