"""Being invited into a room (XEP-0045 section 7.8.2): how a moderator lets somebody in."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text


@dataclass(frozen=True, slots=True)
class Invitation:
    """The room `room` invites us; `password` is its password if it has one."""

    room: str
    password: str | None

    @classmethod
    def parse(cls, message: Element) -> "Invitation | None":
        """The invitation in a message, if there is one."""
        user = child(message, ns.MUC_USER, "x")
        if user is None or child(user, ns.MUC_USER, "invite") is None:
            return None
        return cls(message.get("from", ""), child_text(user, ns.MUC_USER, "password"))

    def __repr__(self) -> str:
        return f"Invitation(room={self.room!r})"  # the password is nobody's business
