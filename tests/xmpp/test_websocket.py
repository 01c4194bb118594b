"""The WebSocket below a stream. With a stream in it the lab and a real Prosody try it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from gateway.xmpp.caps import Capabilities
from gateway.xmpp.client import connect
from gateway.xmpp.connection import ConnectionFailed
from gateway.xmpp.reception import Reception
from gateway.xmpp.server import Server
from gateway.xmpp.websocket import MAX_FRAME, WebSocketTransport


class Protocol:
    """Takes nothing; keeps how the connection has ended."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        raise AssertionError(data)

    def connection_lost(self, exception: BaseException | None) -> None:
        self.lost.set_result(exception)


@contextlib.asynccontextmanager
async def serving(frame: str | bytes | None) -> AsyncIterator[str]:
    """The URL of a server that sends such a frame, or that has no WebSocket at all."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        if frame is None:
            raise web.HTTPNotFound
        socket = web.WebSocketResponse(protocols=("xmpp",))
        await socket.prepare(request)
        await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/xmpp-websocket", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"ws://{host}:{port}/xmpp-websocket"
    finally:
        await runner.cleanup()


async def end_of(frame: str | bytes) -> BaseException | None:
    """What the stream is told of a connection on which the server sends such a frame."""
    async with serving(frame) as url:
        protocol = Protocol()
        transport = WebSocketTransport(protocol)
        await transport.connect(url, None)
        await transport.closed()
        return await protocol.lost


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (b"<presence/>", "a frame that is not text"),
        ("<presence/>", "<presence> declares no namespace"),
        ("x" * (MAX_FRAME + 1), "exceeds limit"),
    ],
)
async def test_a_connection_that_breaks_says_why(frame: str | bytes, said: str) -> None:
    end = await end_of(frame)
    assert said in str(end)


async def test_what_is_secret_in_a_url_is_in_no_failure() -> None:
    async with serving(None) as url:
        server = Server("meet.test", None, web_socket=url).for_room("room", token="x.y")
        with pytest.raises(ConnectionFailed) as failed:
            await connect(server.resuming("abc"), Reception(Capabilities(), focus=""), timeout=5)
    assert "404" in failed.value.text
    assert "x.y" not in failed.value.text and "abc" not in failed.value.text
