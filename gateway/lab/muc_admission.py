"""Whom a room lets in: XEP-0045 section 7.2 as Jitsi's plugins have changed it (rule 10). Pure.

mod_muc_lobby_rooms stands before Prosody's own checks: a password opens a room that admits members
only, and makes a member. A member who brings none needs none; a wrong one is wrong all the same.
"""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.lab.refusal import refuse
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text, element
from gateway.xmpp.jid import bare


@dataclass(slots=True)
class RoomPolicy:
    """What may be changed while the room lasts. `metadata` is told to everybody who comes in.

    `lobby` is the room to knock at while only members are admitted; with `waits_for_host` those
    there wait for a host, not for a moderator's word.
    """

    password: str | None = None
    members_only: bool = False
    lobby: str | None = None
    waits_for_host: bool = False
    max_occupants: int | None = None
    metadata: dict[str, object] = field(default_factory=dict)

    def opens(self, password: str | None) -> bool:
        """Whether that is the room's password; there may be none."""
        return self.password is not None and password == self.password


def refusal(
    joining: Element, policy: RoomPolicy, *, affiliation: str, nick_is_taken: bool, others: int
) -> Element | None:
    """Why a presence with `<x muc>` does not get in, None if it does.

    `affiliation` is what its user is in the room, `others` how many occupants there are.
    """
    room = bare(joining.get("to", ""))
    muc = child(joining, ns.MUC, "x")
    assert muc is not None
    password = child_text(muc, ns.MUC, "password")
    knows_password = policy.opens(password)
    if affiliation == "outcast":
        return refuse(joining, "auth", "forbidden", by=room)
    if nick_is_taken:
        return refuse(joining, "cancel", "conflict", by=room)
    if policy.max_occupants is not None and others > policy.max_occupants:
        return refuse(joining, "cancel", "service-unavailable", by=room)
    if policy.members_only and not knows_password:
        if policy.lobby is not None and not policy.waits_for_host and _is_nameless(joining):
            return _name_required(joining)
        if affiliation == "none":
            return _membership_required(joining, policy)
        if affiliation == "member" and password is None:
            return None
    if policy.password is not None and not knows_password:
        return refuse(joining, "auth", "not-authorized", by=room)
    return None


def _is_nameless(joining: Element) -> bool:
    return child_text(joining, ns.NICK, "nick") is None


def _name_required(joining: Element) -> Element:
    """A moderator has to know who knocks."""
    required = element(ns.JITSI_MEET, "displayname-required", {"lobby": "true"})
    answer = refuse(joining, "modify", "not-acceptable", None, required, code="406")
    answer.append(element(ns.MUC, "x"))
    return answer


def _membership_required(joining: Element, policy: RoomPolicy) -> Element:
    """Both forms of `<lobbyroom>`; without a lobby, Prosody's plain refusal."""
    details = []
    if policy.lobby is not None:
        details.append(element(ns.JITSI_MEET, "lobbyroom", text=policy.lobby))
    if policy.waits_for_host:
        details.append(element(ns.JITSI_MEET, "waiting-for-host"))
    answer = refuse(joining, "auth", "registration-required", None, *details, code="407")
    if policy.lobby is not None:
        answer.append(element(ns.CLIENT, "lobbyroom", text=policy.lobby))
    answer.append(element(ns.MUC, "x"))
    return answer
