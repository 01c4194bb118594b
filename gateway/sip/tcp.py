"""SIP over TCP: a listener, its connections, and those it makes (RFC 3261 18.1.1, 18.2.2).

One connection carries messages both ways. It is closed when it is idle for long, when a message
on it takes too long to arrive, when its peer does not read, and when what comes on it cannot be
cut into messages.
"""

import asyncio
import itertools
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import structlog

from gateway.errors import SipSyntaxError
from gateway.sip.flow import Flow, HostPort, Transmission
from gateway.sip.framing import PING, PONG, StreamFramer

log = structlog.get_logger(__name__)

_MAX_WAITING = 64  # messages for one connection that is being made
_MAX_UNREAD = 1 << 18  # octets a peer may leave unread


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Bounds of a listener; times in seconds.

    `idle` is without any traffic, `message` from the first octet of a message to its last.
    """

    connections: int = 2000
    connections_per_host: int = 500
    idle: float = 7200.0
    message: float = 10.0
    connect: float = 5.0


class TcpConnection(asyncio.Protocol):
    """One connection; `flow` names it, once it is made."""

    def __init__(self, listener: "TcpListener", number: int) -> None:
        self.number = number
        self._listener = listener
        self._framer = StreamFramer()
        self._transport: asyncio.Transport
        self._deadline: asyncio.TimerHandle | None = None
        self.flow: Flow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's does not derive from it
        peer = transport.get_extra_info("peername")
        if peer is None:  # reset already, as port scanners do
            transport.abort()
            return
        self.flow = Flow("tcp", self._listener.address, (peer[0], peer[1]), self.number)
        self._transport = transport
        transport.set_write_buffer_limits(high=_MAX_UNREAD)
        if self._listener.opened(self):
            self._expect_until(self._listener.limits.idle)
        else:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        was_amid_message = self._framer.is_amid_message
        try:
            for message in self._framer.feed(data):
                was_amid_message = False
                if message == PING:
                    self._transport.write(PONG)
                else:
                    self._listener.on_message(message, self.flow)
        except SipSyntaxError as error:
            log.info("connection closed", peer=str(self.flow), reason=str(error))
            self.abort()
            return
        limits = self._listener.limits
        if not self._framer.is_amid_message:
            self._expect_until(limits.idle)
        elif not was_amid_message:
            self._expect_until(limits.message)

    def pause_writing(self) -> None:
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._listener.closed(self)

    def send(self, data: bytes) -> None:
        """Send a message."""
        self._transport.write(data)
        if not self._framer.is_amid_message:
            self._expect_until(self._listener.limits.idle)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def _expect_until(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(seconds, self.abort)


class TcpListener:
    """A listening socket with all connections to and from it. `close` it."""

    transport = "tcp"

    def __init__(
        self,
        limits: TcpLimits,
        *,
        on_message: Callable[[bytes, Flow], None],
        on_failed: Callable[[Transmission], None],
    ) -> None:
        self.limits = limits
        self.on_message = on_message
        self.address: HostPort = ("", 0)
        self._on_failed = on_failed
        self._numbers = itertools.count(1)
        self._by_number: dict[int, TcpConnection] = {}
        self._by_remote: dict[HostPort, TcpConnection] = {}
        self._per_host: Counter[str] = Counter()
        self._waiting: dict[HostPort, list[Transmission]] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._all_closed = asyncio.Event()
        self._all_closed.set()
        self._is_closing = False

    async def listen(self, address: HostPort) -> None:
        """Bind and listen; OSError if the address cannot be had."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._server = await loop.create_server(
            self._connection, address[0], address[1], family=family, reuse_address=True
        )
        host, port = self._server.sockets[0].getsockname()[:2]
        self.address = (host, port)

    async def close(self) -> None:
        """Stop listening and close every connection, those just being accepted too."""
        self._is_closing = True
        if self._server is not None:
            self._server.close()
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        for connection in tuple(self._by_number.values()):
            connection.abort()
        await self._all_closed.wait()
        if self._server is not None:
            await self._server.wait_closed()

    def send(self, transmission: Transmission) -> bool:
        """Send on the connection of the flow, else on one to the same address, else on a new one.

        False if it cannot be sent; if that shows later, `on_failed` is called.
        """
        flow, target = transmission.flow, transmission.fallback or transmission.flow.remote
        connection = (
            self._by_number.get(flow.connection)
            or self._by_remote.get(flow.remote)
            or self._by_remote.get(target)
        )
        if connection is not None:
            connection.send(transmission.data)
            return True
        return self._connect_and_send(target, transmission)

    # --- for its connections ---------------------------------------------------------------------

    def opened(self, connection: TcpConnection) -> bool:
        """Take a connection into the books; False if there are too many, or none are wanted."""
        flow = connection.flow
        if (
            self._is_closing
            or len(self._by_number) >= self.limits.connections
            or self._per_host[flow.remote[0]] >= self.limits.connections_per_host
        ):
            return False
        self._by_number[connection.number] = connection
        self._all_closed.clear()
        self._by_remote[flow.remote] = connection
        self._per_host[flow.remote[0]] += 1
        return True

    def closed(self, connection: TcpConnection) -> None:
        """Take a connection out of the books, if it was in them."""
        if self._by_number.pop(connection.number, None) is None:
            return
        flow = connection.flow
        if not self._by_number:
            self._all_closed.set()
        self._by_remote.pop(flow.remote, None)
        self._per_host -= Counter({flow.remote[0]: 1})  # drops hosts without connections

    def _connection(self) -> TcpConnection:
        return TcpConnection(self, next(self._numbers))

    # --- connections we make ---------------------------------------------------------------------

    def _connect_and_send(self, target: HostPort, transmission: Transmission) -> bool:
        waiting = self._waiting.get(target)
        if waiting is not None:
            if len(waiting) >= _MAX_WAITING:
                return False
            waiting.append(transmission)
            return True
        self._waiting[target] = [transmission]
        task = asyncio.get_running_loop().create_task(self._connect(target))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return True

    async def _connect(self, target: HostPort) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.limits.connect):
                _, connection = await loop.create_connection(self._connection, *target)
            if connection.number not in self._by_number:
                raise ConnectionError("too many connections")
        except OSError as error:  # TimeoutError is one
            log.info("connection failed", peer=target, reason=str(error) or "timeout")
            for transmission in self._waiting.pop(target):
                self._on_failed(transmission)
        else:
            for transmission in self._waiting.pop(target):
                connection.send(transmission.data)
