"""Who of a room's occupants is company: people, phones, and machines that are nobody's. Pure.

Recorders log in at a domain of their own, which is what browsers hide them by; transcribers say
what they are. A phone is who bears Jigasi's mark, as we do.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from gateway.conference.events import CompanyChanged
from gateway.xmpp import namespaces as ns
from gateway.xmpp.jid import bare
from gateway.xmpp.presence import OccupantPresence

MAX_OCCUPANTS = 5000


class Kind(Enum):
    """What an occupant is."""

    PERSON = auto()
    PHONE = auto()
    MACHINE = auto()


@dataclass(frozen=True, slots=True)
class Occupant:
    """One in the room besides us and the focus; `name` is its nick if it has no other.

    `user` is whose token it came with, if it had one. `is_member` is whether a room that admits
    members only keeps it; `jid` is its own bare JID, where the room tells it.
    """

    name: str
    kind: Kind
    is_moderator: bool = False
    user: str | None = None
    is_muted: bool = False
    is_member: bool = False
    jid: str | None = None


@dataclass(frozen=True, slots=True)
class Somebody:
    """One in the room, or who waits to be let in, by its endpoint id; `name` is empty if it has
    none."""

    endpoint: str
    name: str


class Company:
    """The occupants, up to `MAX_OCCUPANTS` of them. What one is, its first presence decides."""

    def __init__(self, hidden_domains: Iterable[str] = ()) -> None:
        self._hidden_domains = frozenset(hidden_domains)
        self._occupants: dict[str, Occupant] = {}
        self._kinds: Counter[Kind] = Counter()
        self._encrypting: dict[str, None] = {}
        self._transcribing: set[str] = set()

    def __len__(self) -> int:
        """How many there are, machines included."""
        return len(self._occupants)

    @property
    def count(self) -> CompanyChanged:
        """How many there are."""
        return CompanyChanged(self._kinds[Kind.PERSON], self._kinds[Kind.PHONE])

    @property
    def others(self) -> tuple[Somebody, ...]:
        """The people and phones, in the order they were seen in."""
        return tuple(
            Somebody(nick, occupant.name if occupant.name != nick else "")
            for nick, occupant in self._occupants.items()
            if occupant.kind is not Kind.MACHINE
        )

    @property
    def encrypting(self) -> tuple[str, ...]:
        """The names of those who encrypt end to end."""
        return tuple(self.name_of(nick) for nick in self._encrypting)

    @property
    def endpoints_encrypting(self) -> frozenset[str]:
        """Their nicks, which are their endpoint ids."""
        return frozenset(self._encrypting)

    @property
    def is_transcribed(self) -> bool:
        """Whether a transcriber says that it is at work."""
        return bool(self._transcribing)

    @property
    def audible(self) -> tuple[str, ...]:
        """The nicks of people and phones who do not say that they are muted."""
        return tuple(
            nick
            for nick, occupant in self._occupants.items()
            if occupant.kind is not Kind.MACHINE and not occupant.is_muted
        )

    @property
    def strangers(self) -> tuple[str, ...]:
        """The bare JIDs of those whom a room that admits members only would put out."""
        each = self._occupants.values()
        return tuple(who.jid for who in each if who.jid is not None and not who.is_member)

    @property
    def people(self) -> tuple[str, ...]:
        """The bare JIDs of the people, as far as the room tells them, first come first."""
        each = self._occupants.values()
        return tuple(who.jid for who in each if who.kind is Kind.PERSON and who.jid is not None)

    @property
    def is_presided(self) -> bool:
        """Whether one of them is a moderator, who is no machine."""
        each = self._occupants.values()
        return any(who.is_moderator and who.kind is not Kind.MACHINE for who in each)

    def name_of(self, nick: str) -> str:
        """The name of an occupant, or of who is none."""
        occupant = self._occupants.get(nick)
        return occupant.name if occupant is not None else nick

    def name_of_user(self, user: str) -> str | None:
        """The name of who is here with a token of this user; None if nobody with a name is."""
        named = (
            occupant.name
            for nick, occupant in self._occupants.items()
            if occupant.user == user and occupant.name != nick
        )
        return next(named, None)

    def is_moderator(self, nick: str) -> bool:
        """Whether an occupant may decide about others."""
        occupant = self._occupants.get(nick)
        return occupant is not None and occupant.is_moderator

    def has(self, nick: str) -> bool:
        """Whether an occupant is there."""
        return nick in self._occupants

    def sees(self, presence: OccupantPresence) -> tuple[Occupant, bool]:
        """An occupant is there: who that is, and whether it was before."""
        nick, known = presence.nick, self._occupants.get(presence.nick)
        kind = known.kind if known is not None else self._kind_of(presence)
        occupant = Occupant(
            presence.display_name or nick,
            kind,
            is_moderator=presence.role == "moderator",
            user=presence.user,
            is_muted=presence.audio_muted is True,
            is_member=presence.affiliation in _MEMBERS,
            jid=bare(presence.real_jid) if presence.real_jid is not None else None,
        )
        if known is None and len(self._occupants) >= MAX_OCCUPANTS:
            return occupant, False
        if known is None:
            self._kinds[kind] += 1
        self._occupants[nick] = occupant
        self._encrypting.pop(nick, None)
        if presence.encrypts:
            self._encrypting[nick] = None
        self._transcribing.discard(nick)
        if presence.transcribes and self._is_hidden(presence):
            self._transcribing.add(nick)
        return occupant, known is not None

    def loses(self, nick: str) -> Occupant | None:
        """An occupant is gone: who that was, None if nobody knew."""
        occupant = self._occupants.pop(nick, None)
        if occupant is not None:
            self._kinds[occupant.kind] -= 1
            self._encrypting.pop(nick, None)
            self._transcribing.discard(nick)
        return occupant

    def _kind_of(self, presence: OccupantPresence) -> Kind:
        if self._is_hidden(presence) or presence.features & _MACHINES:
            return Kind.MACHINE
        return Kind.PHONE if ns.JITSI_JIGASI in presence.features else Kind.PERSON

    def _is_hidden(self, presence: OccupantPresence) -> bool:
        domain = bare(presence.real_jid or "").rpartition("@")[2]
        return domain in self._hidden_domains


_MEMBERS = ("owner", "admin", "member")
_MACHINES = frozenset({ns.JITSI_TRANSCRIBER, ns.JITSI_JIBRI})
