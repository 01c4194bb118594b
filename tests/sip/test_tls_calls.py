"""Calls between user agents over TLS."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.sip.events import Failed, HungUp
from gateway.sip.flow import Flow
from gateway.sip.locate import Destination
from gateway.sip.user_agent import UserAgent
from tests.sip.authority import Authority
from tests.sip.edge import ROOM, assert_nothing_remains, eventually, new_agent, nothing_left, uri_of
from tests.sip.test_user_agent import last_event, next_call, talking
from tests.sip.wire import OFFER


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


@asynccontextmanager
async def two(folder: Path, host: str = "127.0.0.1") -> AsyncIterator[tuple[UserAgent, UserAgent]]:
    authority = Authority(folder)
    config = authority.config("127.0.0.1", "::1", "localhost", client_certificates="required")
    async with (
        new_agent("tls", host=host, tls=config) as alice,
        new_agent("tls", "udp", host=host, tls=config) as bob,
    ):
        yield alice, bob
        await eventually(lambda: alice.call_count == bob.call_count == 0)
        for agent in (alice, bob):
            assert_nothing_remains(agent)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("scheme", ["sip", "sips"])
async def test_either_side_hangs_up(tmp_path: Path, host: str, scheme: str) -> None:
    async with two(tmp_path, host) as (alice, bob):
        uri = uri_of(bob, "tls")
        target = uri if scheme == "sip" else "sips" + uri.removeprefix("sip").partition(";")[0]
        for who_hangs_up in (0, 1):
            out = await alice.invite(target, OFFER, from_=ROOM)
            incoming = await next_call(bob)
            assert incoming.request.headers["Contact"].startswith(f"<{scheme}:")
            assert "localhost" in incoming.source.certificate_names
            answering = asyncio.create_task(incoming.answer(OFFER))
            await out.events.next()
            await answering
            calls = (out, incoming)
            calls[who_hangs_up].hang_up()
            assert isinstance(await last_event(calls[1 - who_hangs_up]), HungUp)


async def test_a_name_is_proved_not_its_address(tmp_path: Path) -> None:
    async with two(tmp_path) as (alice, bob):
        port = bob.listening[0].port
        good = Destination("tls", "localhost", port)
        out = await alice.invite("sip:room@example.org", OFFER, from_=ROOM, destination=good)
        incoming = await next_call(bob)
        incoming.reject(480)
        assert isinstance(await last_event(out), Failed)


async def test_a_call_is_hung_up_on_a_new_connection_to_the_same_name(tmp_path: Path) -> None:
    config = Authority(tmp_path).config("localhost")
    async with (
        new_agent("tls", tls=config, advertised_host="localhost") as alice,
        new_agent("tls", tls=config) as bob,
    ):
        there, back = (Destination("tls", "localhost", a.listening[0].port) for a in (bob, alice))
        out = await alice.invite("sip:room@localhost", OFFER, from_=ROOM, destination=there)
        incoming = await next_call(bob)
        answering = asyncio.create_task(incoming.answer(OFFER))
        await out.events.next()
        await answering
        await bob.find_flows(back)
        connections = bob._sockets.listeners[0]._by_number  # type: ignore[union-attr]
        for connection in tuple(connections.values()):
            connection.abort()
        await eventually(lambda: not connections)
        incoming.hang_up()
        assert isinstance(await last_event(out), HungUp)
        await eventually(lambda: bob.call_count == 0)


async def test_over_tls_we_are_where_our_certificate_says(tmp_path: Path) -> None:
    # Who has lost its connection, as a phone has that changes networks, connects to the Contact.
    config = replace(Authority(tmp_path).config("localhost"), name="localhost")
    async with new_agent("tls", "udp", tls=config) as agent:
        tls, udp = agent.listening
        own = (tls.host, tls.port)
        over_tls, over_udp = Flow("tls", own, ("127.0.0.1", 9)), Flow("udp", own, ("127.0.0.1", 9))
        assert agent.contact(over_tls, "room") == f"sip:room@localhost:{tls.port};transport=tls"
        assert agent.contact(over_udp, "room") == f"sip:room@127.0.0.1:{tls.port}"
        assert agent.address(over_tls) == udp.host == "127.0.0.1"  # what media is told


async def test_calls_go_on_while_certificates_are_renewed(tmp_path: Path) -> None:
    async with two(tmp_path) as (alice, bob):
        async with talking(alice, bob, "tls") as (before, incoming):
            authority = Authority(tmp_path)  # with another key: all certificates change
            authority.config("127.0.0.1")
            assert bob._certificates is not None
            for agent in (alice, bob):
                agent.reload_certificates()
            await eventually(
                lambda: not any(a._certificates.have_changed for a in (alice, bob))  # type: ignore[union-attr]
            )
            connections = len(bob._sockets.listeners[0]._by_number)  # type: ignore[union-attr]
            assert connections == 1
            before.hang_up()
            assert isinstance(await last_event(incoming), HungUp)
        await eventually(lambda: alice.call_count == 0)  # it has heard that its BYE came
        for connection in tuple(alice._sockets.listeners[0]._by_number.values()):  # type: ignore[union-attr]
            connection.abort()
        await eventually(lambda: not alice._sockets.listeners[0]._by_number)  # type: ignore[union-attr]
        async with talking(alice, bob, "tls") as (_, anew):  # with the new ones
            assert anew.source.certificate_names == ("127.0.0.1",)


async def test_files_that_change_are_seen(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    config = authority.config("127.0.0.1")
    agent = new_agent("tls", tls=config)
    agent._config = replace(agent._config, look_for_certificates=0.01)
    async with agent:
        certificates = agent._certificates
        assert certificates is not None
        first = certificates.server
        authority.sign("127.0.0.1", file="next")
        os.replace(tmp_path / "next.crt", config.certificate)  # half a renewal
        await asyncio.sleep(0.05)
        assert certificates.server is first
        os.replace(tmp_path / "next.key", config.key)
        await eventually(lambda: certificates.server is not first)
