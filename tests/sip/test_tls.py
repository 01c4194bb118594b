"""SIP over TLS: listeners against each other and against foreign and broken peers."""

import asyncio
import datetime
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from gateway.errors import ConfigError
from gateway.sip.flow import Flow, Transmission
from gateway.sip.tcp import TcpListener
from gateway.sip.tcp_connection import TcpLimits
from gateway.sip.tls import Certificates, TlsConfig
from gateway.sip.tls_watch import watch_certificates
from tests.sip.authority import DAY, NOW, Authority
from tests.sip.edge import TcpPeer, eventually, nothing_left
from tests.sip.test_tcp import ACK, Listening
from tests.sip.wire import request


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


class Secure(Listening):
    """A listener of TLS that notes what comes and what could not be sent."""

    def __init__(self, config: TlsConfig, limits: TcpLimits) -> None:
        super().__init__(limits)
        self.certificates = Certificates(config)
        self.listener = TcpListener(
            limits,
            on_message=lambda data, flow: self.messages.append((data, flow)),
            on_failed=lambda transmission, _: self.failed.append(transmission),
            certificates=self.certificates,
        )

    def flow_to(self, remote: tuple[str, int], server_name: str = "") -> Flow:
        return Flow("tls", self.listener.address, remote, server_name=server_name)

    def is_empty(self) -> bool:
        return super().is_empty() and not self.listener._handshakes


@asynccontextmanager
async def secure(
    config: TlsConfig, host: str = "127.0.0.1", **limits: float
) -> AsyncIterator[Secure]:
    it = Secure(config, TcpLimits(**limits))  # type: ignore[arg-type]
    await it.listener.listen((host, 0))
    try:
        yield it
    finally:
        await it.listener.close()
    assert it.is_empty()


@asynccontextmanager
async def connected(
    it: Secure, context: ssl.SSLContext, name: str | None = None
) -> AsyncIterator[TcpPeer]:
    """A foreign client."""
    streams = await asyncio.open_connection(
        *it.listener.address, ssl=context, server_hostname=name or "sip.example.org"
    )
    peer = TcpPeer(*streams)
    try:
        yield peer
    finally:
        await peer.close()


@asynccontextmanager
async def foreign_server(
    context: ssl.SSLContext,
) -> AsyncIterator[tuple[tuple[str, int], list[str]]]:
    """A server that notes the names it was asked for."""
    asked: list[str] = []
    context.sni_callback = lambda _, name, __: asked.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname(), asked
    finally:
        server.close()
        await server.wait_closed()


# --- messages over TLS --------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_messages_go_both_ways(
    authority: Authority, host: str, version: ssl.TLSVersion
) -> None:
    context = authority.client()
    context.minimum_version = context.maximum_version = version
    async with (
        secure(authority.config("sip.example.org"), host) as it,
        connected(it, context) as peer,
    ):
        peer.writer.write(ACK + ACK[:30])
        await peer.writer.drain()
        peer.writer.write(ACK[30:])
        await eventually(lambda: len(it.messages) == 2)
        flow = it.messages[0][1]
        assert (flow.transport, flow.remote) == ("tls", peer.address[:2])
        assert flow.certificate_names == ()
        assert it.listener.send(Transmission(request("BYE"), flow))
        assert (await peer.receive()).headers.cseq.method == "BYE"
        peer.writer.write(b"\r\n\r\n")
        assert await peer.reader.readexactly(2) == b"\r\n"


async def test_a_message_longer_than_a_record_arrives_whole(authority: Authority) -> None:
    long = request("ACK", fields=[("X-Long", "x" * 8000)] * 7)
    async with (
        secure(authority.config("127.0.0.1"), host="127.0.0.1") as here,
        secure(authority.config("127.0.0.1", file="there")) as there,
    ):
        flow = here.flow_to(there.listener.address)
        assert here.listener.send(Transmission(long, flow))
        assert here.listener.send(Transmission(ACK, flow))  # waits for the same connection
        await eventually(lambda: [data for data, _ in there.messages] == [long, ACK])
        assert len(there.listener._by_number) == 1
        # and back on it, where the peer has proved who it is
        assert there.listener.send(Transmission(ACK, there.messages[0][1]))
        await eventually(lambda: len(here.messages) == 1)
        assert here.messages[0][1].certificate_names == ("127.0.0.1",)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_what_is_older_than_tls_1_2_is_refused(authority: Authority) -> None:
    context = authority.client()
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with secure(authority.config("sip.example.org")) as it:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with connected(it, context):
                pass
        await eventually(it.is_empty)


async def test_a_peer_that_ends_tls_is_closed(authority: Authority) -> None:
    async with (
        secure(authority.config("sip.example.org")) as it,
        connected(it, authority.client()) as peer,
    ):
        peer.writer.write(ACK)
        await eventually(lambda: len(it.messages) == 1)
        peer.writer.close()
        await eventually(it.is_empty)


# --- whom we believe ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "server_name", "is_believed"),
    [
        (["sip.example.org"], "sip.example.org", True),
        (["sip:example.org"], "example.org", True),
        (["*.example.org"], "edge.example.org", True),
        (["127.0.0.1"], "", True),
        (["127.0.0.1"], "127.0.0.1", True),
        (["example.org"], "sip.example.org", False),
        (["127.0.0.1"], "sip.example.org", False),
        (["sip.example.org"], "", False),
    ],
)
async def test_a_server_has_to_have_a_certificate_for_its_name(
    authority: Authority, names: list[str], server_name: str, is_believed: bool
) -> None:
    async with (
        secure(authority.config("here")) as here,
        secure(authority.config(*names, file="there")) as there,
    ):
        sent = Transmission(ACK, here.flow_to(there.listener.address, server_name))
        assert here.listener.send(sent)
        if is_believed:
            await eventually(lambda: len(there.messages) == 1)
        else:
            await eventually(lambda: here.failed == [sent])
            assert there.messages == []


async def test_a_server_s_own_certificate_is_enough_to_believe_it(authority: Authority) -> None:
    theirs = authority.config("127.0.0.1", file="there")
    ours = replace(authority.config("here"), ca_file=theirs.certificate)
    async with secure(ours) as here, secure(theirs) as there:
        assert here.listener.send(Transmission(ACK, here.flow_to(there.listener.address)))
        await eventually(lambda: len(there.messages) == 1)


async def test_an_expired_certificate_is_not_believed(authority: Authority) -> None:
    expired = authority.config("127.0.0.1", file="there", until=NOW - DAY)
    async with secure(authority.config("here")) as here, secure(expired) as there:
        sent = Transmission(ACK, here.flow_to(there.listener.address))
        assert here.listener.send(sent)
        await eventually(lambda: here.failed == [sent])
        assert there.messages == []


@pytest.mark.parametrize("verify", [True, False])
async def test_another_authority_is_believed_only_if_nobody_is_asked(
    authority: Authority, tmp_path: Path, verify: bool
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    async with (
        secure(authority.config("here", verify=verify)) as here,
        secure(other.config("sip.example.org")) as there,
    ):
        sent = Transmission(ACK, here.flow_to(there.listener.address, "elsewhere.example.org"))
        assert here.listener.send(sent)
        await eventually(lambda: bool(here.failed or there.messages))
        assert here.failed == ([sent] if verify else [])


async def test_a_connection_is_used_again_only_for_whom_it_was_proved(
    authority: Authority,
) -> None:
    async with (
        secure(authority.config("here")) as here,
        secure(authority.config("a.example.org", "b.example.org", file="there")) as there,
    ):
        for number, name in enumerate(["a.example.org", "b.example.org"], start=1):
            flow = here.flow_to(there.listener.address, name)
            assert here.listener.send(Transmission(ACK, flow))
            await eventually(lambda number=number: len(there.messages) == number)  # type: ignore[misc]
        assert len(there.listener._by_number) == 1
        other = Transmission(ACK, here.flow_to(there.listener.address, "c.example.org"))
        assert here.listener.send(other)
        await eventually(lambda: here.failed == [other])
        assert len(there.messages) == 2


async def test_the_server_is_asked_for_by_its_name(authority: Authority) -> None:
    async with (
        secure(authority.config("here")) as here,
        foreign_server(authority.server("sip.example.org", "127.0.0.1")) as (address, asked),
    ):
        for server_name in ("sip.example.org", "127.0.0.1"):
            assert here.listener.send(Transmission(ACK, here.flow_to(address, server_name)))
            await eventually(lambda: not here.listener._waiting)
            for connection in tuple(here.listener._by_number.values()):
                connection.abort()
            await eventually(here.is_empty)
        assert asked == ["sip.example.org", None]


# --- certificates of clients --------------------------------------------------------------------


async def test_a_client_is_known_by_its_certificate(authority: Authority) -> None:
    config = authority.config("sip.example.org", client_certificates="optional")
    async with secure(config) as it:
        async with connected(it, authority.client("pbx.example.org", "sip:pbx")) as peer:
            peer.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 1)
        async with connected(it, authority.client()) as peer:
            peer.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 2)
        names = [flow.certificate_names for _, flow in it.messages]
        assert names == [("pbx.example.org", "sip:pbx"), ()]


async def test_a_client_without_a_certificate_is_refused_where_one_is_required(
    authority: Authority,
) -> None:
    config = authority.config("sip.example.org", client_certificates="required")
    async with secure(config) as it:
        async with connected(it, authority.client()) as peer:
            peer.writer.write(ACK)
            assert await peer.is_closed()
        async with connected(it, authority.client("pbx.example.org")) as peer:
            peer.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 1)
        await eventually(it.is_empty)


async def test_we_show_our_certificate_and_hear_at_once_if_it_is_refused(
    authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    strict = Authority(tmp_path / "other", "other").config(
        "127.0.0.1", client_certificates="required"
    )
    welcoming = authority.config("127.0.0.1", file="there", client_certificates="required")
    async with secure(authority.config("here", verify=False)) as here:
        async with secure(welcoming) as there:
            assert here.listener.send(Transmission(ACK, here.flow_to(there.listener.address)))
            await eventually(lambda: len(there.messages) == 1)
            assert there.messages[0][1].certificate_names == ("here",)
        async with secure(strict) as there:
            sent = Transmission(ACK, here.flow_to(there.listener.address))
            assert here.listener.send(sent)
            await eventually(lambda: here.failed[-1:] == [sent])


# --- peers that are no good ---------------------------------------------------------------------


@pytest.mark.parametrize("rubbish", [ACK, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05xxxxx"])
async def test_who_does_not_speak_tls_is_closed(authority: Authority, rubbish: bytes) -> None:
    async with secure(authority.config("sip.example.org")) as it:
        async with TcpPeer.connect(*it.listener.address) as peer:
            peer.writer.write(rubbish)
            assert await peer.is_closed()
        await eventually(it.is_empty)
        assert it.messages == []


def client_hello() -> bytes:
    out = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="a")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
async def test_a_handshake_that_is_not_finished_is_given_up(
    authority: Authority, share: float
) -> None:
    hello = client_hello()
    async with (
        secure(authority.config("sip.example.org"), handshake=0.05) as it,
        TcpPeer.connect(*it.listener.address) as peer,
    ):
        peer.writer.write(hello[: int(len(hello) * share)])
        assert await peer.is_closed()
        await eventually(it.is_empty)


async def test_a_handshake_cut_off_leaves_nothing(authority: Authority) -> None:
    async with secure(authority.config("sip.example.org")) as it:
        async with TcpPeer.connect(*it.listener.address) as peer:
            peer.writer.write(client_hello())
            assert await peer.reader.read(100)
        await eventually(it.is_empty)


async def test_there_are_only_so_many_unfinished_handshakes_of_one_host(
    authority: Authority,
) -> None:
    async with (
        secure(authority.config("sip.example.org"), handshakes_per_host=2) as it,
        AsyncExitStack() as opened,
    ):
        for _ in range(2):
            await opened.enter_async_context(TcpPeer.connect(*it.listener.address))
        await eventually(lambda: it.listener._handshakes.total() == 2)
        async with TcpPeer.connect(*it.listener.address) as third:
            assert await third.is_closed()
        await opened.aclose()
        await eventually(it.is_empty)
        async with AsyncExitStack() as finished:  # those that are finished do not count
            for count in range(1, 4):
                peer = await finished.enter_async_context(connected(it, authority.client()))
                peer.writer.write(ACK)
                await eventually(lambda count=count: len(it.messages) == count)  # type: ignore[misc]


async def test_there_are_only_so_many_unfinished_handshakes_at_all(authority: Authority) -> None:
    async with secure(authority.config("sip.example.org"), handshakes=0) as it:
        async with TcpPeer.connect(*it.listener.address) as peer:
            assert await peer.is_closed()
        await eventually(it.is_empty)


async def test_who_does_not_finish_a_handshake_keeps_nobody_out(authority: Authority) -> None:
    async with (
        secure(authority.config("sip.example.org"), handshakes=1) as it,
        TcpPeer.connect(*it.listener.address) as slow,
    ):
        await eventually(lambda: it.listener._handshakes.total() == 1)
        async with connected(it, authority.client()) as peer:
            assert await slow.is_closed()
            peer.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 1)


async def test_a_slow_message_within_tls_closes_the_connection(authority: Authority) -> None:
    async with (
        secure(authority.config("sip.example.org"), message=0.05) as it,
        connected(it, authority.client()) as peer,
    ):
        peer.writer.write(ACK + ACK[:50])
        await eventually(lambda: len(it.messages) == 1)
        assert await peer.is_closed()


async def test_a_server_that_does_not_answer_the_handshake_is_given_up(
    authority: Authority,
) -> None:
    async with secure(authority.config("here"), connect=0.1) as here:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            sent = Transmission(ACK, here.flow_to(silent.getsockname()))
            assert here.listener.send(sent)
            await eventually(lambda: here.failed == [sent])
            assert here.is_empty()


async def test_a_name_that_tls_cannot_ask_for_is_a_failure_like_others(
    authority: Authority,
) -> None:
    async with secure(authority.config("here")) as here:
        sent = Transmission(ACK, here.flow_to(here.listener.address, f"{'a' * 64}.org"))
        assert here.listener.send(sent)
        await eventually(lambda: here.failed == [sent])


async def test_closing_amid_a_handshake_of_ours_leaves_nothing(authority: Authority) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        for turns in range(8):
            async with secure(authority.config("here")) as here:
                here.listener.send(Transmission(ACK, here.flow_to(silent.getsockname())))
                for _ in range(turns):
                    await asyncio.sleep(0)


# --- certificates that are renewed --------------------------------------------------------------


async def test_a_new_certificate_is_for_new_connections(authority: Authority) -> None:
    config = authority.config("old.example.org")
    async with secure(config) as it, connected(it, authority.client()) as before:
        before.writer.write(ACK)
        await eventually(lambda: len(it.messages) == 1)
        assert not it.certificates.have_changed
        authority.sign("new.example.org")
        assert it.certificates.have_changed
        it.certificates.reload()
        assert not it.certificates.have_changed
        async with connected(it, authority.client()) as after:
            shown = [peer.writer.get_extra_info("peercert") for peer in (before, after)]
        assert [dict(each["subjectAltName"])["DNS"] for each in shown] == [
            "old.example.org",
            "new.example.org",
        ]
        before.writer.write(ACK)
        await eventually(lambda: len(it.messages) == 2)


async def test_half_a_renewal_changes_nothing(authority: Authority) -> None:
    config = authority.config("old.example.org")
    certificates = Certificates(config)
    server, client = certificates.server, certificates.client
    authority.sign("new.example.org", file="next")
    os.replace(config.certificate.with_name("next.crt"), config.certificate)  # not yet its key
    with pytest.raises(ConfigError, match=r"sip\.tls\.key: .*own.key is not the key of .*own.crt"):
        certificates.reload()
    assert (certificates.server, certificates.client) == (server, client)
    assert certificates.have_changed  # so it is tried again
    os.replace(config.certificate.with_name("next.key"), config.key)
    certificates.reload()
    assert certificates.server is not server


@pytest.mark.parametrize("missing", ["certificate", "key", "ca_file"])
def test_files_that_cannot_be_used_are_told(authority: Authority, missing: str) -> None:
    config = authority.config("here")
    getattr(config, missing).write_text("nothing")
    with pytest.raises(ConfigError, match=rf"sip\.tls\.{missing}: {getattr(config, missing)}"):
        Certificates(config)


@pytest.mark.parametrize("cut", ["certificate", "key"])
def test_a_file_of_which_the_end_is_missing_is_told(authority: Authority, cut: str) -> None:
    config = authority.config("here")
    file = getattr(config, cut)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ConfigError, match=rf"sip\.tls\.{cut}: {file} is cut off"):
        Certificates(config)


@pytest.mark.parametrize("hours", [-1, 24])
async def test_a_certificate_that_nobody_will_believe_is_told(
    authority: Authority, hours: int
) -> None:
    certificates = Certificates(authority.config("here", until=NOW + hours * DAY / 24))
    with structlog.testing.capture_logs() as logs:
        await watch_certificates(certificates, 60.0).close()
    (told,) = logs
    assert told["log_level"] == "warning"
    assert "[sip.tls]" in told["remedy"]


@pytest.mark.parametrize(
    ("names", "is_told"),
    [
        (["sip.example.org"], False),
        (["other.example.org", "SIP.example.org"], False),
        (["*.example.org"], False),
        (["sip:sip.example.org"], False),
        (["example.org", "192.0.2.1"], True),
        ([], True),
    ],
)
async def test_a_certificate_that_is_not_for_the_name_we_state_is_told(
    authority: Authority, names: list[str], is_told: bool
) -> None:
    config = authority.config(*names, until=NOW + 30 * DAY)
    certificates = Certificates(replace(config, name="sip.example.org"))
    with structlog.testing.capture_logs() as logs:
        await watch_certificates(certificates, 60.0).close()
    assert ["is not for our name" in told["event"] for told in logs] == [True] * is_told


async def test_nothing_is_told_of_a_certificate_that_is_good(authority: Authority) -> None:
    certificates = Certificates(authority.config("here", until=NOW + 30 * DAY))
    with structlog.testing.capture_logs() as logs:
        await watch_certificates(certificates, 60.0).close()
    assert not logs


async def test_a_certificate_that_grows_old_while_the_gateway_runs_is_told_once_a_day(
    authority: Authority,
) -> None:
    noon = NOW.replace(hour=12)
    certificates = Certificates(authority.config("here", until=noon + 9.5 * DAY))
    now = noon
    looks: list[datetime.datetime] = []

    def clock() -> datetime.datetime:
        looks.append(now)
        return now

    with structlog.testing.capture_logs() as logs:
        watch = watch_certificates(certificates, 0.001, clock)
        for days, told in ((0, 0), (2, 0), (3, 1), (3.1, 1), (4, 2)):
            now = noon + days * DAY
            looks.clear()
            await eventually(lambda: len(looks) > 3)
            assert len(logs) == told
        await watch.close()


def test_a_key_with_a_password_is_told_and_not_asked_for(authority: Authority) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

    config = authority.config("here")
    key = serialization.load_pem_private_key(config.key.read_bytes(), None)
    config.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigError, match="the key has a password"):
        Certificates(config)
