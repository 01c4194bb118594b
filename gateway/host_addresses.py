"""Where the hosts are that we go to: while DNS fails, what it said before holds. [io]"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from gateway.resolver import addresses_of

log = structlog.get_logger(__name__)

_RETRY = 30.0  # seconds until DNS is asked again after it has failed
_PATIENCE = 1.5  # seconds, where there is something to go by without it: callers wait
_MOST_KNOWN = 256  # hosts

Addresses = tuple[str, ...]


@dataclass(slots=True)
class _Known:
    addresses: Addresses
    not_asked_until: float


class HostAddresses:
    """What DNS, which is what `ask` asks, has said last of each host."""

    def __init__(
        self,
        ask: Callable[[str], Awaitable[Addresses]] = addresses_of,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._known: dict[str, _Known] = {}

    async def of(self, host: str) -> Addresses:
        """Those of a host, the first to try first; none if DNS says that there is none. An address
        is its own. OSError: DNS does not say, and has not said before."""
        known = self._known.get(host)
        if known is not None and self._clock() < known.not_asked_until:
            return known.addresses
        try:
            async with asyncio.timeout(_PATIENCE if known is not None else None):
                addresses = await self._ask(host)
        except OSError as error:
            if known is None:
                raise
            known.not_asked_until = self._clock() + _RETRY
            reason = str(error) or "DNS does not answer"
            log.warning("DNS fails, what it said before holds", host=host, reason=reason)
            return known.addresses
        self._known.pop(host, None)
        if addresses:
            self._known[host] = _Known(addresses, self._clock())
            if len(self._known) > _MOST_KNOWN:
                del self._known[next(iter(self._known))]
        return addresses


HOSTS = HostAddresses()
"""Of this process: each login is a connection of its own, and they are all to the same hosts."""
