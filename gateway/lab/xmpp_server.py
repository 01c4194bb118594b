"""The lab's XMPP server: sockets for sessions, and the clock that sessions need.

Each connection is one coroutine. What it receives is routed by the host; what the host delivers is
written at once.
"""

import asyncio
import ssl
import time
from xml.etree.ElementTree import Element

from aiohttp import web

from gateway.lab.nuisances import Nuisances
from gateway.lab.rate_limit import JoinQueue, RateLimiter, SessionLimit, is_join
from gateway.lab.refusal import refuse
from gateway.lab.stream_management import KeptStreams
from gateway.lab.token_rules import ANY
from gateway.lab.violation import Blame, Step
from gateway.lab.xmpp_connection import Connection, TcpConnection, WebSocketConnection
from gateway.lab.xmpp_host import XmppHost
from gateway.lab.xmpp_login import LoginRules, Visit
from gateway.lab.xmpp_session import XmppSession
from gateway.xmpp.jid import bare, local
from gateway.xmpp.websocket_framing import SUBPROTOCOL

WEB_SOCKET_PATH = "/xmpp-websocket"
_LOGIN_TIMEOUT = 30.0  # seconds until a resource must be bound
_CLOSE_TIMEOUT = 1.0


class XmppServer:
    """`start` and `close` belong together; `handle_timer` wants to be called often.

    `read_rate` throttles reading to so many octets a second, as mod_limits does (rule 3);
    `nuisances` bothers clients with what they must be able to bear (rule 3); `limiter` and `joins`
    slow down who is in too much of a hurry. Tokens are for rooms of the `muc_domain`.
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
        muc_domain: str = "",
        limiter: RateLimiter | None = None,
        joins: JoinQueue | None = None,
    ) -> None:
        self.streams = KeptStreams()
        self._host = host
        self._rules = rules
        self._tls = tls
        self._blame = blame
        self._step = step
        self._read_rate = read_rate
        self._nuisances = nuisances
        self._muc_domain = muc_domain
        self._limiter = limiter
        self._joins = joins
        self._server: asyncio.Server | None = None
        self._web: web.AppRunner | None = None
        self._connections: dict[asyncio.Task[None], Connection] = {}

    async def start(self, host: str, port: int = 0, web_port: int = 0) -> None:
        """Listen, for TCP and for WebSockets."""
        self._server = await asyncio.start_server(self._serve_tcp, host, port)
        application = web.Application()
        application.router.add_get(WEB_SOCKET_PATH, self._serve_web_socket)
        self._web = web.AppRunner(application, access_log=None, shutdown_timeout=_CLOSE_TIMEOUT)
        await self._web.setup()
        await web.TCPSite(self._web, host, web_port, ssl_context=self._tls).start()

    @property
    def address(self) -> tuple[str, int]:
        """Where the server listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    @property
    def web_socket_url(self) -> str:
        """Where the server takes WebSockets."""
        assert self._web is not None
        host, port = self._web.addresses[0][:2]
        return f"{'ws' if self._tls is None else 'wss'}://{host}:{port}{WEB_SOCKET_PATH}"

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
        if self._web is not None:
            await self._web.cleanup()

    def handle_timer(self, now: float) -> None:
        """Acknowledgements and clients that do not come, nuisances, and who waits to join."""
        for connection in list(self._connections.values()):
            connection.session.handle_timer(now)
            connection.flush()
            if connection.session.closed:
                connection.abort()
        for kept in self.streams.expire(now):
            self._host.remove_entity(kept.jid, now)
            self._step(kept.jid, "has not come back")
        if self._joins is not None:
            for stanza in self._joins.handle_timer(now):
                self._host.send(stanza, now)
        if self._nuisances is not None:
            self._nuisances.handle_timer(now)

    def drop(self, jid: str) -> None:
        """Break a client's connection, without a word. KeyError if it has none."""
        for connection in self._connections.values():
            if connection.session.jid == jid:
                connection.abort()
                return
        raise KeyError(jid)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = Visit(address=writer.get_extra_info("peername")[0])
        session = XmppSession(self._rules, self._blame, self.streams, visit)
        await self._serve(TcpConnection(session, reader, writer), visit)

    async def _serve_web_socket(self, request: web.Request) -> web.WebSocketResponse:
        wanted = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        if SUBPROTOCOL not in (each.strip() for each in wanted):
            raise web.HTTPNotImplemented  # Prosody's answer
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,))
        await socket.prepare(request)
        visit = _visit(request)
        session = XmppSession(self._rules, self._blame, self.streams, visit)
        if self._tls is not None:
            session.encrypted()  # all of the WebSocket is
        self._step("server", f"a WebSocket for room {request.query.get('room')!r}")
        await self._serve(WebSocketConnection(session, socket, request, self._blame), visit)
        return socket

    async def _serve(self, connection: Connection, visit: Visit) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = connection
        limit = None
        if self._limiter is not None:
            limit = self._limiter.arrived(visit.address, time.monotonic())
        try:
            async with asyncio.timeout(_LOGIN_TIMEOUT) as patience:
                await self._converse(connection, patience, limit)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass  # the client is gone, whatever the reason
        finally:
            del self._connections[task]
            self._gone(connection)
            await connection.close()

    async def _converse(
        self, connection: Connection, patience: asyncio.Timeout, limit: SessionLimit | None
    ) -> None:
        session = connection.session
        registered = False
        while not session.closed:
            data = await connection.read()
            if not data:
                return
            now = time.monotonic()
            stanzas = session.receive(data, now)
            if session.jid and not registered:
                registered = True
                patience.reschedule(None)
                self._arrived(connection, now)
            for stanza in stanzas:
                if limit is not None:
                    limit.count(stanza, now)
                self._received(session, stanza, now)
            connection.flush()
            if session.wants_tls:
                assert self._tls is not None
                await connection.start_tls(self._tls)
                session.encrypted()
            if self._read_rate is not None:
                await asyncio.sleep(len(data) / self._read_rate)
            if limit is not None:
                await asyncio.sleep(limit.pause(len(data), now))

    def _arrived(self, connection: Connection, now: float) -> None:
        session = connection.session

        def deliver(stanza: Element, now: float) -> None:
            session.send(stanza, now)
            connection.flush()

        def send_whitespace() -> None:
            session.send_whitespace()
            connection.flush()

        is_back = session.jid in self._host.entities
        self._host.add_entity(session.jid, deliver)
        self._host.know(session.jid, room=session.asked_room, moderates=session.moderates)
        self._step(session.jid, "is back" if is_back else "is logged in")
        if self._nuisances is not None:
            self._nuisances.add(session.jid, send_whitespace, now)

    def _received(self, session: XmppSession, stanza: Element, now: float) -> None:
        if self._nuisances is not None and self._nuisances.take_answer(stanza):
            return
        if is_join(stanza, self._muc_domain):
            room = bare(stanza.get("to", ""))
            if session.token_room not in (ANY, local(room)):  # mod_token_verification
                text = "Room and token mismatched"
                refusal = refuse(stanza, "cancel", "not-allowed", text, by=room)
                self._host.send(refusal, now)
                return
        if self._joins is None or self._joins.admits(stanza, now):
            self._host.send(stanza, now)

    def _gone(self, connection: Connection) -> None:
        session, now = connection.session, time.monotonic()
        if not session.jid or session.is_taken_over:
            return
        if self._nuisances is not None:
            self._nuisances.remove(session.jid)
        if session.kept is not None:
            self.streams.hibernate(session.kept, now)
            self._host.add_entity(session.jid, session.kept.hold)
            self._step(session.jid, "is cut off, and kept for a while")
            session.kept = None
        else:
            self._host.remove_entity(session.jid, now)
            self._step(session.jid, "is disconnected")


def _visit(request: web.Request) -> Visit:
    """What the URL of a WebSocket says; its token counts before that of a header."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    token = request.query.get("token") or (bearer if scheme == "Bearer" else None)
    previd, room = request.query.get("previd"), request.query.get("room")
    return Visit(request.remote or "", previd, token, room)
