"""Who is let into a room (XEP-0045 sections 6.4 and 10.2), and that this has changed."""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text, children
from gateway.xmpp.jid import resource


@dataclass(frozen=True, slots=True)
class RoomReconfigured:
    """The room `room` says that its configuration is another one (status 104)."""

    room: str

    @classmethod
    def parse(cls, message: Element) -> "RoomReconfigured | None":
        """What a message of type groupchat says, if it is that."""
        sender, user = message.get("from", ""), child(message, ns.MUC_USER, "x")
        if resource(sender) or user is None:
            return None
        codes = (status.get("code") for status in children(user, ns.MUC_USER, "status"))
        return cls(sender) if "104" in codes else None


@dataclass(frozen=True, slots=True)
class RoomEntrance:
    """Who comes into a room: whoever knows its password, or its members; `lobby` is for others."""

    has_password: bool = False
    members_only: bool = False
    lobby: str | None = None

    @property
    def is_locked(self) -> bool:
        """Whether not everybody comes in."""
        return self.has_password or self.members_only

    @classmethod
    def parse(cls, result: Element) -> "RoomEntrance":
        """Read a room's answer to disco#info (the whole IQ)."""
        query = child(result, ns.DISCO_INFO, "query")
        if query is None:
            return cls()
        features = {each.get("var") for each in children(query, ns.DISCO_INFO, "feature")}
        form = child(query, ns.DATA_FORMS, "x")
        fields = children(form, ns.DATA_FORMS, "field") if form is not None else []
        lobbies = (
            child_text(field, ns.DATA_FORMS, "value")
            for field in fields
            if field.get("var") == "muc#roominfo_lobbyroom"
        )
        return cls(
            has_password="muc_passwordprotected" in features,
            members_only="muc_membersonly" in features,
            lobby=next(lobbies, None),
        )
