"""Who an HTTP request comes from, when there may be proxies on its way. No IO."""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Client:
    """`is_proven` is false where somebody claims to be a proxy whom we do not know as one: then
    the address is the claimant's, and whoever is behind it has no rights by it."""

    address: IpAddress
    is_proven: bool

    @property
    def household(self) -> str:
        """What is counted as one: an IPv4 address, or the /64 that one IPv6 link has."""
        if self.address.version == 4:
            return str(self.address)
        return str(ipaddress.ip_network((self.address, 64), strict=False))

    def is_of(self, networks: Iterable[IpNetwork]) -> bool:
        """Whether this is certainly somebody of these networks."""
        return self.is_proven and _within(self.address, networks)


def client_of(peer: str, forwarded_for: Iterable[str], proxies: Sequence[IpNetwork]) -> Client:
    """The last address that is no proxy of ours; `forwarded_for` are the X-Forwarded-For headers.

    Each proxy adds the address it was connected from at the end, so only what ours have added can
    be believed.
    """
    address = _parse(peer)
    assert address is not None, "a socket's own"
    hops = [hop for value in forwarded_for for hop in value.split(",")]
    while hops and _within(address, proxies):
        hop = _parse(hops.pop())
        if hop is None:
            return Client(address, is_proven=False)
        address = hop
        if not _within(address, proxies):
            return Client(address, is_proven=True)
    return Client(address, is_proven=not hops)


def _within(address: IpAddress, networks: Iterable[IpNetwork]) -> bool:
    return any(address in network for network in networks)


def _parse(text: str) -> IpAddress | None:
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0].strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
