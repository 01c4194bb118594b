"""Which room a call is for, and which trunk it came by. Pure.

In this order: the room header, the trunk's rules over the called number, its default room;
otherwise there is no room.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.calls.caller_identity import ShowCaller
from gateway.conference.address import RoomAddress
from gateway.errors import ConferenceError, JoinFailure

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class RoomRule:
    """Calls to a number (or user part) that `called` matches as a whole go to `room`.

    `room` may refer to groups of the pattern: ``\\1``, ``\\g<name>``, ``\\g<0>`` for all of it.
    """

    called: re.Pattern[str]
    room: str


@dataclass(frozen=True, slots=True)
class Trunk:
    """Where calls may come from, and how their rooms are found.

    `room_headers` and `password_headers` are names of headers, the first that is there counts.
    `show_caller` is how much of its callers conferences are shown.
    """

    name: str
    networks: tuple[IpNetwork, ...]
    room_headers: tuple[str, ...] = ("Jitsi-Conference-Room",)
    password_headers: tuple[str, ...] = ("Jitsi-Conference-Room-Pass",)
    rules: tuple[RoomRule, ...] = ()
    default_room: str | None = None
    show_caller: ShowCaller = ShowCaller.FULL


@dataclass(frozen=True, slots=True)
class Called:
    """What an INVITE says about where it wants to go.

    `users` are the user parts that name the called party, the Request-URI's first.
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
    """Where a call goes, and by which of the three ways that was found out."""

    room: RoomAddress
    password: str | None
    found_by: str


def trunk_of(host: str, trunks: Iterable[Trunk]) -> Trunk | None:
    """The first trunk whose networks hold the address a request came from."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    for trunk in trunks:
        if any(address in network for network in trunk.networks):
            return trunk
    return None


def find_route(called: Called, trunk: Trunk, muc_domains: tuple[str, ...]) -> Route:
    """The room for a call. ConferenceError (NOT_FOUND): there is none, or it is not to be had."""
    password = called.header(trunk.password_headers)
    named = called.header(trunk.room_headers)
    if named is not None:
        return Route(RoomAddress.parse(named, muc_domains), password, "header")
    for user in called.users:
        for rule in trunk.rules:
            match = rule.called.fullmatch(user)
            if match is not None:
                room = RoomAddress.parse(match.expand(rule.room), muc_domains)
                return Route(room, password, "called number")
    if trunk.default_room is not None:
        return Route(RoomAddress.parse(trunk.default_room, muc_domains), password, "default")
    users = " or ".join(called.users) or "nobody"
    raise ConferenceError(JoinFailure.NOT_FOUND, f"no room for calls to {users}")
