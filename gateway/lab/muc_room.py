"""One room (XEP-0045) as Prosody with Jitsi's plugins keeps it: non-anonymous, nothing locked.

No IO. Whom it lets in, `gateway.lab.muc_admission` decides; what a nick may be, the service.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol
from xml.etree.ElementTree import Element

from gateway.lab import muc_stanzas
from gateway.lab.muc_admission import RoomPolicy, refusal
from gateway.lab.muc_stanzas import Occupant, Removal
from gateway.lab.refusal import refuse
from gateway.lab.violation import Blame, Step
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text
from gateway.xmpp.jid import bare, local, resource

_UNAVAILABLE = "unavailable"


class RoomWatcher(Protocol):
    """A component that is told of what happens in every room, as a plugin of Prosody's is."""

    def joined(self, room: "MucRoom", occupant: Occupant, now: float) -> None: ...

    def left(self, room: "MucRoom", occupant: Occupant, removal: Removal, now: float) -> None: ...

    def closed(self, room: "MucRoom", removal: Removal, now: float) -> None:
        """The room has ended; nobody is in it any more."""


@dataclass(frozen=True, slots=True)
class RoomServices:
    """What a room needs: how to send, whom to tell, and the components that speak in it.

    `privileged` are bare JIDs that are owners everywhere; they, and users of `trusted_domains`,
    need neither a password nor a membership. Whose session (full JID) `moderates` by its token is
    made an owner.
    """

    send: Callable[[Element, float], None]
    blame: Blame
    step: Step
    metadata: str
    duration: str
    privileged: frozenset[str]
    trusted_domains: frozenset[str] = frozenset()
    watchers: list[RoomWatcher] = field(default_factory=list)
    moderates: Callable[[str], bool] = lambda _: False

    def trusts(self, user: str) -> bool:
        """Whether a user (bare JID) comes in without being asked anything."""
        return user in self.privileged or user.rpartition("@")[2] in self.trusted_domains


class MucRoom:
    """The room `jid`, created at wall-clock time `created` (ms) for everybody to see."""

    def __init__(self, jid: str, services: RoomServices, created: int) -> None:
        self.jid = jid
        self.policy = RoomPolicy()
        self.occupants: dict[str, Occupant] = {}
        self.affiliations: dict[str, str] = dict.fromkeys(services.privileged, "owner")
        self._services = services
        self._created = created

    def presence(self, stanza: Element, now: float) -> None:
        """A presence to `jid/nick` from somebody in the room, or who wants to be."""
        sender, nick = stanza.get("from", ""), resource(stanza.get("to", ""))
        present = self.occupant_of(sender)
        joins = child(stanza, ns.MUC, "x") is not None
        if stanza.get("type") == _UNAVAILABLE:
            if present is not None:
                self.remove(present, Removal(), now, presence=stanza)
            return
        if stanza.get("type") is not None:
            return
        if stanza.find(muc_stanzas.IDENTITY) is not None:
            self._services.blame(13, nick, "says itself whose token it came with (<identity>)")
        if present is None:
            self._first_presence(stanza, nick, now, joins=joins)
        elif nick != present.nick:
            self._services.blame(8, sender, f"wants to change its nick to {nick!r}")
            self._refuse(stanza, "cancel", "not-allowed", now, "Nick changes are not allowed")
        else:
            self._update(present, stanza, now, joins=joins)

    @property
    def name(self) -> str:
        """The room's JID without its domain."""
        return local(self.jid)

    def send(self, stanza: Element, now: float) -> None:
        """Send something in the room's name."""
        self._services.send(stanza, now)

    def occupant_of(self, jid: str) -> Occupant | None:
        """The occupant a session is, if it is in the room."""
        return next((o for o in self.occupants.values() if o.jid == jid), None)

    def remove(
        self, occupant: Occupant, removal: Removal, now: float, *, presence: Element | None = None
    ) -> None:
        """Somebody is out; everybody, itself included, is told."""
        occupant.id = presence.get("id") if presence is not None else None
        occupant.farewell = presence
        present = list(self.occupants.values())
        del self.occupants[occupant.nick]  # first: it may log out as soon as it is told
        for other in present:
            told = muc_stanzas.unavailable(self.jid, occupant, other.jid, removal)
            self._services.send(told, now)
        self._services.step(occupant.nick, f"is out of {self.jid}")
        for watcher in self._services.watchers:
            watcher.left(self, occupant, removal, now)

    def close(self, removal: Removal, now: float) -> None:
        """Everybody is out at once; each occupant is told only of itself."""
        present = list(self.occupants.values())
        self.occupants.clear()
        for occupant in present:
            occupant.id = None
            told = muc_stanzas.unavailable(self.jid, occupant, occupant.jid, removal)
            self._services.send(told, now)
        for watcher in self._services.watchers:
            watcher.closed(self, removal, now)

    def set_affiliation(self, jid: str, affiliation: str, actor: str | None, now: float) -> None:
        """Make a user (bare JID) an owner, a member, nobody, or an outcast."""
        self.affiliations[jid] = affiliation
        for occupant in [o for o in self.occupants.values() if bare(o.jid) == jid]:
            if affiliation == "outcast":
                self.remove(occupant, Removal((301,), actor), now)
                continue
            occupant.affiliation = affiliation
            occupant.role = "moderator" if affiliation in ("owner", "admin") else "participant"
            self._broadcast(occupant, now, actor=actor)
            self._services.step(occupant.nick, f"is made {affiliation}")

    def set_members_only(self, members_only: bool, now: float, *, lobby: str | None = None) -> None:
        """Admit members only, others knock at `lobby`; nobody in the room is thrown out for it."""
        self.policy.members_only = members_only
        self.policy.lobby = lobby
        self.tell_config_changed(now)

    def expel_strangers(self, now: float) -> int:
        """Who is in the room and is no member, is thrown out (322); how many there were."""
        expelled = 0
        for occupant in list(self.occupants.values()):
            user = bare(occupant.jid)
            is_stranger = self.affiliations.get(user, "none") == "none"
            if is_stranger and not self._services.trusts(user):
                self.remove(occupant, Removal((322,)), now)
                expelled += 1
        return expelled

    def tell_config_changed(self, now: float) -> None:
        """Status 104 to everybody."""
        for occupant in self.occupants.values():
            self._services.send(muc_stanzas.config_changed(self.jid, occupant.jid), now)

    def tell_metadata(self, now: float) -> None:
        """The room's metadata to everybody, again."""
        for occupant in self.occupants.values():
            self._services.send(self._metadata(occupant.jid), now)

    def _first_presence(self, stanza: Element, nick: str, now: float, *, joins: bool) -> None:
        if not joins:  # perhaps it does not know yet that it is out
            self._refuse(stanza, "cancel", "not-acceptable", now)
        elif self._admit(stanza, nick, now):
            self._join(stanza, nick, now)

    def _admit(self, stanza: Element, nick: str, now: float) -> bool:
        user = bare(stanza.get("from", ""))
        if self._services.trusts(user):
            return True
        refused = refusal(
            stanza,
            self.policy,
            affiliation=self.affiliations.get(user, "none"),
            nick_is_taken=nick in self.occupants,
            others=len(self.occupants),
        )
        if refused is not None:
            self._services.send(refused, now)
            return False
        if self.policy.members_only:  # who knew the password need not know it again
            self.affiliations.setdefault(user, "member")
        return True

    def _refuse(
        self, stanza: Element, type_: str, condition: str, now: float, text: str | None = None
    ) -> None:
        self._services.send(refuse(stanza, type_, condition, text, by=self.jid), now)

    def _join(self, stanza: Element, nick: str, now: float) -> None:
        """In the order of Prosody and its plugins: others, metadata, self, duration, subject."""
        jid = stanza.get("from", "")
        affiliation = self.affiliations.get(bare(jid), "none")
        role = "moderator" if affiliation in ("owner", "admin") else "participant"
        payload = muc_stanzas.payload_of(stanza)
        newcomer = Occupant(nick, jid, role, affiliation, payload, stanza.get("id"))
        self._show_others(newcomer, now)
        self.occupants[nick] = newcomer
        self._services.send(self._metadata(jid), now)
        self._broadcast(newcomer, now, statuses=(100,))
        self._finish_join(jid, now)
        name = child_text(stanza, ns.NICK, "nick")
        self._services.step(nick, f"is in {self.jid}" + (f" as {name}" if name else ""))
        for watcher in self._services.watchers:
            watcher.joined(self, newcomer, now)
        if self._services.moderates(jid) and not newcomer.is_moderator:
            self.set_affiliation(bare(jid), "owner", None, now)

    def _update(self, occupant: Occupant, stanza: Element, now: float, *, joins: bool) -> None:
        occupant.payload = muc_stanzas.payload_of(stanza)
        occupant.id = stanza.get("id")
        if not joins:
            self._broadcast(occupant, now)
            return
        self._services.blame(9, occupant.nick, "joins again: <x muc> in a later presence")
        self._show_others(occupant, now)
        self._services.send(self._metadata(occupant.jid), now)
        self._broadcast(occupant, now, statuses=(100,))
        self._finish_join(occupant.jid, now)

    def _show_others(self, newcomer: Occupant, now: float) -> None:
        for occupant in self.occupants.values():
            if occupant is not newcomer:
                told = muc_stanzas.available(self.jid, occupant, newcomer.jid)
                self._services.send(told, now)

    def _finish_join(self, jid: str, now: float) -> None:
        duration = {"created_timestamp": str(self._created), "type": "conference_duration"}
        told = muc_stanzas.json_message(self._services.duration, jid, None, duration)
        self._services.send(told, now)
        self._services.send(muc_stanzas.empty_subject(self.jid, jid), now)

    def _metadata(self, jid: str) -> Element:
        content = {"type": "room_metadata", "metadata": self.policy.metadata}
        return muc_stanzas.json_message(self._services.metadata, jid, self.jid, content)

    def _broadcast(
        self,
        occupant: Occupant,
        now: float,
        *,
        statuses: tuple[int, ...] = (),
        actor: str | None = None,
    ) -> None:
        """An occupant's presence to everybody, itself first or last as it came in."""
        for other in self.occupants.values():
            own = other is occupant
            told = muc_stanzas.available(
                self.jid,
                occupant,
                other.jid,
                statuses=statuses if own else (),
                actor=actor,
                with_permissions=own and actor is not None and occupant.role == "moderator",
            )
            self._services.send(told, now)


def moderator_behind(
    stanza: Element, room_of: Callable[[str], MucRoom | None]
) -> tuple[MucRoom, Occupant] | None:
    """The room a stanza to a component comes from and who sent it, if that is a moderator."""
    sender = stanza.get("from", "")
    room = room_of(sender)
    occupant = room.occupant_of(sender) if room is not None else None
    if room is None or occupant is None or not occupant.is_moderator:
        return None
    return room, occupant
