"""Where a destination is (RFC 3263): what DNS says of it, and whose turn it is (RFC 2782).

No IO: `Resolver` asks, and what it was told is put in order here.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, NamedTuple, Protocol, TypeVar

from sipmessage import URI

from gateway.sip.flow import HostPort, default_port
from gateway.sip.header_values import host_to_ask
from gateway.sip.sips import transport_of

Record = TypeVar("Record")

_MAX_RECORDS = 16  # of one kind that are considered
_INCOMPLETE = 30.0  # seconds that is good of which DNS has not said a part
_SERVICES = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
_SRV_NAMES = {"udp": "_sip._udp.{}", "tcp": "_sip._tcp.{}", "tls": "_sips._tcp.{}"}
"""The transports there are, and where each is told of; the first is tried first."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to send a request: the next hop, which need not be the host of its URI.

    `host` is a name or a literal address; DNS says what is left open of the rest.
    """

    transport: str | None
    host: str
    port: int | None = None

    @classmethod
    def of(cls, uri: URI) -> "Destination":
        """Of a Request-URI or a route (RFC 3263 4)."""
        return cls(transport_of(uri), host_to_ask(uri).strip("[]"), uri.port)


class Target(NamedTuple):
    """One address of one server."""

    transport: str
    address: HostPort


@dataclass(frozen=True, slots=True)
class Naptr:
    """A NAPTR record (RFC 3403 4.1)."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """An SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Answer(Generic[Record]):
    """What DNS says: no records if there are none. `ttl` is in seconds."""

    records: tuple[Record, ...]
    ttl: float


class Resolver(Protocol):
    """Asks DNS; OSError if that does not answer."""

    async def naptr(self, name: str) -> Answer[Naptr]: ...

    async def srv(self, name: str) -> Answer[Srv]: ...

    async def addresses(self, host: str) -> Answer[str]: ...


@dataclass(frozen=True, slots=True)
class Server:
    """One server of a destination: of a lower `rank` are those to try first."""

    transport: str
    port: int
    addresses: tuple[str, ...]
    rank: tuple[int, ...] = ()
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """The servers of a destination, and for how many seconds that is good.

    `failure` is why there may be more of them: of those, DNS does not answer.
    """

    servers: tuple[Server, ...]
    ttl: float
    failure: OSError | None = None


def arrange(servers: Iterable[Server], draw: Callable[[int, int], int]) -> list[Server]:
    """Servers in the order to try them: by rank, within it by chance and weight (RFC 2782).

    `draw` gives a random number between two, both included.
    """
    arranged = []
    for _, equals in groupby(sorted(servers, key=lambda each: each.rank), lambda each: each.rank):
        left = sorted(equals, key=lambda each: each.weight > 0)
        while left:
            drawn = draw(0, sum(each.weight for each in left))
            for chosen in left:
                drawn -= chosen.weight
                if drawn <= 0:
                    break
            left.remove(chosen)
            arranged.append(chosen)
    return arranged


async def look_up(
    destination: Destination, resolver: Resolver, transports: frozenset[str]
) -> Found:
    """Ask where a destination is, for the transports we have; OSError if DNS does not answer."""
    if destination.port is None:
        found = await _by_services(destination, resolver, transports)
        if found.servers:
            return found
    transport = destination.transport or "udp"
    answer = await resolver.addresses(destination.host)
    port = destination.port or default_port(transport)
    return Found((Server(transport, port, answer.records),), answer.ttl)


class _Service(NamedTuple):
    """Which name has the SRV records of a transport."""

    transport: str
    name: str
    rank: tuple[int, ...] = ()


async def _by_services(
    destination: Destination, resolver: Resolver, transports: frozenset[str]
) -> Found:
    """The servers that SRV records name (4.2); OSError if DNS names none, and does not say all."""
    services, ttl = await _services(destination, resolver, transports)
    servers: list[Server] = []
    parts = _Parts()
    for number, service in enumerate(services):
        answer = await parts.asked(resolver.srv(service.name))
        for srv in answer.records[:_MAX_RECORDS]:
            if srv.target.rstrip(".") == "":  # "decidedly not available" (RFC 2782)
                continue
            addresses = await parts.asked(resolver.addresses(srv.target.rstrip(".")))
            ttl = min(ttl, answer.ttl, addresses.ttl)
            rank = (*service.rank, number, srv.priority)
            servers.append(Server(service.transport, srv.port, addresses.records, rank, srv.weight))
    found = tuple(server for server in servers if server.addresses)
    if parts.failure is None:
        return Found(found, ttl)
    if not found:
        raise parts.failure
    return Found(found, min(ttl, _INCOMPLETE), parts.failure)


class _Parts:
    """Asks for what together is one answer: that a part is not to be had does not lose the rest."""

    def __init__(self) -> None:
        self.failure: OSError | None = None

    async def asked(self, answer: Awaitable[Answer[Record]]) -> Answer[Record]:
        try:
            return await answer
        except OSError as error:
            self.failure = error
            return Answer((), _FOREVER)


async def _services(
    destination: Destination, resolver: Resolver, transports: frozenset[str]
) -> tuple[list[_Service], float]:
    """Which transports to try, and where their servers are told (4.1)."""
    host = destination.host
    if destination.transport is not None:
        name = _SRV_NAMES.get(destination.transport)
        return ([_Service(destination.transport, name.format(host))] if name else []), _FOREVER
    answer = await resolver.naptr(host)
    services = [
        _Service(transport, naptr.replacement.rstrip("."), (naptr.order, naptr.preference))
        for naptr in answer.records[:_MAX_RECORDS]
        if (transport := _SERVICES.get(naptr.service.lower())) in transports
        and transport is not None
        and naptr.flags.lower() == "s"
    ]
    if services:
        return sorted(services, key=lambda each: each.rank), answer.ttl
    return [
        _Service(transport, name.format(host))
        for transport, name in _SRV_NAMES.items()
        if transport in transports
    ], _FOREVER


_FOREVER = float("inf")
