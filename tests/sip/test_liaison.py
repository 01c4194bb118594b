"""Registering and asking on real sockets, against a server that is only a socket."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from gateway.sip.client_request import Outcome
from gateway.sip.digest import Credentials
from gateway.sip.flow import Flow
from gateway.sip.headers import Headers
from gateway.sip.liaison import LiaisonConfig, Liaisons, ServiceRoute
from gateway.sip.locate import Destination
from gateway.sip.message import Request
from gateway.sip.probe import ProbeConfig, ProbeState
from gateway.sip.registration import RegistrationConfig, RegistrationState
from gateway.sip.timers import Timers
from gateway.sip.user_agent import UserAgent
from tests.sip.edge import (
    FAST,
    UdpPeer,
    assert_nothing_remains,
    eventually,
    new_agent,
    nothing_left,
)
from tests.sip.wire import response

CHALLENGE = ("WWW-Authenticate", 'Digest realm="provider", nonce="n1", qop="auth"')


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


def registering(peer: UdpPeer, host: str = "127.0.0.1") -> LiaisonConfig:
    return LiaisonConfig(
        "trunk",
        RegistrationConfig("sip:provider.test", "4312345", "gw", Credentials("auth", "secret")),
        Destination("udp", host, peer.address[1]),
    )


def asking(peer: UdpPeer, failures: int = 1) -> LiaisonConfig:
    return LiaisonConfig(
        "trunk",
        probe=ProbeConfig("sip:provider.test", 0.02, failures=failures),
        probed=Destination("udp", "127.0.0.1", peer.address[1]),
    )


@asynccontextmanager
async def at_work(
    config: LiaisonConfig, timers: Timers = FAST
) -> AsyncIterator[tuple[UserAgent, Liaisons]]:
    async with new_agent(timers=timers) as agent:
        async with Liaisons([config], agent) as liaisons:
            yield agent, liaisons
        assert_nothing_remains(agent)


async def serve(
    peer: UdpPeer, agent: UserAgent, heard: list[Request], routes: tuple[str, ...] = ()
) -> None:
    """Answer as a registrar that wants to know who it is, for ever."""
    while True:
        request = await peer.receive()
        assert isinstance(request, Request)
        heard.append(request)
        if request.headers.get("Authorization") is None:
            peer.send(response(request, 401, fields=[CHALLENGE]), agent)
        else:
            fields = [("Contact", request.headers["Contact"])]
            fields += [("Service-Route", route) for route in routes]
            peer.send(response(request, 200, fields=fields), agent)


async def refuse(peer: UdpPeer, agent: UserAgent, heard: list[Request]) -> None:
    """Answer as a registrar that knows nobody, for ever, also to who takes its leave."""
    while True:
        heard.append(await peer.receive_request("REGISTER"))
        peer.send(response(heard[-1], 401, fields=[CHALLENGE]), agent)


async def test_it_registers_is_called_there_and_takes_the_binding_back() -> None:
    heard: list[Request] = []
    with UdpPeer() as peer:
        async with at_work(registering(peer), Timers()) as (agent, liaisons):
            registrar = asyncio.create_task(serve(peer, agent, heard))
            liaison = liaisons.find("trunk")
            assert liaison is not None and liaison.registration is not None
            assert liaisons.called("127.0.0.1", "gw") is None
            registration = liaison.registration
            await eventually(lambda: registration.state is RegistrationState.REGISTERED)
            (listen,) = agent.listening
            assert heard[0].headers.contact is not None
            assert heard[0].headers.contact.uri == f"sip:gw@127.0.0.1:{listen.port}"
            assert liaisons.called("127.0.0.1", "gw") == "trunk"
            assert liaisons.called("127.0.0.2", "gw") is None
            assert liaisons.called("127.0.0.1", "else") is None
        registrar.cancel()
        await asyncio.wait([registrar])
    asked = {request.headers.cseq.sequence: request.headers["Expires"] for request in heard}
    assert asked == {1: "3600", 2: "3600", 3: "0"}


@pytest.mark.parametrize("is_proxy", [True, False])
async def test_calls_go_by_the_service_route_and_by_the_proxy_that_is_configured(
    is_proxy: bool,
) -> None:
    heard: list[Request] = []
    told = ("<sip:192.0.2.7:5070;lr>", "<sip:core.test;lr>")
    with UdpPeer() as peer:
        config = registering(peer)
        assert config.registration is not None and config.registrar is not None
        if not is_proxy:
            own = replace(config.registration, registrar="sip:127.0.0.1")
            config = replace(config, registration=own)
        async with at_work(config, Timers()) as (agent, liaisons):
            registrar = asyncio.create_task(serve(peer, agent, heard, told))
            assert liaisons.service_route("trunk") is None
            await eventually(lambda: liaisons.service_route("trunk") is not None)
            hop = config.registrar if is_proxy else Destination(None, "192.0.2.7", 5070)
            assert liaisons.service_route("trunk") == ServiceRoute(hop, told)
            assert liaisons.service_route("else") is None
        registrar.cancel()
        await asyncio.wait([registrar])


async def test_a_password_that_is_not_taken_is_one_line_that_says_what_to_do() -> None:
    heard: list[Request] = []
    with capture_logs() as logs, UdpPeer() as peer:
        async with at_work(registering(peer), Timers()) as (agent, liaisons):
            registrar = asyncio.create_task(refuse(peer, agent, heard))
            liaison = liaisons.find("trunk")
            assert liaison is not None and liaison.registration is not None
            registration = liaison.registration
            await eventually(lambda: registration.state is RegistrationState.REFUSED)
            asked = [request.headers.get("Authorization") is not None for request in heard]
            assert asked == [False, True]  # unasked, and with the password
        registrar.cancel()
        await asyncio.wait([registrar])
    (line,) = (each for each in logs if each["event"] == "not registered")
    assert (line["trunk"], line["log_level"]) == ("trunk", "warning")
    assert line["reason"].startswith("401 ") and "password of [trunk.register]" in line["remedy"]
    assert "secret" not in str(logs)


async def test_a_registrar_that_cannot_be_found_is_told_of() -> None:
    with UdpPeer() as peer:
        async with at_work(registering(peer, "::1")) as (_, liaisons):  # there is no IPv6 listener
            liaison = liaisons.find("trunk")
            assert liaison is not None and liaison.registration is not None
            registration = liaison.registration
            await eventually(lambda: registration.state is RegistrationState.FAILING)
            assert "no way to the registrar" in registration.error


async def test_dns_that_takes_too_long_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def for_ever(agent: UserAgent, destination: Destination) -> tuple[Flow, ...]:
        await asyncio.Event().wait()
        return ()

    monkeypatch.setattr(UserAgent, "find_flows", for_ever)
    monkeypatch.setattr("gateway.sip.liaison._LOOKUP", 0.01)
    with UdpPeer() as peer:
        async with at_work(registering(peer, "registrar.test")) as (_, liaisons):
            liaison = liaisons.find("trunk")
            assert liaison is not None and liaison.registration is not None
            registration = liaison.registration
            await eventually(lambda: registration.state is RegistrationState.FAILING)
            assert registration.error.endswith("DNS has not said in time where registrar.test is")


async def test_a_peer_is_up_while_it_answers() -> None:
    with UdpPeer() as peer:
        async with at_work(asking(peer)) as (agent, liaisons):
            liaison = liaisons.find("trunk")
            assert liaison is not None and liaison.probe is not None
            probe = liaison.probe
            assert not liaisons.is_down("trunk")
            request = await peer.receive_request("OPTIONS")
            assert request.uri == "sip:provider.test"
            peer.send(response(request, 200), agent)
            await eventually(lambda: probe.state is ProbeState.UP)
            await eventually(lambda: liaisons.is_down("trunk"))  # it has fallen silent
            while probe.state is not ProbeState.UP:  # questions that nobody waits for are there too
                peer.send(response(await peer.receive_request("OPTIONS"), 404), agent)
            assert not liaisons.is_down("trunk")


async def test_a_trunk_that_nobody_asks_is_not_down() -> None:
    with UdpPeer() as peer:
        async with at_work(registering(peer)) as (_, liaisons):
            assert not liaisons.is_down("trunk")
            assert not liaisons.is_down("another")


async def test_a_user_agent_that_is_closed_sends_nothing_more() -> None:
    with UdpPeer() as peer:
        async with new_agent() as agent:
            (flow,) = await agent.find_flows(Destination("udp", *peer.address))
        asked = await agent.request(Request("OPTIONS", "sip:x", Headers()), flow)
        assert asked == Outcome.without_response(503)


async def test_a_registrar_of_several_addresses_may_call_from_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = UserAgent.find_flows

    async def two(agent: UserAgent, destination: Destination) -> tuple[Flow, ...]:
        (flow,) = await find(agent, destination)
        return flow, replace(flow, remote=("127.0.0.9", flow.remote[1]))

    monkeypatch.setattr(UserAgent, "find_flows", two)
    with UdpPeer() as peer:
        async with at_work(registering(peer), Timers()) as (agent, liaisons):
            registrar = asyncio.create_task(serve(peer, agent, []))
            await eventually(lambda: liaisons.called("127.0.0.1", "gw") == "trunk")
            assert liaisons.called("127.0.0.9", "gw") == "trunk"
        registrar.cancel()
        await asyncio.wait([registrar])


@pytest.fixture
def dead_server_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is looked for has two servers, of which the first is not there."""
    find = UserAgent.find_flows

    async def two(agent: UserAgent, destination: Destination) -> tuple[Flow, ...]:
        (flow,) = await find(agent, destination)
        return replace(flow, remote=("127.0.0.9", flow.remote[1])), flow

    monkeypatch.setattr(UserAgent, "find_flows", two)


@pytest.mark.usefixtures("dead_server_first")
async def test_it_registers_with_the_server_that_is_there() -> None:
    with capture_logs() as logs, UdpPeer() as peer:
        async with at_work(registering(peer), Timers()) as (agent, liaisons):
            heard: list[Request] = []
            registrar = asyncio.create_task(serve(peer, agent, heard))
            liaison = liaisons.find("trunk")
            assert liaison is not None and liaison.registration is not None
            registration = liaison.registration
            await eventually(lambda: registration.state is RegistrationState.REGISTERED)
        registrar.cancel()
        await asyncio.wait([registrar])
    assert [each["event"] for each in logs if each["log_level"] == "warning"] == []
    assert [request.headers["Expires"] for request in heard] == ["3600", "3600", "0"]


@pytest.mark.usefixtures("dead_server_first")
async def test_it_takes_its_leave_where_it_is_registered() -> None:
    """A server that says nothing would take all the time there is for that."""
    with UdpPeer() as peer, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.9", peer.address[1]))
        silent.setblocking(False)
        async with at_work(registering(peer)) as (agent, liaisons):
            registrar = asyncio.create_task(serve(peer, agent, []))
            liaison = liaisons.find("trunk")
            assert liaison is not None and liaison.registration is not None
            registration = liaison.registration
            await eventually(lambda: registration.state is RegistrationState.REGISTERED)
            while True:
                try:
                    silent.recv(65535)
                except BlockingIOError:
                    break
        registrar.cancel()
        await asyncio.wait([registrar])
        with pytest.raises(BlockingIOError):
            silent.recv(65535)


@pytest.mark.usefixtures("dead_server_first")
async def test_a_peer_is_up_while_one_of_its_servers_answers() -> None:
    with UdpPeer() as peer:
        async with at_work(asking(peer)) as (agent, liaisons):
            liaison = liaisons.find("trunk")
            assert liaison is not None and liaison.probe is not None
            peer.send(response(await peer.receive_request("OPTIONS"), 200), agent)
            probe = liaison.probe
            await eventually(lambda: probe.state is not ProbeState.UNKNOWN)
            assert probe.state is ProbeState.UP


async def test_a_peer_may_answer_by_another_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    find = UserAgent.find_flows
    async with new_agent("udp", "tcp") as agent, new_agent("tcp") as server:
        (listen,) = server.listening

        async def two(_: UserAgent, destination: Destination) -> tuple[Flow, ...]:
            udp = await find(agent, Destination("udp", "127.0.0.1", listen.port))
            return *udp, *await find(agent, Destination("tcp", "127.0.0.1", listen.port))

        config = LiaisonConfig(
            "trunk",
            probe=ProbeConfig("sip:provider.test", 0.02, failures=1),
            probed=Destination(None, "provider.test"),
        )
        monkeypatch.setattr(UserAgent, "find_flows", two)
        async with Liaisons([config], agent) as liaisons:
            liaison = liaisons.find("trunk")
            assert liaison is not None and liaison.probe is not None
            probe = liaison.probe
            await eventually(lambda: probe.state is not ProbeState.UNKNOWN)
            assert probe.state is ProbeState.UP
