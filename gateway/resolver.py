"""DNS by c-ares: no thread is blocked, and the hosts file counts as it does elsewhere. [io]"""

import ipaddress
import socket
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import TypeVar

import aiodns
from aiodns import error

_TIMEOUT = 2.0  # seconds a server of DNS has for an answer, the first time
_TRIES = 2
_NOTHING = {error.ARES_ENODATA, error.ARES_ENOTFOUND}
_NOTHING_TTL = 60.0  # seconds that "there is none" is good for

_Result = TypeVar("_Result")


class Resolver:
    """Set up when it is first asked. `close` it.

    It asks `servers` (an address with a port), or, without any, those this machine asks. Answers
    come with the seconds they are good for, and are empty if there is nothing; OSError if DNS does
    not say.
    """

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = servers
        self._resolver: aiodns.DNSResolver | None = None

    async def records(self, name: str, kind: str) -> tuple[list[object], float]:
        """The records of a name, as pycares has them."""
        answer = await _answered(name, self._asked().query_dns(name, kind))
        records = answer.answer if answer is not None else []
        ttl = min((record.ttl for record in records), default=_NOTHING_TTL)
        return [record.data for record in records], ttl

    async def addresses(self, host: str) -> tuple[tuple[str, ...], float]:
        """The addresses of a host, those first that this machine reaches best (RFC 6724)."""
        asked = self._asked().getaddrinfo(host, socket.AF_UNSPEC, type=socket.SOCK_STREAM)
        answer = await _answered(host, asked)
        if answer is None:
            return (), _NOTHING_TTL
        addresses = tuple(dict.fromkeys(_text(node.addr[0]) for node in answer.nodes))
        return addresses, min((node.ttl for node in answer.nodes), default=_NOTHING_TTL)

    async def close(self) -> None:
        """Ask no more."""
        if self._resolver is not None:
            await self._resolver.close()

    def _asked(self) -> aiodns.DNSResolver:
        if self._resolver is None:
            servers = self._servers or None
            self._resolver = aiodns.DNSResolver(servers, timeout=_TIMEOUT, tries=_TRIES)
        return self._resolver


async def _answered(name: str, asked: Awaitable[_Result]) -> _Result | None:
    """What DNS says, None if it says that there is nothing; OSError if it says nothing."""
    try:
        return await asked
    except error.DNSError as failure:
        code, *text = failure.args
        if code in _NOTHING:
            return None
        raise OSError(f"DNS does not say where {name} is: {' '.join(map(str, text))}") from failure


def _text(address: bytes | str) -> str:
    return address.decode() if isinstance(address, bytes) else address


async def addresses_of(host: str) -> tuple[str, ...]:
    """Those of a host that is asked for once; an address is its own. OSError: DNS does not say."""
    with suppress(ValueError):
        return (str(ipaddress.ip_address(host.strip("[]"))),)
    resolver = Resolver()
    try:
        addresses, _ = await resolver.addresses(host)
    finally:
        await resolver.close()
    return addresses
