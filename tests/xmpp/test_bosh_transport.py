"""The HTTP side of BOSH, against a scripted web server: what fails is told, secrets are not."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from xml.etree.ElementTree import fromstring

import pytest
from aiohttp import web

from gateway.errors import JingleError
from gateway.xmpp.bosh import HTTP_BIND
from gateway.xmpp.bosh_transport import BoshTransport
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.client import connect
from gateway.xmpp.connection import ConnectionFailed, FailureCause
from gateway.xmpp.reception import Reception
from gateway.xmpp.remedies import remedy
from gateway.xmpp.server import Server

HEADER = b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
MADE = f"<body xmlns='{HTTP_BIND}' sid='s' authid='a'/>"
NOTHING = f"<body xmlns='{HTTP_BIND}'/>"
REFUSED = (
    f"<body xmlns='{HTTP_BIND}' sid='s'><failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
    "<not-allowed/><text>token=abc.def has expired</text></failure></body>"
)
TOKEN = "abc.def"

Answer = Callable[[int], tuple[int, str]]


class Recorder:
    """The stream that uses the transport."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exception: BaseException | None) -> None:
        self.lost.set_result(exception)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[str, list[str]]]:
    """A web server that answers its n-th request so; its URL, and the bodies it has got."""
    bodies: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        bodies.append(await request.text())
        status, text = answer(len(bodies))
        return web.Response(status=status, text=text)

    application = web.Application()
    application.router.add_post("/http-bind", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/http-bind", bodies
    finally:
        await runner.cleanup()


async def test_a_request_that_the_web_server_cannot_pass_on_is_made_again() -> None:
    ended = f"<body xmlns='{HTTP_BIND}' type='terminate' condition='system-shutdown'/>"
    script = {1: (200, MADE), 2: (502, "bad gateway"), 3: (200, NOTHING), 4: (200, ended)}
    async with serving(lambda number: script[number]) as (url, bodies):
        stream = Recorder()
        transport = BoshTransport(stream, "meet.test")
        await transport.connect(url, None)
        transport.write(HEADER)
        async with asyncio.timeout(5):
            failure = await stream.lost
        await transport.closed()
    assert bodies[1] == bodies[2]
    rids = [int(fromstring(body).get("rid", 0)) for body in bodies]
    assert [rid - rids[0] for rid in rids] == [0, 1, 1, 2]
    assert "system-shutdown" in str(failure)


@pytest.mark.parametrize("status", [302, 403, 404])
async def test_a_web_server_that_has_no_bosh_there_says_so_at_once(status: int) -> None:
    async with serving(lambda number: (status, "")) as (url, bodies):
        with pytest.raises(JingleError, match=str(status)):
            await BoshTransport(Recorder(), "meet.test").connect(url, None)
    assert len(bodies) == 1


async def test_an_endless_response_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.xmpp.bosh_transport.MAX_RESPONSE", 1000)
    async with serving(lambda number: (200, " " * 1001)) as (url, _):
        with pytest.raises(JingleError, match="1000 octets"):
            await BoshTransport(Recorder(), "meet.test").connect(url, None)


async def failure(server: Server) -> ConnectionFailed:
    reception = Reception(Capabilities(), focus="room@conference.meet.test/focus")
    with pytest.raises(ConnectionFailed) as failed:
        await connect(server.for_room("room", token=TOKEN), reception, timeout=5)
    return failed.value


@pytest.mark.parametrize("status", [404, 503])
async def test_a_token_is_in_no_error_of_http(status: int) -> None:
    async with serving(lambda number: (status, "")) as (url, bodies):
        for server in (
            Server("meet.test", None, bosh=url),
            Server("meet.test", None, web_socket=url.replace("http:", "ws:")),
        ):
            failed = await failure(server)
            assert TOKEN not in str(failed)
            assert TOKEN not in repr(server.for_room("room", token=TOKEN))
    assert len(bodies) == 1


@pytest.mark.parametrize(
    ("status", "text"), [(301, ""), (404, ""), (200, "<html>Welcome</html>"), (200, "Welcome")]
)
async def test_an_address_where_there_is_no_bosh_is_named(status: int, text: str) -> None:
    async with serving(lambda number: (status, text)) as (url, _):
        failed = await failure(Server("meet.test", None, bosh=url))
    assert failed.cause is FailureCause.UNREACHABLE
    assert failed.text.startswith(f"{url}: ")
    assert "bosh" in remedy(failed)


async def test_a_refused_token_is_told_without_the_token() -> None:
    script = {1: (200, MADE), 2: (200, REFUSED)}
    async with serving(lambda number: script.get(number, (503, ""))) as (url, _):
        failed = await failure(Server("meet.test", None, bosh=url))
    assert failed.cause is FailureCause.LOGIN
    assert failed.text == "not-allowed: token=... has expired"


def test_room_and_token_are_in_the_query() -> None:
    server = Server("meet.test", None, bosh="https://meet.test/http-bind?a=b")
    assert server.for_room("a&b", token="x.y").bosh == (
        "https://meet.test/http-bind?a=b&room=a%26b&token=x.y"
    )
    assert server.for_room("a").bosh == "https://meet.test/http-bind?a=b&room=a"
