"""Which room a call is for, and which trunk it came by. Pure.

In this order: the room header, the trunk's rules over the called number, a PIN that the caller is
asked for if the trunk does that, its default room; otherwise there is no room.
Where there are several installations, it is the first that has the room;
the domain header, a rule or the trunk may name one.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from gateway.calls.trunk import IpNetwork, Trunk
from gateway.conference.address import RoomAddress
from gateway.conference.installation import Installation, find_room
from gateway.conference.visiting import Visiting
from gateway.errors import ConferenceError, JoinFailure
from gateway.ivr.meeting import Meeting


@dataclass(frozen=True, slots=True)
class Called:
    """What an INVITE says about where it wants to go.

    `users` are the user parts that name the called party, those that count for more first.
    """

    users: tuple[str, ...]
    headers: dict[str, str]  # names in lower case

    def header(self, names: Iterable[str]) -> str | None:
        """The value of the first of these headers that says something."""
        for name in names:
            value = self.headers.get(name.lower(), "").strip()
            if value:
                return value
        return None


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes, whether as a visitor's, and by which of the ways that was found.

    A personal PIN has its owner's `display_name`. By it, or by its trunk, a caller may be a
    `moderator`.
    """

    installation: Installation
    room: RoomAddress
    found_by: str
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    visiting: Visiting = Visiting.NEVER
    display_name: str | None = None
    moderator: bool = False


def trunk_of(host: str, trunks: Iterable[Trunk], names: Iterable[str] = ()) -> Trunk | None:
    """The first trunk that the sender of a request belongs to.

    `host` is the address it came from, `names` are those its certificate proves.
    """
    proved = set(names)
    for trunk in trunks:
        is_there = not trunk.networks or is_within(host, trunk.networks)
        is_known = not trunk.certificate_names or not proved.isdisjoint(trunk.certificate_names)
        if is_there and is_known and (trunk.networks or trunk.certificate_names):
            return trunk
    return None


def is_within(host: str, networks: Iterable[IpNetwork]) -> bool:
    """Whether one of the networks holds an address."""
    address = _address_of(host)
    return any(address in network for network in networks)


@lru_cache(maxsize=1024)  # it is asked about each datagram of a flood
def _address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def find_route(
    called: Called, trunk: Trunk, installations: tuple[Installation, ...]
) -> Route | None:
    """The room for a call; None if the caller is to be asked for a PIN.

    ConferenceError (NOT_FOUND): there is none, or it is not to be had.
    """
    found = _find_room(called, trunk)
    if found is None:
        return None
    room, found_by, named = found
    domain = called.header(trunk.domain_headers)
    candidates = [
        installation
        for installation in installations
        if (named is None or installation.name == named)
        and (domain is None or installation.server.domain == domain.lower())
    ]
    if domain is not None and not candidates:
        raise ConferenceError(JoinFailure.NOT_FOUND, f"{domain!r} is no installation of ours")
    installation, address = find_room(candidates, room, called.header(trunk.tenant_headers))
    return Route(
        installation,
        address,
        found_by,
        called.header(trunk.password_headers),
        called.header(trunk.token_headers),
        _visiting(called, trunk),
        moderator=trunk.moderator,
    )


def route_to(
    meeting: Meeting, called: Called, trunk: Trunk, installations: tuple[Installation, ...]
) -> Route:
    """The room of a PIN. ConferenceError (NOT_FOUND): it is not to be had any more."""
    installation, address = find_room(installations, meeting.room)
    return Route(
        installation,
        address,
        "PIN",
        called.header(trunk.password_headers),
        visiting=_visiting(called, trunk),
        display_name=meeting.display_name,
        moderator=meeting.moderator or trunk.moderator,
    )


def _visiting(called: Called, trunk: Trunk) -> Visiting:
    if not trunk.allow_visitors:
        return Visiting.NEVER
    is_wanted = (called.header(trunk.visitor_headers) or "").lower() == "true"
    return Visiting.WANTED if is_wanted else Visiting.IF_NEEDED


def _find_room(called: Called, trunk: Trunk) -> tuple[str, str, str | None] | None:
    """The room as it is written, by what it was found, and the name of its installation."""
    named = called.header(trunk.room_headers)
    if named is not None:
        return named, "header", trunk.installation
    for user in called.users:
        for rule in trunk.rules:
            match = rule.called.fullmatch(user)
            if match is not None:
                room = match.expand(rule.room)
                return room, "called number", rule.installation or trunk.installation
    if trunk.asks_pin:
        return None
    if trunk.default_room is not None:
        return trunk.default_room, "default", trunk.installation
    users = " or ".join(called.users) or "nobody"
    raise ConferenceError(JoinFailure.NOT_FOUND, f"no room for calls to {users}")
