"""The lab's XMPP server on the network: TLS, foreign clients, broken connections, a clean end."""

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import aiohttp
import pytest
import slixmpp

from gateway.lab.lab import Lab, LabConfig
from gateway.lab.voice import Voice
from gateway.xmpp import namespaces as ns
from gateway.xmpp.caps import Capabilities
from gateway.xmpp.client import connect
from gateway.xmpp.component_message import Components
from gateway.xmpp.conference_request import ConferenceRequest
from gateway.xmpp.connection import ConnectionFailed, FailureCause
from gateway.xmpp.element import element
from gateway.xmpp.reception import Reception
from gateway.xmpp.server import Account, Server
from gateway.xmpp.stanza import StanzaError
from gateway.xmpp.tls import tls_context

RECEPTION = Reception(Capabilities(), focus="demo@conference.lab.test/focus")
SILENCE = Voice(((b"\xf8\xff\xfe", 127),))


def server_of(lab: Lab, *, trusted: bool = True, account: Account | None = None) -> Server:
    host, port = lab.xmpp_address
    context = None
    if lab.ca_file is not None:
        context = tls_context(ca_file=lab.ca_file if trusted else None)
    domain = "auth.lab.test" if account else lab.domain
    return Server(domain, context, host, port, account)


@asynccontextmanager
async def connected(lab: Lab, **options):
    connection = await connect(server_of(lab, **options), RECEPTION)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def raw(lab: Lab):
    """A bare TCP connection."""
    reader, writer = await asyncio.open_connection(*lab.xmpp_address)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@pytest.mark.parametrize("starttls", [True, False])
async def test_a_client_logs_in_with_and_without_tls(starttls: bool) -> None:
    async with Lab(LabConfig(starttls=starttls)) as lab, connected(lab) as connection:
        assert connection.jid.endswith(f"@{lab.domain}/{connection.jid.partition('/')[2]}")
        assert connection.jid.startswith(connection.nick)
        answer = await connection.request(lab.domain, element(ns.PING, "ping"), type_="get")
        assert answer.get("type") == "result"
        assert lab.violations == []


async def test_the_components_are_told_of_at_the_main_domain_only() -> None:
    query = element(ns.DISCO_INFO, "query")
    async with Lab(LabConfig(guest_domain="guest.lab.test")) as lab:
        server = replace(server_of(lab), guest_domain="guest.lab.test")
        connection = await connect(server, RECEPTION)
        try:
            assert "@guest.lab.test/" in connection.jid
            for domain, knows in (("lab.test", True), ("guest.lab.test", False)):
                components = Components.parse(await connection.request(domain, query, type_="get"))
                assert ("av_moderation" in components.addresses) is knows
        finally:
            await connection.close()


async def test_an_untrusted_certificate_is_found_out() -> None:
    async with Lab() as lab:
        with pytest.raises(ConnectionFailed) as failed:
            await connect(server_of(lab, trusted=False), RECEPTION)
        assert failed.value.cause is FailureCause.TLS


async def test_the_certificate_is_of_the_domain_and_of_no_other() -> None:
    async with Lab() as lab:
        context = ssl.create_default_context(cafile=str(lab.ca_file))
        async with raw(lab) as (reader, writer):
            await speak(reader, writer, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            with pytest.raises(ssl.SSLCertVerificationError):
                await writer.start_tls(context, server_hostname="elsewhere.test")


async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: str) -> bytes:
    """Open a stream, say something; what came after the features."""
    writer.write(
        b"<stream:stream to='lab.test' version='1.0' xmlns='jabber:client'"
        b" xmlns:stream='http://etherx.jabber.org/streams'>"
    )
    await reader.readuntil(b"</stream:features>")
    writer.write(text.encode())
    return await reader.readuntil(b">")


@pytest.mark.parametrize(("password", "good"), [("secret", True), ("wrong", False)])
async def test_an_account_logs_in_to_the_auth_domain(password: str, good: bool) -> None:
    config = LabConfig(accounts={"gateway": "secret"})
    account = Account("gateway@auth.lab.test", password)
    async with Lab(config) as lab:
        if good:
            async with connected(lab, account=account) as connection:
                assert connection.jid.startswith("gateway@auth.lab.test/")
        else:
            with pytest.raises(ConnectionFailed) as failed:
                await connect(server_of(lab, account=account), RECEPTION)
            assert failed.value.cause is FailureCause.LOGIN


async def test_slixmpp_by_itself_logs_in_discovers_and_joins() -> None:
    async with Lab() as lab:
        await lab.add_speaker("demo", "Ann", SILENCE)
        client = slixmpp.ClientXMPP(
            lab.domain, "", ssl_context=ssl.create_default_context(cafile=str(lab.ca_file))
        )
        client.plugin["feature_mechanisms"].use_mech = "ANONYMOUS"
        for plugin in ("xep_0030", "xep_0045", "xep_0198", "xep_0199"):
            client.register_plugin(plugin)
        client.enable_direct_tls = False
        started = asyncio.Event()
        client.add_event_handler("session_start", lambda _: started.set())
        host, port = lab.xmpp_address
        client.connect(host, port)
        async with asyncio.timeout(10):
            await started.wait()
            client.send_presence()
            client.get_roster()
            info = await client.plugin["xep_0030"].get_info(jid=lab.domain)
            identities = info["disco_info"]["identities"]
            assert ("component", "lobbyrooms", None, "lobby.lab.test") in identities
            assert ns.PING in info["disco_info"]["features"]
            assert await client.plugin["xep_0199"].ping(lab.domain) > 0
            room, nick = lab.room_jid("demo"), client.boundjid.user[:8]
            await client.plugin["xep_0045"].join_muc_wait(room, nick, timeout=5)
            assert nick in {occupant.nick for occupant in lab.occupants("demo")}
            await client.disconnect()
        await asyncio.sleep(0)


async def test_who_is_nobody_is_answered_with_service_unavailable() -> None:
    async with Lab(LabConfig(starttls=False)) as lab, connected(lab) as connection:
        for to in ("nobody@lab.test", "unknown.lab.test", lab.domain):
            with pytest.raises(StanzaError) as refused:
                await connection.request(to, element("urn:lab:unknown", "query"), type_="get")
            assert refused.value.condition == "service-unavailable"


async def test_a_connection_can_be_broken_from_outside() -> None:
    async with Lab(LabConfig(starttls=False)) as lab, connected(lab) as connection:
        await join(lab, connection)
        lab.drop_connection(connection.nick)
        with pytest.raises(ConnectionFailed):
            async with asyncio.timeout(5):
                while True:
                    await connection.receive()
        assert lab.occupants("demo") == []
        with pytest.raises(KeyError):
            lab.drop_connection(connection.nick)


async def join(lab: Lab, connection) -> None:
    room = lab.room_jid("demo")
    await connection.request(lab.focus_jid, ConferenceRequest(room, "machine").to_element())
    attributes = {"to": f"{room}/{connection.nick}"}
    connection.send(element(ns.CLIENT, "presence", attributes, element(ns.MUC, "x")))
    async with asyncio.timeout(5):
        while not getattr(await connection.receive(), "is_self", False):
            pass


async def test_a_client_can_be_asked_everything() -> None:
    config = LabConfig(starttls=False, nuisances=True)
    async with Lab(config) as lab, connected(lab) as connection:
        await connection.request(lab.domain, element(ns.PING, "ping"), type_="get")
        assert lab.violations == []


async def test_nonsense_ends_the_connection() -> None:
    async with Lab(LabConfig(starttls=False)) as lab, raw(lab) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(5):
            said = await reader.read()
        assert b"<not-well-formed" in said


@pytest.mark.parametrize("protocols", [(), ("chat",)])
async def test_a_web_socket_that_does_not_want_xmpp_is_none(protocols: tuple[str, ...]) -> None:
    async with Lab(LabConfig(starttls=False)) as lab, aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(lab.web_socket_url, protocols=protocols)
        assert refused.value.status == 501
        assert lab.session_count == 0


async def test_reading_can_be_throttled() -> None:
    config = LabConfig(starttls=False, read_rate=100_000)
    async with Lab(config) as lab, connected(lab) as connection:
        body = element(ns.CLIENT, "body", text="x" * 20_000)
        loop = asyncio.get_running_loop()
        before = loop.time()
        connection.send(element(ns.CLIENT, "message", {"to": lab.domain}, body))
        for _ in range(2):  # the first may be read together with the message
            await connection.request(lab.domain, element(ns.PING, "ping"), type_="get")
        assert loop.time() - before > 0.15


async def test_a_lab_that_is_closed_has_left_nothing() -> None:
    before = asyncio.all_tasks()
    async with Lab() as lab:
        await lab.add_speaker("demo", "Ann", SILENCE)
        ca_file, address = lab.ca_file, lab.xmpp_address
        connection = await connect(server_of(lab), RECEPTION)
    await connection.close()
    assert ca_file is not None
    assert not ca_file.exists()
    assert not ca_file.parent.exists()
    with pytest.raises(OSError):
        await asyncio.open_connection(*address)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_speaker_that_leaves_is_nowhere_any_more() -> None:
    async with Lab() as lab:
        ann = await lab.add_speaker("demo", "Ann", SILENCE)
        assert lab.bridge.feedback_ssrc(lab.room_jid("demo"))
        assert lab.speakers("demo") == [ann]
        lab.remove_speaker(ann)
        assert lab.speakers("demo") == []
        assert lab.occupants("demo") == []
        with pytest.raises(KeyError):
            lab.bridge.feedback_ssrc(lab.room_jid("demo"))
        with pytest.raises(KeyError):
            lab.nick_of(ann)
        lab.remove_speaker(ann)


async def test_a_broken_rule_is_told_once_and_noted_each_time() -> None:
    steps: list[tuple[str, str]] = []
    lab = Lab(on_step=lambda who, what: steps.append((who, what)))
    for who in ("1a2b3c4d", "1a2b3c4d", "5e6f7a8b"):
        lab._blame(35, who, "a packet without the audio level extension")
    told = "breaks rule 35: a packet without the audio level extension"
    assert steps == [("1a2b3c4d", told), ("5e6f7a8b", told)]
    assert len(lab.violations) == 3


async def test_a_client_that_breaks_a_rule_for_days_does_not_fill_the_memory() -> None:
    lab = Lab()
    for number in range(20_000):
        lab._blame(35, f"{number}", "a packet without the audio level extension")
    assert len(lab.violations) == 10_000


async def test_steps_tell_a_watcher_what_happens() -> None:
    steps: list[tuple[str, str]] = []
    config = LabConfig(starttls=False)
    lab = Lab(config, on_step=lambda who, what: steps.append((who, what)))
    async with lab, connected(lab) as connection:
        await join(lab, connection)
        nick, jid = connection.nick, connection.jid
    said = [what for who, what in steps if who in (nick, jid)]
    assert said[:3] == [
        "is logged in",
        "asks for conference demo@conference.lab.test: ready",
        "is in demo@conference.lab.test",
    ]
