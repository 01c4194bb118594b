"""The WebSocket below a stream. With a stream in it the lab and a real Prosody try it."""

import asyncio

import pytest
from aiohttp import web

from gateway.xmpp.websocket import MAX_FRAME, WebSocketTransport


class Protocol:
    """Takes nothing; keeps how the connection has ended."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        raise AssertionError(data)

    def connection_lost(self, exception: BaseException | None) -> None:
        self.lost.set_result(exception)


async def end_of(frame: str | bytes) -> BaseException | None:
    """What the stream is told of a connection on which the server sends such a frame."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
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
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        protocol = Protocol()
        transport = WebSocketTransport(protocol)
        await transport.connect(f"ws://{host}:{port}/xmpp-websocket", None)
        await transport.closed()
        return await protocol.lost
    finally:
        await runner.cleanup()


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
