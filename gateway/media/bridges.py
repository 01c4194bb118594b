"""A call's connections to videobridges: one carries its audio, another may be in the making.

The one in use goes on until another is connected, and is left in that very moment: so nobody
misses the caller, nobody hears it twice, and it misses nobody. Where only the path of a connection
is lost, ICE can be restarted under the DTLS association there is.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol

import structlog

from gateway.media.bridge_leg import BridgeLeg
from gateway.media.engine_config import EngineConfig
from gateway.media.messages import (
    BridgeConnected,
    BridgeInterrupted,
    BridgeLost,
    BridgeOffer,
    BridgeOpened,
    Event,
    IceCandidate,
    IceParameters,
    IceRestarted,
    Source,
)
from gateway.rtp.datagrams import Datagram
from gateway.webrtc.transport import BridgeTransport, TransportError

log = structlog.get_logger(__name__)

_REPAIR_WITHIN = 30.0  # seconds without a path, after which the bridge has given us up as well
_OVERLAP = 1.0  # seconds in which the bridge may still send on the path that was left


class Conference(Protocol):
    """Where a call's audio goes while it has a bridge in use."""

    def enter(self, room: str, leg: BridgeLeg, sources: tuple[Source, ...]) -> None:
        """Be in a room with this leg from now on, and with no other."""

    def leave(self) -> None:
        """Be in no room."""


Spawn = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


@dataclass(slots=True, eq=False)
class _Bridge:
    """One connection; `leg` is there once it has been connected."""

    room: str
    offer: BridgeOffer
    transport: BridgeTransport
    sources: tuple[Source, ...] = ()
    leg: BridgeLeg | None = None
    life: asyncio.Task[None] | None = None
    restarting: asyncio.Task[None] | None = None
    repaired: asyncio.Future[None] | None = None  # while it is interrupted
    patience: asyncio.TimerHandle | None = None  # while it lingers

    @property
    def session(self) -> str:
        return self.offer.session


class CallBridges:
    """The connections of `call`. `spawn` runs what takes time; `close` ends all of it."""

    def __init__(
        self,
        call: str,
        config: EngineConfig,
        conference: Conference,
        emit: Callable[[Event], None],
        spawn: Spawn,
    ) -> None:
        self._call = call
        self._config = config
        self._conference = conference
        self._emit = emit
        self._spawn = spawn
        self._bridges: dict[str, _Bridge] = {}  # by session
        self._in_use: _Bridge | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, room: str, offer: BridgeOffer) -> None:
        """Start making a connection; of the others only the one in use goes on."""
        for bridge in list(self._bridges.values()):
            if bridge is not self._in_use or bridge.session == offer.session:
                self._drop(bridge)
        transport = BridgeTransport(self._config.bridge_addresses)
        made = self._bridges[offer.session] = _Bridge(room, offer, transport)
        made.life = self._run(self._live(made))

    def read(self) -> list[Datagram]:
        """What has come from the bridge in use since the last time, still protected."""
        read = {bridge: bridge.transport.read() for bridge in self._bridges.values()}
        return read.get(self._in_use, []) if self._in_use is not None else []

    def add_candidates(self, session: str, candidates: tuple[IceCandidate, ...]) -> None:
        """More candidates of the videobridge."""
        bridge = self._bridges.get(session)
        if bridge is not None:
            self._run(bridge.transport.add_candidates(candidates))

    def restart_ice(self, session: str, remote: IceParameters) -> None:
        """The bridge has another ICE agent; the latest restart counts."""
        bridge = self._bridges.get(session)
        if bridge is None or bridge.leg is None:
            log.debug("no connection whose ICE could be restarted", session=session)
            return
        previous = bridge.restarting
        if previous is not None:
            previous.cancel()
        bridge.restarting = self._run(self._restart_ice(bridge, remote, previous))

    def set_sources(self, session: str, sources: tuple[Source, ...]) -> None:
        """All remote sources of a session; heard once it is in use."""
        bridge = self._bridges.get(session)
        if bridge is None:
            return
        bridge.sources = sources
        if bridge is self._in_use and bridge.leg is not None:
            self._conference.enter(bridge.room, bridge.leg, sources)

    def leave(self, session: str, linger: float) -> None:
        """Drop a connection; for `linger` seconds it may go on if it is in use."""
        bridge = self._bridges.get(session)
        if bridge is None:
            return
        if bridge is not self._in_use or linger <= 0:
            self._drop(bridge)
        elif bridge.patience is None:
            loop = asyncio.get_running_loop()
            bridge.patience = loop.call_later(linger, self._lost, bridge, "nothing has replaced it")

    async def close(self) -> None:
        """Drop every connection, and return when nothing is left of them."""
        for bridge in list(self._bridges.values()):
            self._drop(bridge)
        if self._tasks:
            await asyncio.wait(self._tasks)

    # The life of a connection.

    async def _live(self, bridge: _Bridge) -> None:
        """From our sockets to the loss of what they lead to."""
        transport, limit = bridge.transport, self._config.connect_within
        try:
            answer = await transport.open(bridge.offer)
            self._emit(BridgeOpened(self._call, bridge.session, answer))
            async with asyncio.timeout(limit):
                await transport.connect(bridge.offer)
            while True:
                self._use(bridge)
                reason = await transport.lost()
                if not transport.is_secured or bridge.patience is not None:
                    break
                await self._until_repaired(bridge, reason)
        except TransportError as error:
            reason = str(error)
        except TimeoutError:
            reason = f"not connected within {limit:g} s"
        except Exception:
            log.exception("bridge connection failed")
            reason = "internal error"
        finally:
            # Also where we are cancelled: then this has been done, and does nothing.
            self._forget(bridge)
            if bridge.restarting is not None:  # what it has opened it closes itself
                await asyncio.wait((bridge.restarting,))
            await transport.close()
        self._emit(BridgeLost(self._call, bridge.session, reason))

    async def _until_repaired(self, bridge: _Bridge, reason: str) -> None:
        """Be in no room until there is a path again. TransportError: there is none in time."""
        self._unuse(bridge)
        since = time.monotonic()
        bridge.repaired = asyncio.get_running_loop().create_future()
        self._emit(BridgeInterrupted(self._call, bridge.session, reason))
        try:
            async with asyncio.timeout(_REPAIR_WITHIN):
                await bridge.repaired
        except TimeoutError:
            raise TransportError(reason) from None
        finally:
            bridge.repaired = None
        assert bridge.leg is not None
        bridge.leg.absent(time.monotonic() - since)

    async def _restart_ice(
        self, bridge: _Bridge, remote: IceParameters, previous: asyncio.Task[None] | None
    ) -> None:
        if previous is not None:
            await asyncio.wait((previous,))
        transport = bridge.transport
        try:
            local = await transport.gather_again(remote.generation)
            self._emit(IceRestarted(self._call, bridge.session, local))
            await self._switch(transport, remote)
            log.info("ICE restarted", session=bridge.session, generation=remote.generation)
            if bridge.repaired is not None and not bridge.repaired.done():
                bridge.repaired.set_result(None)
            await asyncio.sleep(_OVERLAP)
        except TransportError as error:
            log.warning("ICE not restarted", session=bridge.session, error=str(error))
            if bridge.repaired is not None and not bridge.repaired.done():
                bridge.repaired.set_exception(TransportError(f"ICE not restarted: {error}"))
        finally:
            await transport.leave_former()

    async def _switch(self, transport: BridgeTransport, remote: IceParameters) -> None:
        within = self._config.connect_within
        try:
            async with asyncio.timeout(within):
                await transport.switch(remote)
        except TimeoutError:
            raise TransportError(f"no path within {within:g} s") from None

    def _use(self, bridge: _Bridge) -> None:
        """Let a connection carry the audio, in place of the one that did."""
        if bridge.leg is None:
            bridge.leg = self._make_leg(bridge)
        previous, self._in_use = self._in_use, bridge
        self._conference.enter(bridge.room, bridge.leg, bridge.sources)
        self._emit(BridgeConnected(self._call, bridge.session))
        if previous is not None:
            self._lost(previous, f"replaced by session {bridge.session}")

    def _make_leg(self, bridge: _Bridge) -> BridgeLeg:
        transport = bridge.transport
        assert transport.keys is not None
        return BridgeLeg(
            bridge.offer,
            transport,
            transport.keys.receiver,
            time.monotonic(),
            bitrate=self._config.bitrate,
            complexity=self._config.complexity,
        )

    def _lost(self, bridge: _Bridge, reason: str) -> None:
        self._drop(bridge)
        self._emit(BridgeLost(self._call, bridge.session, reason))

    def _drop(self, bridge: _Bridge) -> None:
        """Leave the room at once if it is in use; the connection is closed in its own time."""
        self._forget(bridge)
        if bridge.life is not None:
            bridge.life.cancel()

    def _forget(self, bridge: _Bridge) -> None:
        if self._bridges.get(bridge.session) is bridge:
            del self._bridges[bridge.session]
        self._unuse(bridge)
        if bridge.patience is not None:
            bridge.patience.cancel()
        if bridge.restarting is not None:
            bridge.restarting.cancel()

    def _unuse(self, bridge: _Bridge) -> None:
        if bridge is self._in_use:
            self._in_use = None
            self._conference.leave()

    def _run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = self._spawn(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
