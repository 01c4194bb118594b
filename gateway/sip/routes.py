"""The ways to peers: sockets, what DNS says, and who has not answered lately.

It is the network as the stack knows it. The stack does not wait, so it is told what is known; a
name that is not, or not any more, is looked up meanwhile.
"""

import asyncio
import random

import structlog

from gateway.sip.dns import Dns
from gateway.sip.flow import Flow, HostPort
from gateway.sip.locate import Destination, Target
from gateway.sip.locator import Locator
from gateway.sip.network import Sockets

log = structlog.get_logger(__name__)

_MAX_LOOKUPS = 64  # at a time, of those that nobody waits for


class Routes:
    """Finds flows to destinations. `close` it."""

    def __init__(self, sockets: Sockets, transports: frozenset[str]) -> None:
        self._sockets = sockets
        self._dns = Dns()
        self._locator = Locator(self._dns, transports, random.randint)
        self._lookups: dict[Destination, asyncio.Task[None]] = {}

    async def find(self, destination: Destination) -> tuple[Flow, ...]:
        """The flows to a destination, at least one, the first to try first; OSError."""
        now = asyncio.get_running_loop().time()
        flows = self._flows(destination, await self._locator.find(destination, now))
        if not flows:
            transport = destination.transport or "udp"
            raise OSError(f"no {transport} listener can reach {destination.host}")
        return flows

    async def close(self) -> None:
        """Look nothing up any more."""
        tasks = tuple(self._lookups.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._dns.close()

    # --- the network of the stack ----------------------------------------------------------------

    def flow_to(self, transport: str, remote: HostPort) -> Flow | None:
        """The flow to an address; None if no listener can serve it."""
        return self._sockets.flow_to(transport, remote)

    def flows_to(self, destination: Destination) -> tuple[Flow, ...]:
        """The flows to a destination as far as they are known; the rest will be, soon."""
        now = asyncio.get_running_loop().time()
        if self._locator.is_due(destination, now) and len(self._lookups) < _MAX_LOOKUPS:
            self._begin_lookup(destination)
        return self._flows(destination, self._locator.known(destination, now))

    def advertised(self, flow: Flow) -> HostPort:
        """The address to state in Via and Contact so that a peer can reach us."""
        return self._sockets.advertised(flow)

    def avoid(self, flow: Flow, seconds: float) -> None:
        """Try the peer of a flow last for so long."""
        now = asyncio.get_running_loop().time()
        self._locator.avoid(Target(flow.transport, flow.remote), now + seconds)

    def is_avoided(self, flow: Flow) -> bool:
        """Whether the peer of a flow is to be tried last."""
        now = asyncio.get_running_loop().time()
        return self._locator.is_avoided(Target(flow.transport, flow.remote), now)

    # --- lookups ---------------------------------------------------------------------------------

    def _flows(self, destination: Destination, targets: list[Target]) -> tuple[Flow, ...]:
        flows = (
            self._sockets.flow_to(target.transport, target.address, destination.host)
            for target in targets
        )
        return tuple(flow for flow in flows if flow is not None)

    def _begin_lookup(self, destination: Destination) -> None:
        if destination not in self._lookups:
            task = asyncio.get_running_loop().create_task(self._look_up(destination))
            self._lookups[destination] = task
            task.add_done_callback(lambda _: self._lookups.pop(destination, None))

    async def _look_up(self, destination: Destination) -> None:
        try:
            await self._locator.find(destination, asyncio.get_running_loop().time())
        except OSError as error:
            log.info("next hop not found", host=destination.host, reason=str(error))
