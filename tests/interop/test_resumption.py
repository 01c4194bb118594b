"""Streams cut off from a real Prosody are resumed there (its mod_smacks), or joined anew."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.client import connect
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause
from gateway.xmpp.element import child_text, element
from gateway.xmpp.presence import OccupantPresence
from gateway.xmpp.reception import Received, Reception
from gateway.xmpp.server import Account, Server
from gateway.xmpp.tls import tls_context
from tests.behaviour.stage import eventually
from tests.interop.prosody_server import HOST, PASSWORD, ProsodyServer, demand_prosody

pytestmark = pytest.mark.interop

AUTH_DOMAIN = "auth.lab.test"
ROOM = "room@conference.lab.test"
PIECE = 65536


@pytest.fixture(scope="module")
def prosody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProsodyServer]:
    demand_prosody()
    folder: Path = tmp_path_factory.mktemp("prosody")
    server = ProsodyServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.close()


class Cable:
    """Carries TCP to a port; it can be `cut`, and takes new connections again at once."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._ends: list[asyncio.StreamWriter] = []
        self._carrying: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[int]:
        """The port to connect to."""
        server = await asyncio.start_server(self._carry, HOST, 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            self.cut()
            await asyncio.gather(*self._carrying, return_exceptions=True)
            await server.wait_closed()

    def cut(self) -> None:
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carrying.add(task)
        far_reader, far_writer = await asyncio.open_connection(HOST, self._to)
        self._ends += [writer, far_writer]
        with suppress(OSError):
            await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    writer.close()


class Listener(Reception):
    """Keeps the words of messages."""

    words: list[str]

    def receive(self, received):
        text = child_text(received, ns.CLIENT, "body")
        if text is not None:
            self.words.append(text)
        return super().receive(received)


def listener() -> Listener:
    made = Listener(Capabilities(), focus=f"{ROOM}/focus")
    object.__setattr__(made, "words", [])
    return made


@asynccontextmanager
async def logged_in(server: Server, reception: Reception) -> AsyncIterator[Connection]:
    connection = await connect(server, reception)
    try:
        yield connection
    finally:
        await connection.close()


async def join(connection: Connection) -> None:
    to = {"to": f"{ROOM}/{connection.nick}"}
    connection.send(element(ns.CLIENT, "presence", to, element(ns.MUC, "x")))
    await until(connection, lambda received: getattr(received, "is_self", False))


async def until(connection: Connection, condition) -> list[Received]:
    seen: list[Received] = []
    async with asyncio.timeout(10):
        while not seen or not condition(seen[-1]):
            seen.append(await connection.receive())
    return seen


def say(connection: Connection, to: str, words: str) -> None:
    body = element(ns.CLIENT, "body", text=words)
    connection.send(element(ns.CLIENT, "message", {"to": to, "type": "chat"}, body))


async def is_alive(connection: Connection) -> None:
    domain = connection.jid.partition("@")[2].partition("/")[0]
    await connection.request(domain, element(ns.PING, "ping"), type_="get")


async def test_an_account_is_cut_off_and_nobody_in_the_room_notices(
    prosody: ProsodyServer,
) -> None:
    tls = tls_context(ca_file=prosody.ca_file)
    cable = Cable(prosody.c2s_port)
    account = Account(f"focus@{AUTH_DOMAIN}", PASSWORD)
    ours, theirs = listener(), listener()
    async with (
        cable.laid() as port,
        logged_in(Server(AUTH_DOMAIN, tls, HOST, port, account), ours) as caller,
        logged_in(Server("lab.test", tls, HOST, prosody.c2s_port), theirs) as witness,
    ):
        await join(caller)
        await join(witness)
        for number in range(3):
            say(caller, witness.jid, f"{number} before")
            say(witness, caller.jid, f"{number} before")
            cable.cut()
            say(caller, witness.jid, f"{number} after")
            say(witness, caller.jid, f"{number} after")
            await is_alive(caller)
            await is_alive(witness)
            say(caller, witness.jid, f"{number} at last")
            say(witness, caller.jid, f"{number} at last")
        expected = [f"{n} {when}" for n in range(3) for when in ("before", "after", "at last")]
        await eventually(lambda: ours.words == expected, f"{ours.words}")
        await eventually(lambda: theirs.words == expected, f"{theirs.words}")
        caller.send(element(ns.CLIENT, "presence", {"to": f"{ROOM}/{caller.nick}"}))
        seen = await until(
            witness, lambda event: isinstance(event, OccupantPresence) and event.nick == caller.nick
        )
        assert all(each.available for each in seen if isinstance(each, OccupantPresence))


async def test_an_anonymous_user_over_websocket_is_somebody_else_for_a_stock_prosody(
    prosody: ProsodyServer,
) -> None:
    cable = Cable(prosody.http_port)
    async with cable.laid() as port:
        server = Server("lab.test", None, web_socket=f"ws://{HOST}:{port}/xmpp-websocket")
        async with logged_in(server, listener()) as connection:
            cable.cut()
            with pytest.raises(ConnectionFailed) as failed:
                async with asyncio.timeout(10):
                    await connection.receive()
            assert failed.value.cause is FailureCause.CUT
