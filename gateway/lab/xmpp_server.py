"""The lab's XMPP server: sockets for sessions, and the clock that sessions need.

Each connection is one coroutine. What it receives is routed by the host; what the host delivers is
written at once.
"""

import asyncio
import contextlib
import ssl
import time
from xml.etree.ElementTree import Element

from gateway.lab.nuisances import Nuisances
from gateway.lab.violation import Blame, Step
from gateway.lab.xmpp_host import XmppHost
from gateway.lab.xmpp_login import LoginRules
from gateway.lab.xmpp_session import XmppSession

_READ = 65536
_LOGIN_TIMEOUT = 30.0  # seconds until a resource must be bound
_CLOSE_TIMEOUT = 1.0
_MAX_UNSENT = 8 << 20  # octets; a client that reads so slowly is dropped


class XmppServer:
    """`start` and `close` belong together; `handle_timer` wants to be called often.

    `read_rate` throttles reading to so many octets a second, as mod_limits does (rule 3);
    `nuisances` bothers clients with what they must be able to bear (rule 3).
    """

    def __init__(
        self,
        host: XmppHost,
        rules: LoginRules,
        *,
        tls: ssl.SSLContext | None,
        blame: Blame,
        step: Step,
        read_rate: int | None = None,
        nuisances: Nuisances | None = None,
    ) -> None:
        self._host = host
        self._rules = rules
        self._tls = tls
        self._blame = blame
        self._step = step
        self._read_rate = read_rate
        self._nuisances = nuisances
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], _Connection] = {}

    async def start(self, host: str, port: int = 0) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, host, port)

    @property
    def address(self) -> tuple[str, int]:
        """Where the server listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def session_count(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    async def close(self) -> None:
        """End all streams and stop listening."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections.values():
            connection.session.fail("system-shutdown")
            connection.flush()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    def handle_timer(self, now: float) -> None:
        """Acknowledgements that never come, and nuisances."""
        for connection in list(self._connections.values()):
            connection.session.handle_timer(now)
            connection.flush()
            if connection.session.closed:
                connection.abort()
        if self._nuisances is not None:
            self._nuisances.handle_timer(now)

    def drop(self, jid: str) -> None:
        """Break a client's connection, without a word. KeyError if it has none."""
        for connection in self._connections.values():
            if connection.session.jid == jid:
                connection.abort()
                return
        raise KeyError(jid)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connection = _Connection(XmppSession(self._rules, self._blame), writer)
        self._connections[task] = connection
        try:
            async with asyncio.timeout(_LOGIN_TIMEOUT) as patience:
                await self._converse(connection, reader, patience)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass  # the client is gone, whatever the reason
        finally:
            del self._connections[task]
            self._gone(connection)
            await connection.close()

    async def _converse(
        self, connection: "_Connection", reader: asyncio.StreamReader, patience: asyncio.Timeout
    ) -> None:
        session = connection.session
        registered = False
        while not session.closed:
            data = await reader.read(_READ)
            if not data:
                return
            now = time.monotonic()
            stanzas = session.receive(data, now)
            if session.jid and not registered:
                registered = True
                patience.reschedule(None)
                self._arrived(connection, now)
            for stanza in stanzas:
                self._received(stanza, now)
            connection.flush()
            if session.wants_tls:
                assert self._tls is not None
                await connection.writer.start_tls(self._tls)
                session.encrypted()
            if self._read_rate is not None:
                await asyncio.sleep(len(data) / self._read_rate)

    def _arrived(self, connection: "_Connection", now: float) -> None:
        session = connection.session
        self._host.add_entity(session.jid, connection.deliver)
        self._step(session.jid, "is logged in")
        if self._nuisances is not None:
            self._nuisances.add(session.jid, connection.send_whitespace, now)

    def _received(self, stanza: Element, now: float) -> None:
        if self._nuisances is None or not self._nuisances.take_answer(stanza):
            self._host.send(stanza, now)

    def _gone(self, connection: "_Connection") -> None:
        jid = connection.session.jid
        if jid:
            self._host.remove_entity(jid, time.monotonic())
            self._step(jid, "is disconnected")
            if self._nuisances is not None:
                self._nuisances.remove(jid)


class _Connection:
    """A session and where it is written to."""

    def __init__(self, session: XmppSession, writer: asyncio.StreamWriter) -> None:
        self.session = session
        self.writer = writer

    def deliver(self, stanza: Element, now: float) -> None:
        """Send a stanza to the client."""
        self.session.send(stanza, now)
        self.flush()

    def send_whitespace(self) -> None:
        """Send a space."""
        self.session.send_whitespace()
        self.flush()

    def flush(self) -> None:
        """Write what the session has to say."""
        data = self.session.take_outgoing()
        if not data or self.writer.is_closing():
            return
        self.writer.write(data)
        if self.writer.transport.get_write_buffer_size() > _MAX_UNSENT:
            self.abort()

    def abort(self) -> None:
        """Close the socket at once."""
        self.writer.transport.abort()

    async def close(self) -> None:
        """End the stream; a client that does not take part is left after a second."""
        self.session.end()
        with contextlib.suppress(OSError, TimeoutError):
            self.flush()
            self.writer.close()
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self.writer.wait_closed()
        self.writer.transport.abort()
