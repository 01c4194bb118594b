"""One logged-in XMPP stream: requests find their answers, everything else is read and queued.

How the stream is transported is behind `Stream`. A connection ends once: by `close`, or with the
`ConnectionFailed` that every later request and `receive` raises.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol
from xml.etree.ElementTree import Element

import structlog

from gateway.errors import RemoteProtocolError
from gateway.xmpp import namespaces as ns
from gateway.xmpp import stanza as stanzas
from gateway.xmpp.element import Printed, element, local_name
from gateway.xmpp.jid import endpoint_id, resource
from gateway.xmpp.outgoing import Outgoing
from gateway.xmpp.reception import Received, Reception
from gateway.xmpp.stanza import NoReply, StanzaError

log = structlog.get_logger(__name__)

LOGIN_TIMEOUT = 15.0
REQUEST_TIMEOUT = 15.0  # Jicofo may take that long over one
MAX_UNREAD = 4096  # stanzas; a room of a thousand tells of all of them at once

_PING_INTERVAL = 10.0
_PING_TIMEOUT = 5.0
_PING_MISSES = 2


class FailureCause(StrEnum):
    """Why there is no connection, or no longer."""

    UNREACHABLE = "unreachable"  # no such host, no route, nothing listens
    TLS = "tls"  # the server has no TLS, or its certificate is not to be trusted
    LOGIN = "login"  # our credentials are refused, or no mechanism is common
    TIMEOUT = "timeout"  # the server takes too long to let us in
    STREAM = "stream"  # the server ended the stream
    CUT = "cut"  # the transport broke off, and the stream had not ended
    SILENT = "silent"  # pings are not answered
    OVERRUN = "overrun"  # stanzas come faster than we can read them
    CLOSED = "closed"  # we ended it


class ConnectionFailed(RemoteProtocolError):
    """The XMPP server cannot be used; `cause` says at which point it went wrong."""

    def __init__(self, cause: FailureCause, text: str) -> None:
        super().__init__(f"{cause}: {text}")
        self.cause = cause
        self.text = text


class Sink(Protocol):
    """Where a stream brings what it receives."""

    def received(self, stanza: Element) -> None: ...

    def lost(self, failure: ConnectionFailed) -> None: ...


class Stream(Protocol):
    """An XMPP stream over some transport."""

    async def open(self, sink: Sink) -> str:
        """Connect, log in and bind; the bound JID. ConnectionFailed if that is not possible."""

    def send(self, stanza: Element) -> None:
        """Send a stanza, or drop it if the stream has ended."""

    def suspect(self, failure: ConnectionFailed) -> None:
        """The server does not answer: the stream is lost, unless it can be taken up again."""

    @property
    def is_up(self) -> bool:
        """Whether the server is there to be talked to, as far as we know: else it is sought."""

    async def until_up(self) -> None:
        """Wait for that; without end if the stream is lost for good."""

    async def close(self) -> None:
        """End the stream and free everything it has, in a bounded time."""


class Connection:
    """A stream in use by one participant. Make it with `open`; `close` it always.

    `jid` is the bound JID, `nick` the endpoint id that goes with it. `unreadable` counts stanzas
    that made no sense.
    """

    def __init__(self, stream: Stream, reception: Reception) -> None:
        self.jid = ""
        self.nick = ""
        self.unreadable = 0
        self._stream = stream
        self._reception = reception
        self._unread: asyncio.Queue[Received | None] = asyncio.Queue()
        self._put_back: deque[Received] = deque()
        self._pending: dict[str, tuple[str, asyncio.Future[Element]]] = {}
        self._failure: ConnectionFailed | None = None
        self._keep_alive: asyncio.Task[None] | None = None
        self._outgoing = Outgoing()
        self._next_turn: asyncio.TimerHandle | None = None

    @classmethod
    async def open(
        cls,
        stream: Stream,
        reception: Reception,
        *,
        anonymous: bool,
        timeout: float = LOGIN_TIMEOUT,
    ) -> "Connection":
        """Log in within `timeout` seconds; ConnectionFailed, with nothing left open, otherwise."""
        connection = cls(stream, reception)
        try:
            async with asyncio.timeout(timeout):
                connection.jid = await stream.open(connection)
        except TimeoutError:
            await stream.close()
            text = f"no login within {timeout:g} s"
            raise ConnectionFailed(FailureCause.TIMEOUT, text) from None
        except BaseException:
            await stream.close()
            raise
        connection.nick = endpoint_id(connection.jid, anonymous=anonymous)
        connection._keep_alive = asyncio.create_task(connection._ping(), name="xmpp keep-alive")
        return connection

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended, by whichever side."""
        return self._failure is not None

    @property
    def is_up(self) -> bool:
        """Whether anything can come. If not, the stream is being resumed, or lost."""
        return self._stream.is_up

    async def until_up(self) -> None:
        """Wait for that; without end if the connection is lost, which `receive` tells."""
        await self._stream.until_up()

    def send(self, stanza: Element) -> None:
        """Send a stanza that has no answer; nothing happens after the connection's end.

        It leaves after those of its kind before it, and a moment later if there were too many.
        An IQ to somebody who is neither the focus nor a server waits for all others, and is left
        out if many such wait: who floods us with requests must not delay what the call lives on.
        """
        if self._failure is not None:
            return
        if self._is_courtesy(stanza):
            self._outgoing.put_courtesy(stanza)
        else:
            self._outgoing.put(stanza)
        self._send_due()

    async def request(
        self,
        to: str,
        payload: Element,
        *,
        type_: str = "set",
        timeout: float = REQUEST_TIMEOUT,
    ) -> Element:
        """Send an IQ and wait for its result, the whole stanza.

        StanzaError if it is refused, NoReply after `timeout` seconds, ConnectionFailed if the
        connection ends first.
        """
        if self._failure is not None:
            raise self._failure
        iq = stanzas.iq(type_, to, payload)
        id_ = iq.attrib["id"]
        answer: asyncio.Future[Element] = asyncio.get_running_loop().create_future()
        self._pending[id_] = (to, answer)
        try:
            self._outgoing.put(iq)
            self._send_due()
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise NoReply(f"{to} did not answer within {timeout:g} s") from None
        finally:
            del self._pending[id_]

    async def receive(self) -> Received:
        """The next thing the server told us; ConnectionFailed once there will be nothing more."""
        if self._put_back:
            return self._put_back.popleft()
        if self._failure is None or not self._unread.empty():
            received = await self._unread.get()
            if received is not None:
                return received
        assert self._failure is not None
        raise self._failure

    def put_back(self, received: Sequence[Received]) -> None:
        """Let all these be received again, before anything else: they are for somebody else."""
        self._put_back.extendleft(reversed(received))

    async def close(self) -> None:
        """End the connection. Stanzas sent before are delivered first if the server is well."""
        try:
            if self._failure is None:
                self._send(self._outgoing.rest())
            if self._keep_alive is not None:
                self._keep_alive.cancel()
                await asyncio.gather(self._keep_alive, return_exceptions=True)
        finally:
            await self._stream.close()
            self.lost(ConnectionFailed(FailureCause.CLOSED, "we have closed it"))

    # The stream's side

    def received(self, stanza: Element) -> None:
        """A stanza has come: give it to who asked for it, or answer, read and queue it."""
        log.debug("stanza received", xml=Printed(stanza))
        if stanza.tag == f"{{{ns.CLIENT}}}iq" and stanza.get("type") in ("result", "error"):
            self._answered(stanza)
            return
        try:
            answer, received = self._reception.receive(stanza)
        except RemoteProtocolError as error:
            self.unreadable += 1
            log.debug("stanza not understood", error=str(error))
            return
        if answer is not None:
            self.send(answer)
        if received is None or self._failure is not None:
            return
        if self._unread.qsize() >= MAX_UNREAD:
            self.lost(ConnectionFailed(FailureCause.OVERRUN, f"{MAX_UNREAD} stanzas unread"))
            return
        self._unread.put_nowait(received)

    def lost(self, failure: ConnectionFailed) -> None:
        """The connection has ended; only the first word about it counts."""
        if self._failure is not None:
            return
        self._failure = failure
        self._unread.put_nowait(None)
        if self._next_turn is not None:
            self._next_turn.cancel()
        for _, answer in self._pending.values():
            if not answer.done():
                answer.set_exception(failure)

    def _is_courtesy(self, stanza: Element) -> bool:
        to = stanza.get("to", "")
        return local_name(stanza) == "iq" and bool(resource(to)) and to != self._reception.focus

    def _send_due(self) -> None:
        loop = asyncio.get_running_loop()
        self._send(self._outgoing.due(loop.time()))
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        wait = self._outgoing.wait(loop.time())
        if wait is not None:
            self._next_turn = loop.call_later(wait, self._send_due)

    def _send(self, stanzas_: Iterable[Element]) -> None:
        for stanza in stanzas_:
            log.debug("stanza sent", xml=Printed(stanza))
            self._stream.send(stanza)

    def _answered(self, stanza: Element) -> None:
        to, answer = self._pending.get(stanza.get("id", ""), ("", None))
        # Without a sender it is from the server itself; anybody else's id is a forgery.
        if answer is None or answer.done() or stanza.get("from") not in (to, None):
            return
        if stanza.get("type") == "error":
            answer.set_exception(StanzaError.parse(stanza))
        else:
            answer.set_result(stanza)

    async def _ping(self) -> None:
        """Find out within half a minute that the server is gone (XEP-0199)."""
        domain = self.jid.partition("@")[2].partition("/")[0]
        silent = ConnectionFailed(FailureCause.SILENT, f"{_PING_MISSES} pings unanswered")
        misses = 0
        while True:
            await asyncio.sleep(_PING_INTERVAL)
            try:
                ping = element(ns.PING, "ping")
                await self.request(domain, ping, type_="get", timeout=_PING_TIMEOUT)
            except NoReply:
                misses += 1
            except StanzaError:
                misses = 0  # a refusal is a sign of life as well
            except ConnectionFailed:
                return
            else:
                misses = 0
            if misses == _PING_MISSES:
                self._stream.suspect(silent)
                misses = 0
