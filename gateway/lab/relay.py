"""A bad network between two UDP sockets: loses, delays, doubles and reorders, with a seed.

A relay stands where the target would: whoever sends to `address` is passed on from a socket of its
own, and what comes back there goes back to it, as through a NAT.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from gateway.lab.weather import Forecast, Weather

Address = tuple[str, int]

_MAX_PEERS = 64


class LossyRelay:
    """Passes datagrams on to `target` and back; `start` and `close` it."""

    def __init__(self, target: Address, there: Weather, back: Weather, *, seed: int = 1) -> None:
        self.target = target
        self.lost = 0
        self.passed = 0
        dice = random.Random(seed)
        self._there = Forecast(there, dice)
        self._back = Forecast(back, dice)
        self._front: _Socket | None = None
        self._peers: dict[Address, _Socket] = {}
        self._opening: dict[Address, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending: set[asyncio.TimerHandle] = set()

    async def start(self, host: str) -> Address:
        """Open the relay on `host`; where to send instead of to the target."""
        self._front = await _Socket.open(host, self._from_outside)
        return self._front.address

    async def close(self) -> None:
        """Close everything; what is under way is lost."""
        for timer in self._pending:
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for opened in (*self._peers.values(), self._front):
            if opened is not None:
                opened.close()
        await asyncio.sleep(0)

    def _from_outside(self, data: bytes, source: Address) -> None:
        peer = self._peers.get(source)
        if peer is not None:
            self._carry(self._there, peer, data, self.target)
        elif source in self._opening:
            self._opening[source].append(data)
        elif len(self._peers) < _MAX_PEERS:
            self._opening[source] = [data]
            task = asyncio.create_task(self._open(source))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _open(self, source: Address) -> None:
        def back(data: bytes, _: Address) -> None:
            assert self._front is not None
            self._carry(self._back, self._front, data, source)

        assert self._front is not None
        peer = await _Socket.open(self._front.address[0], back)
        self._peers[source] = peer
        for data in self._opening.pop(source):
            self._carry(self._there, peer, data, self.target)

    def _carry(self, forecast: Forecast, by: "_Socket", data: bytes, to: Address) -> None:
        delays = forecast.delays()
        self.lost += not delays
        self.passed += bool(delays)
        for delay in delays:
            self._send_after(delay, by, data, to)

    def _send_after(self, delay: float, by: "_Socket", data: bytes, to: Address) -> None:
        if not delay:
            by.send(data, to)
            return

        def send() -> None:
            self._pending.discard(timer)
            by.send(data, to)

        timer = asyncio.get_running_loop().call_later(delay, send)
        self._pending.add(timer)


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, receive: Callable[[bytes, Address], None]) -> None:
        self._receive = receive
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def open(cls, host: str, receive: Callable[[bytes, Address], None]) -> "_Socket":
        loop = asyncio.get_running_loop()
        transport, made = await loop.create_datagram_endpoint(
            lambda: cls(receive), local_addr=(host, 0)
        )
        made._transport = transport
        return made

    @property
    def address(self) -> Address:
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    def send(self, data: bytes, to: Address) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, to)

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._receive(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """Nobody listens at the other end; that is its business."""
