"""What people write in a room and to each other there (XEP-0045 sections 7.4 and 7.5)."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text, element
from gateway.xmpp.jid import resource

MAX_CHAT_LENGTH = 2000  # characters; what is longer is cut

_DELAYS = ((ns.DELAY, "delay"), (ns.LEGACY_DELAY, "x"))


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """`sender`, an occupant JID, has written something; `private` if to us alone."""

    sender: str
    text: str
    private: bool

    @classmethod
    def parse(cls, message: Element) -> "ChatMessage | None":
        """The words in a message of an occupant, unless they are history (XEP-0203)."""
        sender, type_ = message.get("from", ""), message.get("type")
        text = child_text(message, ns.CLIENT, "body")
        if type_ not in ("groupchat", "chat") or not resource(sender) or text is None:
            return None
        if any(child(message, namespace, name) is not None for namespace, name in _DELAYS):
            return None
        return cls(sender, text[:MAX_CHAT_LENGTH], private=type_ == "chat")


def chat(to: str, text: str) -> Element:
    """A message to a room, or with a resource to one of its occupants."""
    type_ = "chat" if resource(to) else "groupchat"
    body = element(ns.CLIENT, "body", text=text[:MAX_CHAT_LENGTH])
    return element(ns.CLIENT, "message", {"to": to, "type": type_}, body)
