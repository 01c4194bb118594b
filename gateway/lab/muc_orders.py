"""What a moderator asks of a room (XEP-0045 sections 8 to 10), as the payloads of IQs. Pure."""

from xml.etree.ElementTree import Element

from gateway.lab.muc_stanzas import MUC_ADMIN, MUC_OWNER
from gateway.xmpp.element import element

_FORMS = "jabber:x:data"


def kick(nick: str, reason: str | None = None) -> Element:
    """Throw an occupant out (section 8.2)."""
    return _administer({"nick": nick, "role": "none"}, reason)


def affiliate(user: str, affiliation: str) -> Element:
    """Make a user (bare JID) an owner, a member, an outcast (sections 9 and 10)."""
    return _administer({"jid": user, "affiliation": affiliation})


def destroy(reason: str | None = None, alternate: str | None = None) -> Element:
    """End the room (section 10.9)."""
    order = element(MUC_OWNER, "destroy", {"jid": alternate})
    if reason is not None:
        order.append(element(MUC_OWNER, "reason", text=reason))
    return element(MUC_OWNER, "query", None, order)


def protect(password: str | None) -> Element:
    """From now on a password is needed, or none: a form with one field (section 10.2).

    What is not in the form stays as it is.
    """
    return _configure("muc#roomconfig_roomsecret", password or "")


def admit_members_only(members_only: bool) -> Element:
    """From now on only members come in, or everybody (section 10.2); who is none is put out."""
    return _configure("muc#roomconfig_membersonly", "1" if members_only else "0")


def _configure(variable: str, value: str) -> Element:
    form = element(
        _FORMS,
        "x",
        {"type": "submit"},
        _field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig"),
        _field(variable, value),
    )
    return element(MUC_OWNER, "query", None, form)


def _administer(item: dict[str, str | None], reason: str | None = None) -> Element:
    order = element(MUC_ADMIN, "item", item)
    if reason is not None:
        order.append(element(MUC_ADMIN, "reason", text=reason))
    return element(MUC_ADMIN, "query", None, order)


def _field(variable: str, value: str) -> Element:
    return element(_FORMS, "field", {"var": variable}, element(_FORMS, "value", text=value))
