"""XMPP over TCP with STARTTLS (RFC 6120) or WebSocket (RFC 7395); only this imports slixmpp.

slixmpp connects, encrypts, logs in, binds and counts stanzas (XEP-0198). Once the session is up,
stanzas pass by its handlers: they go to the connection as they are. What slixmpp would leave
behind at the end (tasks, timers, its reconnecting) is owned and ended here.
"""

import asyncio
import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

import aiohttp
from slixmpp import ClientXMPP
from slixmpp.stanza import Iq, Message, Presence, StreamFeatures
from slixmpp.xmlstream import StanzaBase
from slixmpp.xmlstream.xmlstream import NotConnectedError

from gateway.xmpp import namespaces as ns
from gateway.xmpp.connection import (
    LOGIN_TIMEOUT,
    Connection,
    ConnectionFailed,
    FailureCause,
    Sink,
)
from gateway.xmpp.element import child, child_text, local_name
from gateway.xmpp.reception import Reception
from gateway.xmpp.websocket import WebSocketTransport
from gateway.xmpp.whole_tags import WholeTags

# slixmpp logs every octet at DEBUG, passwords included, and logs as errors what is raised as
# ConnectionFailed here.
logging.getLogger("slixmpp").setLevel(logging.CRITICAL)

_CLOSE_TIMEOUT = 1.0  # for each of: sending what is queued, the server's end of stream, its FIN
_STANZAS: dict[str, type[Iq] | type[Message] | type[Presence]] = {
    f"{{{ns.CLIENT}}}iq": Iq,
    f"{{{ns.CLIENT}}}message": Message,
    f"{{{ns.CLIENT}}}presence": Presence,
}


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the server; without one the login is anonymous."""

    jid: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Server:
    """An XMPP server: its domain, where it listens (the domain's host if None), how to trust it.

    `tls` is the context for STARTTLS or wss:, shared by all connections; None means plain text,
    which is for a server on the same machine. With `web_socket`, a URL, host and port do not
    matter.
    """

    domain: str
    tls: ssl.SSLContext | None
    host: str | None = None
    port: int = 5222
    account: Account | None = None
    web_socket: str | None = None

    def for_room(self, name: str, tenant: str | None = None) -> "Server":
        """As it is used for one room: the URL of a WebSocket names it (`?room=`).

        Jitsi's modules in Prosody know the room of a session by that, and its tenant: a web server
        in front of them takes that from the path (where the URL has `{tenant}`), Prosody itself
        from `prefix`.
        """
        if self.web_socket is None:
            return self
        url = self.web_socket.replace("{tenant}", f"/{quote(tenant)}" if tenant else "")
        query = f"room={quote(name)}"
        if tenant and url == self.web_socket:
            query += f"&prefix={quote(tenant)}"
        return replace(self, web_socket=f"{url}{'&' if '?' in url else '?'}{query}")


async def connect(
    server: Server, reception: Reception, *, timeout: float = LOGIN_TIMEOUT
) -> Connection:
    """Log in to a server; ConnectionFailed if it is not possible within `timeout` seconds."""
    anonymous = server.account is None
    return await Connection.open(
        SlixmppStream(server), reception, anonymous=anonymous, timeout=timeout
    )


class SlixmppStream:
    """A stream over TCP or WebSocket (`gateway.xmpp.connection.Stream`)."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: _Client | None = None

    async def open(self, sink: Sink) -> str:
        """Connect, log in and bind; the bound JID."""
        self._client = _Client(self._server, sink)
        return await self._client.log_in()

    def send(self, stanza: Element) -> None:
        """Send a stanza, or drop it if the stream has ended."""
        if self._client is not None:
            self._client.send_stanza(stanza)

    async def close(self) -> None:
        """End the stream and free everything it has, in at most about four seconds."""
        if self._client is not None:
            await self._client.end()
            self._client = None


class _Client(ClientXMPP):
    def __init__(self, server: Server, sink: Sink) -> None:
        account = server.account
        self._tags = WholeTags()
        super().__init__(
            account.jid if account else server.domain,
            account.password if account else "",
            plugin_config={
                "feature_mechanisms": {
                    "use_mech": None if account else "ANONYMOUS",
                    # Plain text has been allowed by name for such a server. PLAIN has not.
                    "unencrypted_scram": server.tls is None or server.web_socket is not None,
                },
                "xep_0198": {"allow_resume": False},
            },
            # A context is made for every client that is given none, even if it will not use it.
            ssl_context=server.tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )
        self._server = server
        self._sink = sink
        self._bound: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._gone = asyncio.Event()
        self._web_socket: WebSocketTransport | None = None
        self.enable_direct_tls = False
        # Within a WebSocket the stream is plain: the WebSocket is what TLS protects.
        self.enable_starttls = server.tls is not None and server.web_socket is None
        self.enable_plaintext = not self.enable_starttls
        self.register_plugin("xep_0198")
        # Filters run in the order they were added: XEP-0198 has counted what we take.
        self.add_filter("in", self._take)
        self.add_event_handler("session_start", self._started)
        self.add_event_handler("disconnected", self._disconnected)
        self.add_event_handler("connection_failed", self._unreachable)
        self.add_event_handler("ssl_invalid_chain", self._distrusted)
        self.add_event_handler("failed_all_auth", self._no_mechanism)
        self.add_event_handler("stream_negotiated", self._negotiated)

    async def log_in(self) -> str:
        host = self._server.host or self._server.domain
        self._tasks.add(self.connect(host, self._server.port))
        return await self._bound

    def send_stanza(self, stanza: Element) -> None:
        if self.transport is not None:
            # As slixmpp's own classes, which are what XEP-0198 counts.
            self.send(_STANZAS[stanza.tag](self, xml=stanza))

    async def end(self) -> None:
        connected = self.transport is not None
        try:
            if connected:
                await self.disconnect(wait=_CLOSE_TIMEOUT)
        finally:
            self.abort()
            self.cancel_connection_attempt()
            for timer in self.scheduled_events.values():
                timer.cancel()
            self.scheduled_events.clear()
            if self._run_out_filters is not None:
                self._tasks.add(self._run_out_filters)
            for task in self._tasks:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if connected:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT):
                    await self._gone.wait()
        if self._web_socket is not None:
            await self._web_socket.closed()

    # slixmpp's hooks

    async def _handle_stream_features(self, features: StreamFeatures) -> bool | None:
        self._own_current_task()
        return await super()._handle_stream_features(features)

    async def start_tls(self) -> bool:
        self._own_current_task()
        return await super().start_tls()

    async def _attempt_connection(
        self, host: str, port: int, tls: bool, server_hostname: str | None
    ) -> bool:
        url = self._server.web_socket
        if url is None:
            return await super()._attempt_connection(host, port, tls, server_hostname)
        self.event_when_connected = "connected"
        self._web_socket = WebSocketTransport(self)
        try:
            await self._web_socket.connect(url, self._server.tls)
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            self._distrusted(error)
        except (aiohttp.ClientError, OSError) as error:
            self.event("connection_failed", error)
        else:
            self.connection_made(self._web_socket)
            return True
        return False

    def init_parser(self) -> None:
        self._tags.reset()
        super().init_parser()

    def data_received(self, data: bytes | str) -> None:
        octets = data.encode() if isinstance(data, str) else data
        whole = self._tags.feed(octets)
        if whole:
            super().data_received(whole)

    def send_raw(self, data: str | bytes) -> None:
        if self.transport is not None and self.transport.is_closing():
            raise NotConnectedError
        super().send_raw(data)

    def disconnect(self, *args: Any, **keywords: Any) -> asyncio.Future[Any]:
        # slixmpp keeps no reference to what it starts here when the stream ends by itself.
        ending: asyncio.Future[Any] = super().disconnect(*args, **keywords)
        self._own(ending)
        return ending

    def exception(self, exception: Exception) -> None:
        self._fail(FailureCause.STREAM, f"slixmpp: {exception!r}")

    def _own_current_task(self) -> None:
        # slixmpp starts tasks for these and keeps no reference to them.
        task = asyncio.current_task()
        assert task is not None
        self._own(task)

    def _own(self, future: asyncio.Future[Any]) -> None:
        self._tasks.add(future)
        future.add_done_callback(self._tasks.discard)

    def _take(self, stanza: StanzaBase) -> StanzaBase | None:
        """Keep a stanza from slixmpp (None) or leave it to it."""
        xml = stanza.xml
        if xml.tag == f"{{{ns.STREAM}}}error":
            # slixmpp would go where <see-other-host/> says.
            self._fail(FailureCause.STREAM, _condition(xml, ns.STREAM_ERRORS))
            return None
        if xml.tag == f"{{{ns.SASL}}}failure":
            self._fail(FailureCause.LOGIN, _condition(xml, ns.SASL))
            return None
        if xml.tag == f"{{{ns.STREAM}}}features" and not self._is_protected(xml):
            self._fail(FailureCause.TLS, "the server does not offer STARTTLS")
            return None
        # Requests are ours from the start: slixmpp would refuse them.
        is_request = xml.get("type") in ("get", "set")
        if xml.tag in _STANZAS and (self._bound.done() or is_request):
            self._sink.received(xml)
            return None
        return stanza

    def _is_protected(self, features: Element) -> bool:
        """Whether the stream is, or is about to be, as safe as configured (RFC 6120 section 5)."""
        return (
            self._server.tls is None
            or self._server.web_socket is not None
            or "starttls" in self.features
            or child(features, ns.TLS, "starttls") is not None
        )

    def _started(self, _: object) -> None:
        if not self._bound.done():
            self._bound.set_result(self.boundjid.full)

    def _disconnected(self, reason: object) -> None:
        self._gone.set()
        # A distrusted certificate may be told of here, or by its own event, or by both.
        cause = FailureCause.TLS if isinstance(reason, ssl.SSLError) else FailureCause.STREAM
        self._fail(cause, str(reason or "the server closed the connection"))

    def _unreachable(self, reason: object) -> None:
        self.cancel_connection_attempt()  # or slixmpp would go on trying
        self._fail(FailureCause.UNREACHABLE, str(reason))

    def _distrusted(self, error: object) -> None:
        self._fail(FailureCause.TLS, str(error))

    def _no_mechanism(self, _: object) -> None:
        self._fail(FailureCause.LOGIN, "the server offers no mechanism that we may use")

    def _negotiated(self, _: object) -> None:
        if "mechanisms" not in self.features:
            self._fail(FailureCause.LOGIN, "the server offers no login without TLS")

    def _fail(self, cause: FailureCause, text: str) -> None:
        failure = ConnectionFailed(cause, text)
        if not self._bound.done():
            self._bound.set_exception(failure)
        else:
            self._sink.lost(failure)


def _condition(xml: Element, namespace: str) -> str:
    """The condition and the text of a stream error or a SASL failure."""
    conditions = (local_name(part) for part in xml if local_name(part) != "text")
    condition = next(conditions, "undefined-condition")
    text = child_text(xml, namespace, "text")
    return f"{condition}: {text}" if text else condition
