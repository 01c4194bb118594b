"""The stream over TCP: against scripted servers, and against a real Prosody."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest

from gateway.errors import ConfigError
from gateway.host_addresses import HostAddresses
from gateway.lab.certificate import Certificate
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.client import MAX_STANZA, SlixmppLink, connect
from gateway.xmpp.connection import Connection, ConnectionFailed, FailureCause
from gateway.xmpp.element import element
from gateway.xmpp.own_presence import OwnPresence, unavailable
from gateway.xmpp.presence import OccupantPresence
from gateway.xmpp.reception import Received, Reception
from gateway.xmpp.server import Account, Server
from gateway.xmpp.stanza import StanzaError
from gateway.xmpp.tls import tls_context
from tests.helpers.turns import Turns
from tests.xmpp.prosody import (
    ACCOUNT_DOMAIN,
    DOMAIN,
    EXECUTABLE,
    MUC_DOMAIN,
    WRONG_DOMAIN,
    Prosody,
    running_prosody,
)

ROOM = f"room@{MUC_DOMAIN}"
RECEPTION = Reception(Capabilities(), focus=f"{ROOM}/focus")
DISCO = element(ns.DISCO_INFO, "query")


@contextlib.asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """No task, timer or file may be left of what happens inside."""

    def files() -> set[tuple[str, str]]:
        found = set()
        for name in os.listdir("/proc/self/fd"):
            with contextlib.suppress(OSError):
                found.add((name, os.readlink(f"/proc/self/fd/{name}")))
        return found

    # What a loop opens for its first resolver and its first socket stays open.
    await asyncio.get_running_loop().getaddrinfo("localhost", 1)
    async with says(None):
        pass
    before_tasks, before_files = asyncio.all_tasks(), files()
    yield
    for _ in range(20):
        if files() <= before_files:
            break
        await asyncio.sleep(0.05)
    assert asyncio.all_tasks() <= before_tasks
    assert files() <= before_files


async def failure(server: Server, *, timeout: float = 5.0) -> ConnectionFailed:
    """Why nobody can log in; nothing is left of the attempt."""
    async with nothing_left():
        with pytest.raises(ConnectionFailed) as failed:
            await connect(server, RECEPTION, timeout=timeout)
    return failed.value


# --- scripted servers ----------------------------------------------------------------------------

HEADER = (
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' id='1' "
    "xmlns:stream='http://etherx.jabber.org/streams' from='meet.test'>"
)
STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
ANONYMOUS = (
    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>ANONYMOUS</mechanism>"
    "</mechanisms>"
)
PLAIN = ANONYMOUS.replace("ANONYMOUS", "PLAIN")


def stream_error(condition: str) -> str:
    return (
        f"<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'>elsewhere.test"
        f"</{condition}></stream:error></stream:stream>"
    )


@contextlib.asynccontextmanager
async def says(text: str | None, *, closes: bool = False) -> AsyncIterator[Server]:
    """A server that says the same thing to everybody, whatever they say."""
    talks: list[asyncio.StreamWriter] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(writer)
        with contextlib.suppress(ConnectionError):
            if text is not None:
                await reader.read(4096)
                writer.write(text.encode())
                await writer.drain()
            while not closes and (heard := await reader.read(4096)):
                if b"</stream:stream>" in heard:
                    break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield Server(DOMAIN, tls_context(verify=False), "127.0.0.1", port)
    finally:
        server.close()
        for writer in talks:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await server.wait_closed()


async def test_where_nothing_listens_there_is_no_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    failed = await failure(Server(DOMAIN, None, "127.0.0.1", port))
    assert failed.cause is FailureCause.UNREACHABLE
    assert failed.text == f"127.0.0.1:{port}: 127.0.0.1: Connection refused"


async def test_a_name_that_nobody_has_is_no_server() -> None:
    failed = await failure(Server(DOMAIN, None, "nowhere.invalid"))
    assert failed.cause is FailureCause.UNREACHABLE


async def test_dns_that_says_nothing_is_to_blame_and_not_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def is_down(host: str) -> tuple[str, ...]:
        raise OSError(f"DNS does not say where {host} is: timeout")

    monkeypatch.setattr("gateway.xmpp.client.HOSTS", HostAddresses(is_down))
    failed = await failure(Server(DOMAIN, None, "xmpp.test"))
    assert failed.cause is FailureCause.UNREACHABLE
    assert "DNS does not say where xmpp.test is: timeout" in failed.text


async def test_a_server_is_found_at_its_second_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def two(host: str) -> tuple[str, ...]:
        return "127.0.0.2", "127.0.0.1"

    monkeypatch.setattr("gateway.xmpp.client.HOSTS", HostAddresses(two))
    async with says("no XML", closes=True) as server:
        failed = await failure(replace(server, host="xmpp.test"))
    assert failed.cause is FailureCause.STREAM


async def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def two(host: str) -> tuple[str, ...]:
        return "127.0.0.2", "127.0.0.1"

    monkeypatch.setattr("gateway.xmpp.client.HOSTS", HostAddresses(two))
    monkeypatch.setattr("gateway.xmpp.client._CONNECT_TIMEOUT", 0.3, raising=False)
    async with says("no XML", closes=True) as server:
        with (
            socket.create_server(("127.0.0.2", server.port), backlog=0) as silent,
            # Linux answers nobody whose connection would not fit into the backlog.
            socket.create_connection(silent.getsockname()),
        ):
            failed = await failure(replace(server, host="xmpp.test"), timeout=5)
    assert failed.cause is FailureCause.STREAM


async def test_a_server_that_says_nothing_is_given_up_in_time() -> None:
    async with says(None) as server, asyncio.timeout(60):  # however slow the machine is
        assert (await failure(server, timeout=0.3)).cause is FailureCause.TIMEOUT


async def test_a_server_that_closes_at_once_is_no_server() -> None:
    async with says("", closes=True) as server:
        assert (await failure(server)).cause is FailureCause.STREAM


async def test_a_server_without_starttls_is_not_spoken_to() -> None:
    async with says(f"{HEADER}<stream:features>{ANONYMOUS}</stream:features>") as server:
        failed = await failure(server)
    assert failed.cause is FailureCause.TLS


async def test_a_server_that_fails_to_start_tls_is_not_spoken_to() -> None:
    features = f"{HEADER}<stream:features>{STARTTLS}{ANONYMOUS}</stream:features>"
    refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>"
    async with says(features + refusal) as server:
        failed = await failure(server)
    assert failed.cause in (FailureCause.TLS, FailureCause.STREAM)


async def test_who_leaves_before_tls_begins_does_not_begin_it() -> None:
    """A caller who hangs up then, say: uvloop would fail at a connection that is closed."""
    loop, faults = asyncio.get_running_loop(), list[object]()
    loop.set_exception_handler(lambda _, context: faults.append(context))
    async with nothing_left(), says(None) as server:
        link = SlixmppLink(server, binds=True)
        opening = asyncio.create_task(link.open(Connection(None, RECEPTION)))  # type: ignore[arg-type]
        while (client := link._client) is None or client.transport is None:  # noqa: ASYNC110
            await asyncio.sleep(0)
        client.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.start_tls()
        await link.break_off()
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    assert faults == []


async def test_another_host_that_is_named_is_not_gone_to() -> None:
    async with says(f"{HEADER}{stream_error('see-other-host')}") as server:
        failed = await failure(server)
    assert failed.cause is FailureCause.STREAM
    assert "see-other-host" in failed.text


async def test_a_password_is_never_sent_in_the_clear() -> None:
    account = Account("gateway@meet.test", "secret")
    for tls in (None, tls_context(verify=False)):
        async with says(f"{HEADER}<stream:features>{PLAIN}</stream:features>") as server:
            failed = await failure(replace(server, tls=tls, account=account))
        assert failed.cause is (FailureCause.LOGIN if tls is None else FailureCause.TLS)


async def test_a_mechanism_we_do_not_have_is_no_login() -> None:
    strange = ANONYMOUS.replace("ANONYMOUS", "X-STRANGE")
    async with says(f"{HEADER}<stream:features>{strange}</stream:features>") as server:
        assert (await failure(replace(server, tls=None))).cause is FailureCause.LOGIN


@pytest.mark.parametrize(
    ("condition", "cause"),
    [
        ("not-authorized", FailureCause.LOGIN),
        ("temporary-auth-failure", FailureCause.STREAM),  # RFC 6120 section 6.5.9: try again later
    ],
)
async def test_a_login_that_is_refused_for_now_may_be_tried_again(
    condition: str, cause: FailureCause
) -> None:
    features = f"{HEADER}<stream:features>{ANONYMOUS}</stream:features>"
    refusal = f"<failure xmlns='{ns.SASL}'><{condition}/></failure>"
    async with says(features + refusal) as server:
        failed = await failure(replace(server, tls=None))
    assert (failed.cause, failed.text) == (cause, condition)


async def test_what_is_not_xml_ends_the_stream() -> None:
    async with says(f"{HEADER}<stream:features><<<>") as server:
        assert (await failure(replace(server, tls=None))).cause is FailureCause.STREAM


@pytest.mark.parametrize("piece", ["<a>", "<a/>", "text"])
async def test_a_server_that_says_too_much_before_the_login_is_not_listened_to(piece: str) -> None:
    endless = piece * (MAX_STANZA // len(piece) + 1)
    async with says(f"{HEADER}<stream:features>{endless}") as server:
        failed = await failure(replace(server, tls=None))
    assert (failed.cause, failed.text) == (FailureCause.STREAM, f"more than {MAX_STANZA} octets")


BIND = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{}</bind>"


@contextlib.asynccontextmanager
async def logs_in_and_says(text: str) -> AsyncIterator[Server]:
    """A server that lets anybody in, and then says something."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for awaited, said in (
            ("<stream:stream", f"{HEADER}<stream:features>{ANONYMOUS}</stream:features>"),
            ("</auth>", f"<success xmlns='{ns.SASL}'/>"),
            ("<stream:stream", f"{HEADER}<stream:features>{BIND.format('')}</stream:features>"),
        ):
            await reader.readuntil(awaited.encode())
            writer.write(said.encode())
        request = await reader.readuntil(b"</iq>")
        bound = re.search(rb"id=['\"]([^'\"]+)", request)
        assert bound is not None
        jid = BIND.format(f"<jid>ann@{DOMAIN}/1</jid>")
        writer.write(f"<iq type='result' id='{bound[1].decode()}'>{jid}</iq>{text}".encode())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"</stream:stream>")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield Server(DOMAIN, None, "127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await server.wait_closed()


async def test_a_server_that_says_much_leaves_the_loop_to_others_in_between() -> None:
    stanza = f"<message from='{ROOM}/x'><body/>{' ' * 10_000}</message>"
    heard = recording()
    async with logs_in_and_says(stanza * 400) as server:
        with heard.turns as turns:
            connection = await connect(server, heard)
            while len(heard.stanzas) < 400:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await connection.close()
    assert turns.most <= (1 << 18) // 10_000 + 1  # what is read at once


def test_a_context_trusts_whom_it_is_told_to(tmp_path: Path) -> None:
    with contextlib.closing(Certificate(("meet.test",), "127.0.0.1")) as own:
        trusting = tls_context(ca_file=own.ca_file)
    assert len(trusting.get_ca_certs()) == 1 and trusting.check_hostname
    assert not tls_context(verify=False).check_hostname
    assert tls_context().check_hostname and tls_context() is tls_context()  # it is dear to make
    with pytest.raises(ConfigError, match=r"nowhere\.pem"):
        tls_context(ca_file=tmp_path / "nowhere.pem")
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(ConfigError):
        tls_context(ca_file=tmp_path / "empty.pem")


def test_the_password_of_an_account_is_not_shown() -> None:
    assert "secret" not in repr(Server(DOMAIN, None, account=Account("a@b", "secret")))


# --- Prosody -------------------------------------------------------------------------------------

interop = [
    pytest.mark.interop,
    pytest.mark.skipif(not EXECUTABLE.exists(), reason="Prosody is not installed"),
]


def with_prosody(test: object) -> object:
    for mark in interop:
        test = mark(test)  # type: ignore[operator]
    return test


@pytest.fixture(scope="module")
def prosody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prosody]:
    """One for all tests, which have a loop each."""
    with asyncio.Runner() as runner:
        server = running_prosody(tmp_path_factory.mktemp("prosody"))
        yield runner.run(server.__aenter__())
        runner.run(server.__aexit__(None, None, None))


@pytest.fixture
def server(prosody: Prosody) -> Server:
    return Server(DOMAIN, tls_context(ca_file=prosody.ca_file), "127.0.0.1", prosody.port)


class Recording(Reception):
    """Keeps everything that comes, as well."""

    stanzas: list[Element]
    turns: Turns

    def receive(self, received: Element) -> tuple[Element | None, Received | None]:
        self.stanzas.append(received)
        self.turns.note()
        return super().receive(received)


def recording() -> Recording:
    made = Recording(Capabilities(), focus=f"{ROOM}/focus")
    object.__setattr__(made, "stanzas", [])
    object.__setattr__(made, "turns", Turns())
    return made


async def join(connection: Connection, room: str = ROOM) -> OwnPresence:
    presence = OwnPresence(room, connection.nick, "Ann <&> Bob", Capabilities())
    connection.send(presence.join())
    async with asyncio.timeout(5):
        while True:
            received = await connection.receive()
            if isinstance(received, OccupantPresence) and received.is_self:
                assert received.display_name == "Ann <&> Bob"
                return presence


@with_prosody
async def test_an_anonymous_login_over_starttls_joins_a_room(server: Server) -> None:
    async with nothing_left():
        connection = await connect(server, RECEPTION)
        try:
            assert connection.jid.partition("@")[2].startswith(f"{DOMAIN}/")
            # Prosody's own names may have a dash there, which is no nick in Jitsi's rooms.
            legal = re.fullmatch("[a-z0-9][a-z0-9_]*", connection.jid[:8])
            assert not legal or connection.nick == connection.jid[:8]
            assert re.fullmatch("[a-z0-9][a-z0-9_]{7}", connection.nick)
            info = await connection.request(DOMAIN, DISCO, type_="get")
            assert info.find(f".//{{{ns.DISCO_INFO}}}identity") is not None
            await join(connection)
        finally:
            await connection.close()


@with_prosody
async def test_the_context_is_shared_and_stays_what_it_was(server: Server) -> None:
    assert server.tls is not None
    before = (server.tls.verify_mode, server.tls.check_hostname, server.tls.get_ca_certs())
    async with nothing_left():
        connections = await asyncio.gather(*(connect(server, RECEPTION) for _ in range(5)))
        assert len({connection.nick for connection in connections}) == 5
        await asyncio.gather(*(connection.close() for connection in connections))
    assert (server.tls.verify_mode, server.tls.check_hostname, server.tls.get_ca_certs()) == before


@with_prosody
async def test_a_certificate_of_nobody_we_trust_is_refused(server: Server) -> None:
    begun = time.monotonic()
    failed = await failure(replace(server, tls=tls_context()))
    assert failed.cause is FailureCause.TLS
    assert "certificate" in failed.text.lower()
    assert time.monotonic() - begun < 3


@with_prosody
async def test_a_certificate_of_another_host_is_refused(server: Server) -> None:
    failed = await failure(replace(server, domain=WRONG_DOMAIN))
    assert failed.cause is FailureCause.TLS


@pytest.mark.parametrize("domain", [DOMAIN, WRONG_DOMAIN])
@with_prosody
async def test_verification_can_be_switched_off_by_name(server: Server, domain: str) -> None:
    async with nothing_left():
        connection = await connect(
            replace(server, tls=tls_context(verify=False), domain=domain), RECEPTION
        )
        await connection.close()


@with_prosody
async def test_a_server_that_insists_on_tls_is_not_spoken_to_without(server: Server) -> None:
    failed = await failure(replace(server, tls=None))
    assert failed.cause is FailureCause.LOGIN


@with_prosody
async def test_a_host_that_the_server_does_not_know(server: Server) -> None:
    failed = await failure(replace(server, domain="nowhere.test"))
    assert failed.cause is FailureCause.STREAM
    assert "host-unknown" in failed.text


@with_prosody
async def test_an_account_logs_in_with_its_password_only(server: Server) -> None:
    theirs = replace(server, domain=ACCOUNT_DOMAIN)
    account = Account(f"gateway@{ACCOUNT_DOMAIN}", "secret")
    async with nothing_left():
        first = await connect(replace(theirs, account=account), RECEPTION)
        second = await connect(replace(theirs, account=account), RECEPTION)
        assert first.jid.startswith(f"gateway@{ACCOUNT_DOMAIN}/") and first.jid != second.jid
        assert first.nick != second.nick
        await first.close()
        await second.close()
    for wrong in (replace(account, password="x"), replace(account, jid=f"x@{ACCOUNT_DOMAIN}")):
        failed = await failure(replace(theirs, account=wrong))
        assert failed.cause is FailureCause.LOGIN
        assert "secret" not in str(failed)


@with_prosody
async def test_no_anonymous_login_where_accounts_are_wanted(server: Server) -> None:
    failed = await failure(replace(server, domain=ACCOUNT_DOMAIN))
    assert failed.cause is FailureCause.LOGIN


@with_prosody
async def test_requests_that_nobody_can_answer_are_refused(server: Server) -> None:
    async with nothing_left():
        connection = await connect(server, RECEPTION)
        for to in ("nowhere.test", f"{ROOM}/nobody", f"nobody@{DOMAIN}/x"):
            with pytest.raises(StanzaError):
                await connection.request(to, DISCO, type_="get", timeout=5)
        await connection.close()


@with_prosody
async def test_what_was_sent_before_the_end_arrives(server: Server) -> None:
    async with nothing_left():
        heard = recording()
        listener = await connect(server, heard)
        speaker = await connect(server, RECEPTION)
        for number in range(200):  # more than the server takes without acknowledging
            message = element(ns.CLIENT, "message", {"to": listener.jid})
            message.append(element(ns.CLIENT, "body", text=str(number)))
            speaker.send(message)
        await speaker.close()
        await listener.request(DOMAIN, DISCO, type_="get")
        bodies = [stanza.findtext(f"{{{ns.CLIENT}}}body") for stanza in heard.stanzas]
        assert [body for body in bodies if body] == [str(number) for number in range(200)]
        await listener.close()


@with_prosody
async def test_large_stanzas_may_be_as_many_as_they_like(server: Server) -> None:
    async with nothing_left():
        heard = recording()
        listener = await connect(server, heard)
        try:
            for _ in range(6):
                message = element(ns.CLIENT, "message", {"to": listener.jid})
                message.append(element(ns.CLIENT, "body", text="x" * (MAX_STANZA // 5)))
                listener.send(message)
            async with asyncio.timeout(10):
                while len([each for each in heard.stanzas if each.tag == message.tag]) < 6:
                    await listener.request(DOMAIN, DISCO, type_="get")
        finally:
            await listener.close()


@with_prosody
async def test_one_hears_the_other_come_and_go(server: Server) -> None:
    room = f"two@{MUC_DOMAIN}"
    async with nothing_left():
        first = await connect(server, RECEPTION)
        await join(first, room)
        second = await connect(server, RECEPTION)
        presence = await join(second, room)
        second.send(unavailable(presence.room, presence.nick))
        await second.close()
        async with asyncio.timeout(5):
            seen = [await first.receive() for _ in range(2)]
        assert [
            (part.nick, part.available) for part in seen if isinstance(part, OccupantPresence)
        ] == [(presence.nick, True), (presence.nick, False)]
        await first.close()


@with_prosody
async def test_a_caller_who_hangs_up_while_we_log_in_leaves_nothing(server: Server) -> None:
    async with nothing_left():
        for milliseconds in (0, 1, 3, 5, 8, 13, 21, 34, 55):
            login = asyncio.create_task(connect(server, RECEPTION))
            await asyncio.sleep(milliseconds / 1000)
            login.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await (await login).close()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@with_prosody
async def test_a_server_that_dies_is_noticed_at_once(tmp_path: Path, how: signal.Signals) -> None:
    async with running_prosody(tmp_path) as running:
        tls = tls_context(ca_file=running.ca_file)
        async with nothing_left():
            connection = await connect(Server(DOMAIN, tls, "127.0.0.1", running.port), RECEPTION)
            await join(connection)
            running.process.send_signal(how)
            with pytest.raises(ConnectionFailed) as failed:
                async with asyncio.timeout(5):
                    while True:
                        await connection.receive()
            assert failed.value.cause in (FailureCause.STREAM, FailureCause.CUT)
            await connection.close()


@with_prosody
async def test_a_server_that_hangs_does_not_keep_us_from_leaving(tmp_path: Path) -> None:
    async with running_prosody(tmp_path) as running:
        tls = tls_context(ca_file=running.ca_file)
        connection = await connect(Server(DOMAIN, tls, "127.0.0.1", running.port), RECEPTION)
        running.process.send_signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            await connection.close()
            assert time.monotonic() - begun < 5
        finally:
            running.process.send_signal(signal.SIGCONT)


@with_prosody
async def test_without_tls_only_if_it_is_configured_so(tmp_path: Path) -> None:
    async with running_prosody(tmp_path, tls=False) as running:
        plain = Server(DOMAIN, None, "127.0.0.1", running.port)
        async with nothing_left():
            connection = await connect(plain, RECEPTION)
            await join(connection)
            await connection.close()
            account = Account(f"gateway@{ACCOUNT_DOMAIN}", "secret")
            connection = await connect(
                replace(plain, domain=ACCOUNT_DOMAIN, account=account), RECEPTION
            )
            await connection.close()
        failed = await failure(replace(plain, tls=tls_context(ca_file=running.ca_file)))
        assert failed.cause is FailureCause.TLS


# --- which room a session is for -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "tenant", "expected"),
    [
        ("wss://m.test/ws", None, "wss://m.test/ws?room=a%20b"),
        ("wss://m.test/ws?x=1", None, "wss://m.test/ws?x=1&room=a%20b"),
        ("wss://m.test/ws", "acme", "wss://m.test/ws?room=a%20b&prefix=acme"),
        ("wss://m.test{tenant}/ws", "acme", "wss://m.test/acme/ws?room=a%20b"),
        ("wss://m.test{tenant}/ws", None, "wss://m.test/ws?room=a%20b"),
    ],
)
def test_the_url_of_a_web_socket_names_the_room_and_its_tenant(
    url: str, tenant: str | None, expected: str
) -> None:
    server = Server("m.test", None, web_socket=url).for_room("a b", tenant)
    assert server.web_socket == expected
