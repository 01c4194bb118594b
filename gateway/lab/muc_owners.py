"""What owners ask of a room (XEP-0045 sections 7.8.2 and 10), with Jitsi's lobbies (rule 42).

Only owners may: whoever else asks is refused, and so is a form that is none. What is not in a form
stays as it is, but for the lobby: Jitsi's module closes it if the form does not say that only
members come in. Who is in the room and is no member is put out when it admits members only.
"""

from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.lab.lobby import Lobbies
from gateway.lab.muc_room import MucRoom
from gateway.lab.muc_stanzas import MUC_OWNER, Occupant, Removal
from gateway.lab.refusal import refuse, result
from gateway.lab.violation import Blame
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text, children, element

CONFIGURATION = "http://jabber.org/protocol/muc#roomconfig"
PASSWORD = "muc#roomconfig_roomsecret"
MEMBERS_ONLY = "muc#roomconfig_membersonly"
_INVITE = f"{{{ns.MUC_USER}}}invite"


class Owners:
    """Their orders, in all rooms; `lobbies` open and close with them.

    Who orders without being allowed to, or puts people out by closing the door, breaks rule 42.
    """

    def __init__(self, lobbies: Lobbies, blame: Blame) -> None:
        self._lobbies = lobbies
        self._blame = blame

    def request(
        self,
        room: MucRoom,
        sender: Occupant | None,
        stanza: Element,
        end: Callable[[MucRoom, Removal, float], None],
        now: float,
    ) -> Element:
        """The answer to an IQ with a query of muc#owner; `end` ends a room."""
        query = child(stanza, MUC_OWNER, "query")
        assert query is not None
        who = sender.nick if sender is not None else stanza.get("from", "")
        if sender is None or sender.affiliation != "owner":
            self._blame(42, who, f"has no say in {room.jid}")
            return refuse(stanza, "auth", "forbidden", "Only owners can configure rooms")
        if stanza.get("type") == "get":
            return result(stanza, _form(room))
        order = child(query, MUC_OWNER, "destroy")
        if order is not None:
            reason = child_text(order, MUC_OWNER, "reason")
            end(room, Removal(reason=reason, destroyed=True, alternate=order.get("jid")), now)
            return result(stanza)
        values = _submitted(query)
        if values is None:
            self._blame(42, who, "configures a room by a form that is none")
            return refuse(stanza, "modify", "bad-request")
        self._configure(room, sender, values, now)
        return result(stanza)

    def invited(self, room: MucRoom, sender: Occupant, message: Element, now: float) -> bool:
        """Take a message to the room; whether it lets somebody in, or would like to."""
        user = child(message, ns.MUC_USER, "x")
        invitees = [each.get("to", "") for each in user.iter(_INVITE)] if user is not None else []
        if not invitees:
            return False
        if room.policy.members_only and not sender.is_moderator:
            self._blame(42, sender.nick, f"lets somebody into {room.jid}")
            room.send(refuse(message, "auth", "forbidden"), now)
            return True
        for invitee in invitees:
            self._lobbies.invite(room, invitee, sender.nick, now)
        return True

    def _configure(
        self, room: MucRoom, sender: Occupant, values: dict[str, str], now: float
    ) -> None:
        if PASSWORD in values:
            room.policy.password = values[PASSWORD] or None
        members_only = values.get(MEMBERS_ONLY) in ("1", "true")
        if members_only and not self._lobbies.is_open(room):
            self._lobbies.open(room, sender.nick, now)
            if expelled := room.expel_strangers(now):
                self._blame(42, sender.nick, f"puts out {expelled} by closing the door")
        elif not members_only and self._lobbies.is_open(room):
            self._lobbies.close(room, sender.nick, now)
        else:
            room.tell_config_changed(now)


def _submitted(query: Element) -> dict[str, str] | None:
    """The fields of a submitted form of the right type; None if there is none."""
    form = child(query, ns.DATA_FORMS, "x")
    if form is None or form.get("type") != "submit":
        return None
    values = {
        field.get("var", ""): child_text(field, ns.DATA_FORMS, "value") or ""
        for field in children(form, ns.DATA_FORMS, "field")
    }
    return values if values.pop("FORM_TYPE", "") == CONFIGURATION else None


def _form(room: MucRoom) -> Element:
    values = {
        "FORM_TYPE": CONFIGURATION,
        PASSWORD: room.policy.password or "",
        MEMBERS_ONLY: "1" if room.policy.members_only else "0",
    }
    return element(MUC_OWNER, "query", None, data_form("form", values))


def data_form(type_: str, values: dict[str, str]) -> Element:
    """A form (XEP-0004)."""
    fields = (
        element(
            ns.DATA_FORMS,
            "field",
            {"var": variable},
            element(ns.DATA_FORMS, "value", text=value),
        )
        for variable, value in values.items()
    )
    return element(ns.DATA_FORMS, "x", {"type": type_}, *fields)
