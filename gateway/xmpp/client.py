"""XMPP over TCP with STARTTLS (RFC 6120), WebSocket (RFC 7395) or BOSH; only this imports slixmpp.

slixmpp connects, encrypts, logs in and binds. From then on stanzas pass by it, both ways: the
stream that a `SlixmppLink` is one link of counts them (XEP-0198). What slixmpp would leave behind
at the end (tasks, timers, its reconnecting) is owned and ended here.
"""

import asyncio
import logging
import re
import ssl
from contextlib import suppress
from typing import Any
from xml.etree.ElementTree import Element

import aiohttp
from slixmpp import ClientXMPP
from slixmpp.stanza import StreamFeatures
from slixmpp.xmlstream import StanzaBase, tostring
from slixmpp.xmlstream.xmlstream import NotConnectedError

from gateway.errors import RemoteProtocolError
from gateway.host_addresses import HOSTS
from gateway.xmpp import namespaces as ns
from gateway.xmpp.bosh import NoBosh
from gateway.xmpp.bosh_transport import BoshTransport
from gateway.xmpp.connection import (
    LOGIN_TIMEOUT,
    Connection,
    ConnectionFailed,
    FailureCause,
    Sink,
)
from gateway.xmpp.element import child, child_text, local_name
from gateway.xmpp.managed_stream import ManagedStream
from gateway.xmpp.reception import Reception
from gateway.xmpp.server import Server
from gateway.xmpp.websocket import MAX_FRAME, WebSocketTransport
from gateway.xmpp.whole_tags import WholeTags

# slixmpp logs every octet at DEBUG, passwords included, and logs as errors what is raised as
# ConnectionFailed here.
logging.getLogger("slixmpp").setLevel(logging.CRITICAL)

MAX_STANZA = MAX_FRAME
"""Octets of a stanza, as over WebSocket; and of all that is said before we are logged in."""

_MUCH = 1 << 14  # octets at once
_SECRET = re.compile(r"\b(token|previd)=[^&#\s'\"]+", re.IGNORECASE)
_CONNECT_TIMEOUT = 5.0  # for each address of a host; others may answer where one does not
_CLOSE_TIMEOUT = 1.0  # for each of: sending what is queued, the server's end of stream, its FIN
_STANZAS = frozenset(f"{{{ns.CLIENT}}}{name}" for name in ("iq", "message", "presence"))


async def connect(
    server: Server, reception: Reception, *, timeout: float = LOGIN_TIMEOUT
) -> Connection:
    """Log in to a server; ConnectionFailed if it is not possible within `timeout` seconds."""
    anonymous = server.account is None
    stream = stream_to(server, resumes=server.resumes)
    return await Connection.open(stream, reception, anonymous=anonymous, timeout=timeout)


def stream_to(server: Server, *, resumes: bool) -> ManagedStream:
    """A stream that is not open yet, and is or is not taken up again when its transport is lost."""

    def link(resumed: str | None) -> SlixmppLink:
        if resumed is None:
            return SlixmppLink(server, binds=True)
        again = server.renewed() if server.renewed is not None else server
        return SlixmppLink(again.resuming(resumed), binds=False)

    return ManagedStream(link, resumes=resumes)


class SlixmppLink:
    """A link over TCP or WebSocket (`gateway.xmpp.managed_stream.Link`)."""

    def __init__(self, server: Server, *, binds: bool) -> None:
        self._server = server
        self._binds = binds
        self._client: _Client | None = None

    @property
    def offers_management(self) -> bool:
        """Whether the server has XEP-0198."""
        return self._client is not None and self._client.offers_management

    async def open(self, sink: Sink) -> str:
        """Connect, log in and bind, or be ready to resume; the bound JID."""
        self._client = _Client(self._server, sink, binds=self._binds)
        return await self._client.log_in()

    def send(self, part: Element) -> None:
        """Send a child of the stream, or drop it if the transport is lost."""
        if self._client is not None:
            self._client.send_part(part)

    async def close(self) -> None:
        """End the stream and free everything it has, in at most about four seconds."""
        if self._client is not None:
            await self._client.end(_CLOSE_TIMEOUT)
            self._client = None

    async def break_off(self) -> None:
        """Free everything; the server is not told that this is the end of the stream."""
        if self._client is not None:
            await self._client.end(None)
            self._client = None


class _Client(ClientXMPP):
    def __init__(self, server: Server, sink: Sink, *, binds: bool) -> None:
        account = server.account
        self._tags = WholeTags()
        self._unended = 0  # octets since the end of the last stanza
        super().__init__(
            server.login_jid,
            account.password if account else "",
            plugin_config={
                "feature_mechanisms": {
                    "use_mech": None if account else "ANONYMOUS",
                    # Plain text has been allowed by name for such a server. PLAIN has not.
                    "unencrypted_scram": server.tls is None or server.is_web,
                },
            },
            # A context is made for every client that is given none, even if it will not use it.
            ssl_context=server.tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )
        self._server = server
        self._sink = sink
        self._binds = binds
        self._ending = False
        self.offers_management = False
        self._bound: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._gone = asyncio.Event()
        self._web: WebSocketTransport | BoshTransport | None = None
        self.enable_direct_tls = False
        # Within a WebSocket or HTTP the stream is plain: those are what TLS protects.
        self.enable_starttls = server.tls is not None and not server.is_web
        self.enable_plaintext = not self.enable_starttls
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

    def send_part(self, part: Element) -> None:
        with suppress(NotConnectedError):
            self.send_raw(tostring(part, xmlns=ns.CLIENT, stream=self, top_level=True))

    async def end(self, patience: float | None) -> None:
        """Free everything. With `patience` (seconds) the stream is ended before, if it can be."""
        self._ending = True
        connected = self.transport is not None
        try:
            if connected and patience is not None:
                await self.disconnect(wait=patience)
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
        if self._web is not None:
            await self._web.closed()

    # slixmpp's hooks

    async def _handle_stream_features(self, features: StreamFeatures) -> bool | None:
        self._own_current_task()
        return await super()._handle_stream_features(features)

    async def start_tls(self) -> bool:
        if self.transport is None or self.transport.is_closing():
            return False  # we have left meanwhile
        self._own_current_task()
        return await super().start_tls()

    async def _attempt_connection(
        self, host: str, port: int, tls: bool, server_hostname: str | None
    ) -> bool:
        self.event_when_connected = "connected"
        if not self._server.is_web:
            return await self._connect_tcp(host, port)
        try:
            web = self._web = await self._connect_web()
        except (aiohttp.ClientSSLError, ssl.SSLError) as error:
            self._distrusted(error)
        except (aiohttp.ClientError, OSError, NoBosh) as error:
            self.event("connection_failed", error)
        except RemoteProtocolError as error:
            self._fail(FailureCause.STREAM, str(error))
        else:
            self.connection_made(web)
            return True
        return False

    async def _connect_tcp(self, host: str, port: int) -> bool:
        # The loop would have one of its four threads wait for DNS: with DNS down logins would wait
        # for those before them, and for long after it is up again.
        failure: OSError | None = None
        try:
            for address in await HOSTS.of(host):
                try:
                    async with asyncio.timeout(_CONNECT_TIMEOUT):
                        await self.loop.create_connection(lambda: self, address, port)
                except OSError as error:  # TimeoutError is one
                    why = error.strerror or str(error) or "no answer"
                    failure = failure or OSError(f"{address}: {why}")
                else:
                    return True
        except OSError as error:
            failure = error
        self.event("connection_failed", failure or f"DNS knows no address of {host}")
        return False

    async def _connect_web(self) -> WebSocketTransport | BoshTransport:
        server = self._server
        if server.bosh is not None:
            bosh = BoshTransport(self, server.login_jid.rpartition("@")[2])
            await bosh.connect(server.bosh, server.tls)
            return bosh
        assert server.web_socket is not None
        web_socket = WebSocketTransport(self)
        await web_socket.connect(server.web_socket, server.tls)
        return web_socket

    def init_parser(self) -> None:
        self._tags.reset()
        super().init_parser()

    def data_received(self, data: bytes | str) -> None:
        octets = data.encode() if isinstance(data, str) else data
        self._unended += len(octets)
        whole = self._tags.feed(octets)
        if whole:
            super().data_received(whole)
        if self._unended > MAX_STANZA:
            self._fail(FailureCause.STREAM, f"more than {MAX_STANZA} octets")
            self.abort()
        elif self._web is None and self.transport is not None and len(octets) > _MUCH:
            # libuv would read up to 8 MiB in a row: others on the loop have their turn first.
            self.transport.pause_reading()
            self.loop.call_soon(self._read_on, self.transport)

    def _read_on(self, transport: asyncio.Transport) -> None:
        if not transport.is_closing():
            transport.resume_reading()

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
        if self._bound.done():
            self._unended = 0
        xml = stanza.xml
        if xml.tag == f"{{{ns.STREAM}}}error":
            # slixmpp would go where <see-other-host/> says.
            self._fail(FailureCause.STREAM, _condition(xml, ns.STREAM_ERRORS))
            return None
        if xml.tag == f"{{{ns.SASL}}}failure":
            condition = _condition(xml, ns.SASL)
            is_passing = condition.startswith("temporary-auth-failure")
            self._fail(FailureCause.STREAM if is_passing else FailureCause.LOGIN, condition)
            return None
        if xml.tag == f"{{{ns.STREAM}}}features":
            return self._features(stanza)
        # Requests are ours from the start: slixmpp would refuse them.
        is_ours = self._bound.done() or xml.get("type") in ("get", "set")
        if (xml.tag in _STANZAS and is_ours) or xml.tag.startswith(f"{{{ns.SM}}}"):
            if not self._ending:
                self._sink.received(xml)
            return None
        return stanza

    def _features(self, features: StanzaBase) -> StanzaBase | None:
        """What the server offers now: leave it to slixmpp, unless what comes next is ours."""
        if not self._is_protected(features.xml):
            self._fail(FailureCause.TLS, "the server does not offer STARTTLS")
            return None
        self.offers_management = child(features.xml, ns.SM, "sm") is not None
        if self.authenticated and not self._binds:
            if not self._bound.done():
                self._bound.set_result("")
            return None
        return features

    def _is_protected(self, features: Element) -> bool:
        """Whether the stream is, or is about to be, as safe as configured (RFC 6120 section 5)."""
        return (
            self._server.tls is None
            or self._server.is_web
            or "starttls" in self.features
            or child(features, ns.TLS, "starttls") is not None
        )

    def _started(self, _: object) -> None:
        if not self._bound.done():
            self._bound.set_result(self.boundjid.full)

    def _disconnected(self, reason: object) -> None:
        self._gone.set()
        if not self._bound.done():
            # A distrusted certificate may be told of here, or by its own event, or by both.
            is_tls = isinstance(reason, ssl.SSLError)
            cause = FailureCause.TLS if is_tls else FailureCause.STREAM
        else:  # slixmpp has a reason of its own if the stream has ended
            cause = FailureCause.CUT if self.disconnect_reason is None else FailureCause.STREAM
        self._fail(cause, str(reason or "the server closed the connection"))

    def _unreachable(self, reason: object) -> None:
        self.cancel_connection_attempt()  # or slixmpp would go on trying
        self._fail(FailureCause.UNREACHABLE, f"{self._server.place}: {reason}")

    def _distrusted(self, error: object) -> None:
        self._fail(FailureCause.TLS, str(error))

    def _no_mechanism(self, _: object) -> None:
        self._fail(FailureCause.LOGIN, "the server offers no mechanism that we may use")

    def _negotiated(self, _: object) -> None:
        if "mechanisms" not in self.features:
            self._fail(FailureCause.LOGIN, "the server offers no login without TLS")

    def _fail(self, cause: FailureCause, text: str) -> None:
        # An error of HTTP's names its URL, and a server may repeat what it was given.
        failure = ConnectionFailed(cause, _SECRET.sub(r"\1=...", text))
        if not self._bound.done():
            self._bound.set_exception(failure)
        elif not self._ending:
            self._sink.lost(failure)


def _condition(xml: Element, namespace: str) -> str:
    """The condition and the text of a stream error or a SASL failure."""
    conditions = (local_name(part) for part in xml if local_name(part) != "text")
    condition = next(conditions, "undefined-condition")
    text = child_text(xml, namespace, "text")
    return f"{condition}: {text}" if text else condition
