"""What a moderator asks of a room and of Jitsi's components (XEP-0045 sections 7.8, 9 and 10).

A form is submitted without being asked for first: Prosody leaves alone what is not in it.
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element

_CONFIGURATION = "http://jabber.org/protocol/muc#roomconfig"
_PASSWORD = "muc#roomconfig_roomsecret"
_MEMBERS_ONLY = "muc#roomconfig_membersonly"


def lock(password: str) -> Element:
    """From now on a password is needed.

    Jitsi's module closes the lobby of a room whose form does not speak of members, so it does.
    """
    return _configure({_PASSWORD: password, _MEMBERS_ONLY: "0"})


def admit_members_only() -> Element:
    """From now on only members come in, and who is in the room and is none is put out."""
    return _configure({_MEMBERS_ONLY: "1"})


def unlock() -> Element:
    """Everybody may come in again."""
    return _configure({_PASSWORD: "", _MEMBERS_ONLY: "0"})


def make_members(users: Iterable[str]) -> Element:
    """Make users (bare JIDs) members; Prosody itself reads the first only, Jitsi's module all."""
    return element(ns.MUC_ADMIN, "query", None, *(_affiliation("member", user) for user in users))


def make_owner(user: str) -> Element:
    """Make a user (a bare JID) an owner, who is a moderator; owners only."""
    return element(ns.MUC_ADMIN, "query", None, _affiliation("owner", user))


def destroy(reason: str) -> Element:
    """End the room for everybody; owners only."""
    told = element(ns.MUC_OWNER, "reason", text=reason)
    return element(ns.MUC_OWNER, "query", None, element(ns.MUC_OWNER, "destroy", None, told))


def invitation(room: str, guests: Iterable[str]) -> Element:
    """Let guests (JIDs) of the lobby in: a message to the room, which makes them members."""
    invited = (element(ns.MUC_USER, "invite", {"to": guest}) for guest in guests)
    user = element(ns.MUC_USER, "x", None, *invited)
    return element(ns.CLIENT, "message", {"to": room}, user)


def end_conference(component: str) -> Element:
    """The message to Jitsi's component that ends a meeting; it knows by the session which one."""
    order = element(ns.CLIENT, "end_conference")
    return element(ns.CLIENT, "message", {"to": component}, order)


def _affiliation(affiliation: str, user: str) -> Element:
    return element(ns.MUC_ADMIN, "item", {"affiliation": affiliation, "jid": user})


def _configure(values: dict[str, str]) -> Element:
    fields = {"FORM_TYPE": _CONFIGURATION, **values}
    form = element(
        ns.DATA_FORMS,
        "x",
        {"type": "submit"},
        *(
            element(
                ns.DATA_FORMS,
                "field",
                {"var": variable},
                element(ns.DATA_FORMS, "value", text=value),
            )
            for variable, value in fields.items()
        ),
    )
    return element(ns.MUC_OWNER, "query", None, form)
