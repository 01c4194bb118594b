"""XMPP over WebSocket (RFC 7395) as an asyncio transport, for a stream made for TCP."""

import asyncio
import ssl
from typing import Any, Protocol

import aiohttp

from gateway.errors import JingleError
from gateway.xmpp.web import connector
from gateway.xmpp.websocket_framing import SUBPROTOCOL, from_frame, to_frame

MAX_FRAME = 1 << 20  # octets; a presence of Jicofo's in a large room has some 10 kB
_CLOSE_TIMEOUT = 1.0
_HEARTBEAT = 20.0  # seconds between WebSocket pings


class StreamProtocol(Protocol):
    """The stream that uses the transport."""

    def data_received(self, data: bytes) -> None: ...

    def connection_lost(self, exception: BaseException | None) -> None: ...


class WebSocketTransport(asyncio.Transport):
    """What is written goes out in frames, what frames hold goes to `protocol`.

    `protocol` is told of the loss of the connection, once, as by any transport.
    """

    def __init__(self, protocol: StreamProtocol) -> None:
        super().__init__()
        self._protocol = protocol
        self._outgoing: asyncio.Queue[str | None] = asyncio.Queue()
        self._is_closing = False
        self._aborted = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    async def connect(self, url: str, tls: ssl.SSLContext | None) -> None:
        """Connect; OSError or aiohttp.ClientError if that is not possible."""
        session = aiohttp.ClientSession(connector=connector(tls))
        try:
            socket = await session.ws_connect(
                url, protocols=(SUBPROTOCOL,), heartbeat=_HEARTBEAT, max_msg_size=MAX_FRAME
            )
        except BaseException:
            await session.close()
            raise
        self._life = asyncio.create_task(self._live(session, socket), name="xmpp websocket")

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send one piece of the stream."""
        if not self._is_closing:
            self._outgoing.put_nowait(bytes(data).decode())

    def is_closing(self) -> bool:
        return self._is_closing

    def close(self) -> None:
        """Send what is queued, then close."""
        if not self._is_closing:
            self._is_closing = True
            self._outgoing.put_nowait(None)

    def abort(self) -> None:
        """Close without sending what is queued."""
        self._is_closing = True
        self._aborted.set()

    async def closed(self) -> None:
        """Return when nothing of the connection is left."""
        if self._life is not None:
            await asyncio.wait((self._life,))

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    async def _live(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse
    ) -> None:
        failure: Exception | None = None
        reading = asyncio.create_task(self._read(socket))
        writing = asyncio.create_task(self._write(socket))
        aborted = asyncio.create_task(self._aborted.wait())
        tasks = (reading, writing, aborted)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._is_closing = True
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            failure = next((each for each in results if isinstance(each, Exception)), None)
            await _close(session, socket)
            self._protocol.connection_lost(failure)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.ERROR:  # it is silent, or breaks the protocol
                raise JingleError(f"{message.data}")
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise JingleError("a frame that is not text")
            self._protocol.data_received(from_frame(message.data).encode())

    async def _write(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while (piece := await self._outgoing.get()) is not None:
            frame = to_frame(piece)
            if frame is not None:
                await socket.send_str(frame)


async def _close(session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await socket.close()
    except TimeoutError:
        pass
    finally:
        await session.close()
