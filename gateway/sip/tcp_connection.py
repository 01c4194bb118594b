"""One connection of SIP over TCP or TLS, both ways (RFC 3261 18.3, RFC 5626 4.4.1).

It is closed when it is idle for long, when a message on it or its TLS handshake takes too long,
when its peer does not read, or is found dead, and when what comes on it cannot be understood.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import structlog

from gateway.errors import SipSyntaxError
from gateway.sip.flow import Flow, Transmission
from gateway.sip.framing import PING, PONG, StreamFramer
from gateway.sip.tls_channel import TlsChannel

if TYPE_CHECKING:
    from gateway.sip.tcp import TcpListener

log = structlog.get_logger(__name__)

_BURST = 16  # messages taken at once, before others on the loop have their turn
_MAX_UNREAD = 1 << 18  # octets a peer may leave unread
_MAX_UNHEARD = 64  # requests remembered of a connection until something comes
_UNACKNOWLEDGED = 20_000  # milliseconds after which Linux gives up a peer that acknowledges nothing
_LAST_WORDS = 2.0  # seconds that a peer has to read what was wrong, when its connection is closed
_PING = b"\r\n\r\n"
_TAKEN_UP = (b"SIP/2.0 1", b"SIP/2.0 2")  # what an answer begins with that is no refusal


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """Bounds of a listener; times in seconds.

    `idle` is without any traffic, `message` from the first octet of a message to its last,
    `connect` and `handshake` until a connection made, or TLS on one accepted, can be used.
    `handshakes` are those that have begun and not ended. Where there are too many of either, the
    oldest that has come to nothing yet makes room for a new one. Connections of ours that are
    silent are pinged every `keep_alive` seconds, 0 for never; who answers pings has `pong` seconds
    for it. There are no more `strangers` at a time; `stranger_idle` is what `idle` is for them.
    """

    connections: int = 2000
    connections_per_host: int = 500
    idle: float = 7200.0
    message: float = 10.0
    connect: float = 5.0
    handshake: float = 10.0
    handshakes: int = 500
    handshakes_per_host: int = 64
    keep_alive: float = 30.0
    pong: float = 10.0
    strangers: int = 200
    stranger_idle: float = 10.0


class TcpConnection(asyncio.Protocol):
    """One connection; `flow` names it, once it is made.

    `established` is told when one that we make can be used, or why it cannot; one that is accepted
    has none. `channel` is its TLS, if it has that.
    """

    def __init__(
        self,
        listener: "TcpListener",
        number: int,
        channel: TlsChannel | None = None,
        established: asyncio.Future[None] | None = None,
    ) -> None:
        self.number = number
        self.flow: Flow
        self.is_established = False
        self.is_stranger = False  # as far as is known when it can be used
        self.is_secure = channel is not None
        self.is_taken_up = False
        """Whether we have asked the peer something, or answered other than by refusing."""
        self._listener = listener
        self._channel = channel
        self._established = established
        self._framer = StreamFramer()
        self._messages: Iterator[bytes] = iter(())  # that have come and are not taken yet
        self._was_amid_message = False
        self._next_turn: asyncio.Handle | None = None
        self._transport: asyncio.Transport
        self._deadline: asyncio.TimerHandle | None = None
        self._heartbeat: asyncio.TimerHandle | None = None
        self._is_made = False
        self._answers_pings = False
        self.was_in_use = False  # the peer has said something
        # Requests sent since something came: a peer that closes now may not have heard them.
        self._unheard: list[Transmission] = []

    @property
    def _idle(self) -> float:
        limits = self._listener.limits
        return limits.stranger_idle if self.is_stranger else limits.idle

    @property
    def is_ours(self) -> bool:
        """Whether we have made it."""
        return self._established is not None

    # --- for the listener ------------------------------------------------------------------------

    def send(self, transmission: Transmission) -> None:
        """Send a message."""
        is_request = not transmission.data.startswith(b"SIP/")
        self.is_taken_up |= is_request or transmission.data.startswith(_TAKEN_UP)
        if is_request and len(self._unheard) < _MAX_UNHEARD:
            self._unheard.append(transmission)
        self._write(transmission.data)
        if not self._framer.is_amid_message:
            self._expect_until(self._idle)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    def abandon(self) -> None:
        """Close what may not be made yet; uvloop does not say so if that was cancelled."""
        if self._is_made:
            self.abort()
            self.connection_lost(None)

    # --- for the event loop ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # not uvloop's base
        self._is_made = True
        peer = transport.get_extra_info("peername")
        if peer is None:  # reset already, as port scanners do
            transport.abort()
            return
        listener = self._listener
        self.flow = Flow(listener.transport, listener.address, (peer[0], peer[1]), self.number)
        transport.set_write_buffer_limits(high=_MAX_UNREAD)
        if not listener.opened(self):
            self._settle(ConnectionError("too many connections"))
            transport.abort()
        elif self._channel is None:
            self._establish()
        else:
            self._expect_until(listener.limits.handshake)
            self._decrypt(self._channel, b"")

    def data_received(self, data: bytes) -> None:
        if self._channel is not None:
            data = self._decrypt(self._channel, data)
        if data:
            self._receive(data)
        elif self._channel is not None and self._channel.is_over:
            self._transport.close()

    def pause_writing(self) -> None:
        self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._heartbeat, self._next_turn):
            if timer is not None:
                timer.cancel()
        self._settle(ConnectionError(str(exc or "closed by the peer")))
        self._listener.closed(self, self._unheard)

    # --- what comes ------------------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        self.was_in_use = True
        self._unheard.clear()
        self._was_amid_message = self._framer.is_amid_message
        self._messages = self._framer.feed(data)
        self._take_turn()

    def _take_turn(self) -> None:
        """Take some of the messages that have come; nothing is read until all are taken."""
        try:
            for _ in range(_BURST):
                message = next(self._messages, None)
                if message is None:
                    self._await_more()
                    return
                self._take(message)
                if self._transport.is_closing():
                    return
        except SipSyntaxError as error:
            self._fail(str(error))
            return
        self._transport.pause_reading()
        self._next_turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take(self, message: bytes) -> None:
        self._was_amid_message = False
        if message == PING:
            self._write(PONG)
        elif message == PONG:
            self._answers_pings = True
        else:
            self._listener.on_message(message, self.flow)

    def _await_more(self) -> None:
        if self._channel is not None and self._channel.is_over:
            self._transport.close()
            return
        self._transport.resume_reading()
        if not self._framer.is_amid_message:
            self._expect_until(self._idle)
        elif not self._was_amid_message:
            self._expect_until(self._listener.limits.message)

    def _decrypt(self, channel: TlsChannel, data: bytes) -> bytes:
        """What the peer says; nothing, and the end, if that is no TLS, or not to be believed."""
        try:
            said = channel.feed(data)
        except ssl.SSLError as error:
            self._transport.write(channel.outgoing())
            self._fail(f"TLS: {_told(error)}")
            return b""
        self._transport.write(channel.outgoing())
        if channel.is_established and not self.is_established:
            self.flow = replace(self.flow, certificate_names=channel.certificate_names)
            self._establish()
        return said

    def _establish(self) -> None:
        """It can be used."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED)
        self.is_established = True
        limits = self._listener.limits
        self.is_stranger = not self.is_ours and self._listener.is_stranger(self.flow)
        self._expect_until(self._idle)
        if not self._listener.established(self):
            self.abort()
            return
        self._settle(None)
        if self.is_ours and limits.keep_alive:
            self._beat_in(limits.keep_alive, self._ping)

    def _settle(self, error: ConnectionError | None) -> None:
        """Tell who makes the connection what came of it, unless that is told."""
        if self._established is None or self._established.done():
            return
        if error is None:
            self._established.set_result(None)
        else:
            self._established.set_exception(error)

    def _fail(self, reason: str) -> None:
        times = self._listener.closed_lines.count(asyncio.get_running_loop().time())
        if times is not None:
            log.info("connection closed", peer=str(self.flow), reason=reason, times=times)
        self._settle(ConnectionError(reason))
        self._transport.close()  # when what has been written is sent
        self._expect_until(_LAST_WORDS)

    # --- what goes -------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self._channel is not None:
            try:
                self._channel.write(data)
            except ssl.SSLError:  # it is over, and being closed
                return
            data = self._channel.outgoing()
        self._transport.write(data)

    def _expect_until(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = asyncio.get_running_loop().call_later(seconds, self.abort)

    # --- whether the peer is alive ---------------------------------------------------------------

    def _ping(self) -> None:
        """Ask. A host that is gone acknowledges nothing; a peer that is stuck may be known."""
        self._framer.awaits_pong = True
        self._write(_PING)
        self._beat_in(self._listener.limits.pong, self._judge)

    def _judge(self) -> None:
        """Close if no pong came; but not if none has ever come: not all know about them."""
        if self._framer.awaits_pong and self._answers_pings:
            self._fail("no answer to a ping")
        else:
            self._beat_in(self._listener.limits.keep_alive, self._ping)

    def _beat_in(self, seconds: float, action: Callable[[], None]) -> None:
        self._heartbeat = asyncio.get_running_loop().call_later(seconds, action)


def _told(error: ssl.SSLError) -> str:
    """What is wrong, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or str(error)).replace("_", " ").lower()
