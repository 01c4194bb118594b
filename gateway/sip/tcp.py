"""SIP over TCP and TLS: a listener, its connections, and those it makes (RFC 3261 18.1.1, 18.2.2).

With certificates it is a listener of TLS. A connection that we make has to prove who the peer is;
one that is there is used again only for a peer that it has proved to be (RFC 5922, RFC 5923).
"""

import asyncio
import itertools
import socket
from collections import Counter
from collections.abc import Callable, Sequence

import structlog

from gateway.sip.flow import Flow, HostPort, Transmission, is_ipv6, literal_address
from gateway.sip.tcp_connection import TcpConnection, TcpLimits
from gateway.sip.tls import Certificates
from gateway.sip.tls_channel import TlsChannel
from gateway.sip.tls_names import prove
from gateway.sparse_lines import SparseLines

log = structlog.get_logger(__name__)

_MAX_WAITING = 64  # messages for one connection that is being made

_Way = tuple[HostPort, tuple[str, ...]]
"""Where a connection is made to, and one of which names the peer has to prove."""


class TcpListener:
    """A listening socket with all connections to and from it. `close` it.

    Where `is_stranger` says so, connections have less time, and there are fewer of them.
    `on_failed` hears what could not be sent, and whether it went by a connection that was in use
    before: the peer may have closed that as idle just then.
    """

    def __init__(
        self,
        limits: TcpLimits,
        *,
        on_message: Callable[[bytes, Flow], None],
        on_failed: Callable[[Transmission, bool], None],
        certificates: Certificates | None = None,
        is_stranger: Callable[[Flow], bool] = lambda flow: False,
    ) -> None:
        self.limits = limits
        self.is_stranger = is_stranger
        self.on_message = on_message
        self.transport = "tcp" if certificates is None else "tls"
        self.address: HostPort = ("", 0)
        self.closed_lines = SparseLines.one_a_second()
        self._on_failed = on_failed
        self._certificates = certificates
        self._numbers = itertools.count(1)
        self._by_number: dict[int, TcpConnection] = {}
        self._by_remote: dict[HostPort, TcpConnection] = {}  # those that can be used
        self._per_host: Counter[str] = Counter()
        self._strangers = 0
        self._handshakes: Counter[str] = Counter()  # of accepted connections, by host
        self._waiting: dict[_Way, list[Transmission]] = {}
        self._connecting: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._all_closed = asyncio.Event()
        self._all_closed.set()
        self._is_closing = False

    async def listen(self, address: HostPort) -> None:
        """Bind and listen; OSError if the address cannot be had."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if is_ipv6(address[0]) else socket.AF_INET
        self._server = await loop.create_server(
            self._accepted,
            address[0],
            address[1],
            family=family,
            reuse_address=True,
            # All phones may come back at once; whose SYN is dropped waits for a second.
            backlog=self.limits.connections,
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
            or self._proved(flow, flow.remote)
            or self._proved(flow, target)
        )
        if connection is not None:
            connection.send(transmission)
            return True
        return self._connect_and_send((target, self._expected(flow, target)), transmission)

    # --- for its connections ---------------------------------------------------------------------

    def opened(self, connection: TcpConnection) -> bool:
        """Take a connection into the books; False if there are too many, or none are wanted."""
        host = connection.flow.remote[0]
        limits = self.limits
        if self._is_closing or self._per_host[host] >= limits.connections_per_host:
            return False
        if len(self._by_number) >= limits.connections and not self._make_room(
            lambda each: not each.is_taken_up
        ):
            return False
        if connection.is_secure and not connection.is_ours:
            if self._handshakes[host] >= limits.handshakes_per_host:
                return False
            if self._handshakes.total() >= limits.handshakes and not self._make_room(
                lambda each: not each.is_established
            ):
                return False
            self._handshakes[host] += 1
        self._by_number[connection.number] = connection
        self._all_closed.clear()
        self._per_host[host] += 1
        return True

    def established(self, connection: TcpConnection) -> bool:
        """Use a connection from now on; False if it is one stranger too many."""
        self._end_handshake(connection)
        self._strangers += connection.is_stranger
        if self._strangers > self.limits.strangers and connection.is_stranger:
            return False
        self._by_remote[connection.flow.remote] = connection
        return True

    def closed(self, connection: TcpConnection, unheard: Sequence[Transmission]) -> None:
        """Take a connection out of the books, if it was in them; `unheard` are to be reported."""
        if self._by_number.pop(connection.number, None) is None:
            return
        self._strangers -= connection.is_stranger
        if not connection.is_established:
            self._end_handshake(connection)
        if not self._by_number:
            self._all_closed.set()
        remote = connection.flow.remote
        if self._by_remote.get(remote) is connection:
            del self._by_remote[remote]
        self._per_host -= Counter({remote[0]: 1})  # drops hosts without connections
        if not self._is_closing:
            for transmission in unheard:
                self._on_failed(transmission, connection.was_in_use)

    def _make_room(self, may_go: Callable[[TcpConnection], bool]) -> bool:
        """Close the oldest connection of a peer's that may go; False if none may."""
        theirs = (each for each in self._by_number.values() if not each.is_ours)
        oldest = next(filter(may_go, theirs), None)
        if oldest is None:
            return False
        oldest.abort()
        self.closed(oldest, ())
        return True

    def _end_handshake(self, connection: TcpConnection) -> None:
        if connection.is_secure and not connection.is_ours:
            self._handshakes -= Counter({connection.flow.remote[0]: 1})

    def _accepted(self) -> TcpConnection:
        channel = None
        if self._certificates is not None:
            channel = TlsChannel(self._certificates.server, is_server=True)
        return TcpConnection(self, next(self._numbers), channel)

    # --- connections we make ---------------------------------------------------------------------

    def _proved(self, flow: Flow, remote: HostPort) -> TcpConnection | None:
        """The connection to an address, if the peer there is whom the flow is for."""
        connection = self._by_remote.get(remote)
        if connection is None or not self._is_proof(connection, self._expected(flow, remote)):
            return None
        return connection

    def _expected(self, flow: Flow, target: HostPort) -> tuple[str, ...]:
        """One of which names a peer has to prove: what was asked for, or what it had proved."""
        if self._certificates is None or not self._certificates.verifies_servers:
            return ()
        return ((flow.server_name,) if flow.server_name else flow.certificate_names) or target[:1]

    def _is_proof(self, connection: TcpConnection, expected: tuple[str, ...]) -> bool:
        names = connection.flow.certificate_names
        return not expected or any(prove(names, name) or name in names for name in expected)

    def _connect_and_send(self, way: _Way, transmission: Transmission) -> bool:
        waiting = self._waiting.get(way)
        if waiting is not None:
            if len(waiting) >= _MAX_WAITING:
                return False
            waiting.append(transmission)
            return True
        self._waiting[way] = [transmission]
        task = asyncio.get_running_loop().create_task(self._connect(way, transmission.flow))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return True

    async def _connect(self, way: _Way, flow: Flow) -> None:
        target, expected = way
        try:
            async with asyncio.timeout(self.limits.connect):
                connection = await self._connected(target, flow)
            if not self._is_proof(connection, expected):
                connection.abort()
                names = ", ".join(connection.flow.certificate_names) or "nobody"
                raise ConnectionError(f"its certificate is for {names}, not {expected[0]}")
        # TimeoutError is an OSError; a name that cannot be asked for in TLS is a ValueError.
        except (OSError, ValueError) as error:
            log.info("connection failed", peer=target, reason=str(error) or "timeout")
            for transmission in self._waiting.pop(way):
                self._on_failed(transmission, False)
        else:
            for transmission in self._waiting.pop(way):
                connection.send(transmission)

    async def _connected(self, target: HostPort, flow: Flow) -> TcpConnection:
        """A connection that can be used; OSError if there is none."""
        loop = asyncio.get_running_loop()
        channel = None
        if self._certificates is not None:
            name = next(iter(self._names_to_ask(flow)), None)
            channel = TlsChannel(self._certificates.client, is_server=False, server_name=name)
        established = loop.create_future()
        established.add_done_callback(lambda it: it.cancelled() or it.exception())  # seen by all
        connection = TcpConnection(self, next(self._numbers), channel, established)
        try:
            # From where we listen, as over UDP: by that address trunks know us.
            own = (self.address[0], 0)
            await loop.create_connection(lambda: connection, *target, local_addr=own)
            await established
        except BaseException:
            connection.abandon()
            raise
        return connection

    @staticmethod
    def _names_to_ask(flow: Flow) -> list[str]:
        """The domains a peer may be, for SNI (RFC 6066 3: no addresses)."""
        names = (flow.server_name,) if flow.server_name else flow.certificate_names
        return [
            name
            for name in names
            if ":" not in name and "*" not in name and literal_address(name) is None
        ]
