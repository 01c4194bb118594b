"""BOSH with a real Prosody, through a network that keeps breaking HTTP connections."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from xml.etree.ElementTree import Element

import pytest

from gateway.xmpp import namespaces as ns
from gateway.xmpp.client import connect
from gateway.xmpp.connection import ConnectionFailed, FailureCause
from gateway.xmpp.element import element
from gateway.xmpp.server import Account, Server
from gateway.xmpp.tls import tls_context
from tests.interop.prosody_server import HOST, PASSWORD, ProsodyServer, demand_prosody
from tests.xmpp.test_client import DISCO, RECEPTION, nothing_left, recording

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def prosody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProsodyServer]:
    demand_prosody()
    server = ProsodyServer(tmp_path_factory.mktemp("prosody"))
    try:
        server.start()
        yield server
        assert server.log == ""
    finally:
        server.close()


@pytest.fixture
def server(prosody: ProsodyServer) -> Server:
    tls = tls_context(ca_file=prosody.ca_file)
    return Server("lab.test", tls, bosh=f"https://{HOST}:{prosody.https_port}/http-bind")


async def test_a_login_and_its_end_leave_nothing(server: Server) -> None:
    async with nothing_left():
        connection = await connect(server.for_room("room", token="x.y"), RECEPTION)
        assert connection.jid.partition("@")[2].startswith("lab.test/")
        await connection.request("lab.test", DISCO, type_="get")
        await connection.close()


async def test_an_account_logs_in_with_its_password_only(server: Server) -> None:
    theirs = replace(server, domain="auth.lab.test")
    account = Account("focus@auth.lab.test", PASSWORD)
    async with nothing_left():
        connection = await connect(replace(theirs, account=account), RECEPTION)
        await connection.close()
        with pytest.raises(ConnectionFailed) as failed:
            wrong = replace(theirs, account=replace(account, password="guessed"))
            await connect(wrong, RECEPTION)
    assert failed.value.cause is FailureCause.LOGIN


async def test_what_cannot_be_used_is_told_as_what_it_is(server: Server) -> None:
    assert server.bosh is not None
    for wrong, cause in (
        (replace(server, tls=tls_context()), FailureCause.TLS),
        (replace(server, domain="nowhere.test"), FailureCause.STREAM),
        (
            replace(server, bosh=server.bosh.replace("http-bind", "elsewhere")),
            FailureCause.UNREACHABLE,
        ),
        (replace(server, bosh=f"https://{HOST}:1/http-bind"), FailureCause.UNREACHABLE),
    ):
        async with nothing_left():
            with pytest.raises(ConnectionFailed) as failed:
                await connect(wrong, RECEPTION, timeout=5)
            assert failed.value.cause is cause


async def test_a_caller_who_hangs_up_while_we_log_in_leaves_nothing(server: Server) -> None:
    async with nothing_left():
        for milliseconds in (0, 1, 3, 8, 21, 55):
            login = asyncio.create_task(connect(server, RECEPTION))
            await asyncio.sleep(milliseconds / 1000)
            login.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await (await login).close()


async def test_connections_that_break_lose_repeat_and_disorder_nothing(
    prosody: ProsodyServer, server: Server
) -> None:
    # Prosody gives a session up if it is asked to repeat what it has begun to forget: that may
    # happen here once in a while, and is nothing a client could do about.
    attempts = 3
    while not await all_is_heard(prosody, server):
        attempts -= 1
        assert attempts > 0


async def all_is_heard(prosody: ProsodyServer, server: Server) -> bool:
    """Whether forty messages came; what came was in order, each once. False: a session ended."""
    async with nothing_left(), breaking(prosody.https_port) as (port, broken):
        heard = recording()
        listener = await connect(replace(server, bosh=f"https://{HOST}:{port}/http-bind"), heard)
        speaker = await connect(replace(server, bosh=f"https://{HOST}:{port}/http-bind"), RECEPTION)
        broken.set()
        for number in range(40):
            message = element(ns.CLIENT, "message", {"to": listener.jid})
            message.append(element(ns.CLIENT, "body", text=str(number)))
            speaker.send(message)
            await asyncio.sleep(0.02)
        async with asyncio.timeout(60):
            while not (listener.is_lost or speaker.is_lost):
                if len(bodies_in(heard.stanzas)) == 40:
                    break
                await asyncio.sleep(0.05)
        broken.clear()
        await asyncio.sleep(0.3)
        came = bodies_in(heard.stanzas)
        assert came == [str(number) for number in range(len(came))]
        await speaker.close()
        await listener.close()
        return len(came) == 40


def bodies_in(stanzas: list[Element]) -> list[str]:
    found = [stanza.findtext(f"{{{ns.CLIENT}}}body") for stanza in stanzas]
    return [body for body in found if body]


@asynccontextmanager
async def breaking(target: int) -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A TCP relay that, while the event is set, cuts each connection after a few more pieces."""
    # TLS takes four pieces, a request one and its response another.
    breaks, lasts = asyncio.Event(), itertools.cycle((7, 5, 12, 6, 9, 20))
    relayed: set[asyncio.Task[None]] = set()
    writers: set[asyncio.StreamWriter] = set()

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: list[int]
    ) -> None:
        while data := await reader.read(65536):
            left[0] -= breaks.is_set()
            if left[0] <= 0:
                return
            writer.write(data)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        relayed.add(asyncio.create_task(relay(reader, writer)))

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, target)
        writers.add(back)
        left = [next(lasts)]
        ways = [asyncio.create_task(pump(*way, left)) for way in ((reader, back), (there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (writer, back):
                each.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    server = await asyncio.start_server(accept, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1], breaks
    finally:
        server.close()
        for task in relayed:
            task.cancel()
        await asyncio.gather(*relayed, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
