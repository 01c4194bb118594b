"""What is known of where destinations are, for how long, and who of them does not answer.

DNS that fails is not believed to have forgotten: what it said before goes on to hold. A target
that was found dead is not left out but tried last, for there may be no other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from gateway.sip.flow import default_port, literal_address
from gateway.sip.locate import Destination, Found, Resolver, Server, Target, arrange, look_up

log = structlog.get_logger(__name__)

_MAX_KNOWN = 256  # destinations, and targets to be avoided
_SHORTEST, _LONGEST = 5.0, 3600.0  # seconds an answer is good for, whatever it says itself
_RETRY = 30.0  # seconds until DNS is asked again after it has failed


@dataclass(slots=True)
class _Known:
    servers: tuple[Server, ...]
    expires: float

    @property
    def has_addresses(self) -> bool:
        return any(server.addresses for server in self.servers)


class Locator:
    """Finds the targets of destinations, the first to try first.

    `transports` are those we have. `draw` gives a random number between two, both included.
    """

    def __init__(
        self, resolver: Resolver, transports: frozenset[str], draw: Callable[[int, int], int]
    ) -> None:
        self._resolver = resolver
        self._transports = transports
        self._draw = draw
        self._known: dict[Destination, _Known] = {}
        self._avoided: dict[Target, float] = {}  # until when

    async def find(self, destination: Destination, now: float) -> list[Target]:
        """The targets, at least one; OSError if there is none."""
        if self.is_due(destination, now):
            await self._look_up(destination, now)
        targets = self.known(destination, now)
        if not targets:
            raise OSError(f"there is no address of {destination.host}")
        return targets

    def is_due(self, destination: Destination, now: float) -> bool:
        """Whether DNS has to be asked, for what it said is not known or not good any more."""
        if literal_address(destination.host) is not None:
            return False
        known = self._known.get(destination)
        return known is None or known.expires <= now

    def known(self, destination: Destination, now: float) -> list[Target]:
        """The targets as far as they are known without asking."""
        if (literal := literal_address(destination.host)) is not None:
            transport = destination.transport or "udp"
            port = destination.port or default_port(transport)
            return [Target(transport, (str(literal), port))]  # as the system writes it
        known = self._known.get(destination)
        targets = [
            Target(server.transport, (address, server.port))
            for server in arrange(known.servers if known is not None else (), self._draw)
            for address in server.addresses
        ]
        return sorted(targets, key=lambda target: self.is_avoided(target, now))

    def avoid(self, target: Target, until: float) -> None:
        """Try a target last until then: it is dead, or has said that it cannot."""
        self._avoided.pop(target, None)
        self._avoided[target] = until
        if len(self._avoided) > _MAX_KNOWN:
            del self._avoided[next(iter(self._avoided))]

    def is_avoided(self, target: Target, now: float) -> bool:
        """Whether a target is to be tried last."""
        return self._avoided.get(target, now) > now

    async def _look_up(self, destination: Destination, now: float) -> None:
        known = self._known.get(destination)
        try:
            found = await look_up(destination, self._resolver, self._transports)
            if found.failure is not None and known is not None and known.has_addresses:
                raise found.failure  # what is known is more
        except OSError as error:
            if known is None or not known.has_addresses:
                raise
            known.expires = now + _RETRY
            text = "DNS fails, what it said before holds"
            log.warning(text, host=destination.host, reason=str(error))
        else:
            if found.failure is not None:
                reason = str(found.failure)
                log.warning("DNS fails in part", host=destination.host, reason=reason)
            self._keep(destination, found, now)

    def _keep(self, destination: Destination, found: Found, now: float) -> None:
        self._known.pop(destination, None)
        known = self._known[destination] = _Known(found.servers, now + _SHORTEST)
        if known.has_addresses:  # or whoever mends DNS waits for us
            known.expires = now + min(max(found.ttl, _SHORTEST), _LONGEST)
        if len(self._known) > _MAX_KNOWN:
            del self._known[next(iter(self._known))]
