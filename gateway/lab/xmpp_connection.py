"""A client's connection to the lab's XMPP server: a session, and the socket it speaks through."""

import asyncio
import contextlib
import ssl
from typing import Protocol

import aiohttp
from aiohttp import web

from gateway.errors import JingleError
from gateway.lab.violation import Blame
from gateway.lab.xmpp_session import XmppSession
from gateway.xmpp.websocket_framing import from_frame, to_frame

_READ = 65536
_CLOSE_TIMEOUT = 1.0
_MAX_UNSENT = 8 << 20  # octets; a client that reads so slowly is dropped
_MAX_FRAMES = 4096  # likewise


class Connection(Protocol):
    """What the server needs of a connection."""

    session: XmppSession

    async def read(self) -> bytes:
        """What the client sends, as pieces of a stream; empty once it is gone."""

    def flush(self) -> None:
        """Send what the session has to say."""

    def abort(self) -> None:
        """Break the connection at once."""

    async def close(self) -> None:
        """End the stream; a client that does not take part is left after a second."""

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Encrypt from here on."""


class TcpConnection:
    """A stream over TCP (RFC 6120)."""

    def __init__(
        self, session: XmppSession, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.session = session
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        return await self._reader.read(_READ)

    def flush(self) -> None:
        data = "".join(self.session.take_outgoing()).encode()
        if not data or self._writer.is_closing():
            return
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > _MAX_UNSENT:
            self.abort()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def close(self) -> None:
        self.session.end()
        with contextlib.suppress(OSError, TimeoutError):
            self.flush()
            self._writer.close()
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._writer.wait_closed()
        self._writer.transport.abort()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self._writer.start_tls(context)


class WebSocketConnection:
    """A stream over WebSocket (RFC 7395): TLS, if any, is the web server's."""

    def __init__(
        self,
        session: XmppSession,
        socket: web.WebSocketResponse,
        request: web.Request,
        blame: Blame,
    ) -> None:
        self.session = session
        self._socket = socket
        self._request = request
        self._blame = blame
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._writing = asyncio.create_task(self._write())

    async def read(self) -> bytes:
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            try:
                return from_frame(message.data).encode()
            except JingleError as error:
                # Prosody leaves such a frame unanswered.
                self._blame(1, self.session.jid, f"WebSocket framing: {error}")
        return b""

    def flush(self) -> None:
        for piece in self.session.take_outgoing():
            frame = to_frame(piece)
            if frame is not None:
                self._frames.put_nowait(frame)
        if self._frames.qsize() > _MAX_FRAMES:
            self.abort()

    def abort(self) -> None:
        self._writing.cancel()
        if self._request.transport is not None:
            self._request.transport.abort()

    async def close(self) -> None:
        self.session.end()
        self.flush()
        self._frames.put_nowait(None)
        await asyncio.wait((self._writing,), timeout=_CLOSE_TIMEOUT)
        self._writing.cancel()
        await asyncio.gather(self._writing, return_exceptions=True)
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._socket.close()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        raise AssertionError("STARTTLS is not offered over WebSocket (RFC 7395 section 3.9)")

    async def _write(self) -> None:
        with contextlib.suppress(OSError, ConnectionError):
            while (frame := await self._frames.get()) is not None:
                await self._socket.send_str(frame)
