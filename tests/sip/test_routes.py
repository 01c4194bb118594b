"""User agents that find each other by name, and another way where there is none."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.sip.events import Failed, HungUp
from gateway.sip.locate import Destination, Srv
from gateway.sip.timers import Timers
from gateway.sip.user_agent import UserAgent
from tests.sip.edge import ROOM, UdpPeer, eventually, new_agent, nothing_left, uri_of
from tests.sip.fake_dns import FakeDns
from tests.sip.test_user_agent import last_event, next_call
from tests.sip.wire import ANSWER, OFFER, request

LONG = OFFER + b"a=x:" + b"y" * 1300 + b"\r\n"


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


def know(agent: UserAgent, dns: FakeDns) -> None:
    agent._routes._locator._resolver = dns


def port_of(agent: UserAgent, transport: str = "udp") -> int:
    (listen,) = (one for one in agent.listening if one.transport == transport)
    return listen.port


async def test_a_dead_server_is_passed_over_for_the_next_and_avoided_then() -> None:
    async with new_agent("udp", timers=Timers()) as alice, new_agent("udp") as bob:
        with UdpPeer() as gone:
            dead = gone.address[1]
        srvs = [Srv(1, 0, dead, "one.org"), Srv(2, 0, port_of(bob), "two.org")]
        hosts = {"one.org": ["127.0.0.1"], "two.org": ["127.0.0.1"]}
        know(alice, FakeDns(srvs={"_sip._udp.example.org": srvs}, hosts=hosts))
        destination = Destination(None, "example.org")
        ports = [flow.remote[1] for flow in await alice.find_flows(destination)]
        assert ports == [dead, port_of(bob)]
        out = await alice.invite("sip:room@example.org", OFFER, from_=ROOM)
        incoming = await next_call(bob)
        incoming.reject(480)
        failed = await last_event(out)
        assert isinstance(failed, Failed) and failed.status == 480
        ports = [flow.remote[1] for flow in await alice.find_flows(destination)]
        assert ports == [port_of(bob), dead]


async def test_an_address_of_a_family_without_a_listener_is_left_out() -> None:
    async with new_agent("udp") as alice:
        know(alice, FakeDns(hosts={"six.org": ["::1"], "both.org": ["::1", "127.0.0.1"]}))
        (flow,) = await alice.find_flows(Destination("udp", "both.org", 5060))
        assert flow.remote == ("127.0.0.1", 5060)
        with pytest.raises(OSError, match=r"no udp listener can reach six\.org"):
            await alice.find_flows(Destination("udp", "six.org", 5060))


async def test_a_large_invite_is_a_datagram_where_there_is_no_tcp() -> None:
    async with new_agent("udp", "tcp", timers=Timers()) as alice, new_agent("udp") as bob:
        out = await alice.invite(uri_of(bob), LONG, from_=ROOM)
        incoming = await next_call(bob)
        assert incoming.source.transport == "udp" and incoming.offer == LONG
        incoming.reject(480)
        await last_event(out)


async def test_a_next_hop_that_is_a_name_is_looked_up_before_it_is_needed() -> None:
    """The proxy that we were called by goes away; the other of its name takes the BYE."""
    async with new_agent("udp", "tcp", timers=Timers()) as bob, new_agent("tcp") as proxy:
        know(bob, FakeDns(hosts={"proxy.org": ["127.0.0.1"]}))
        name = f"<sip:proxy.org:{port_of(proxy, 'tcp')};transport=tcp;lr>"
        with UdpPeer() as phone:
            via = f"SIP/2.0/UDP 127.0.0.1:{phone.address[1]};branch=z9hG4bK-1"
            asked = request(via=via, body=OFFER, fields=[("Record-Route", name)])
            phone.send(asked, bob)
            incoming = await next_call(bob)
            answering = asyncio.create_task(incoming.answer(ANSWER))
            tag = (await phone.receive_response(200)).headers.to.tag
            phone.send(request("ACK", via=via, to_tag=tag), bob)
            await answering
        incoming.hang_up()
        await eventually(lambda: proxy.counters.requests == 1)
        await eventually(lambda: bob.call_count == 0)  # it was told 481


async def test_closing_while_a_name_is_looked_up_leaves_nothing() -> None:
    class Slow(FakeDns):
        async def addresses(self, host: str) -> object:  # type: ignore[override]
            return await asyncio.get_running_loop().create_future()

    async with new_agent("udp") as bob:
        know(bob, Slow())
        for number in range(200):
            bob._routes.flows_to(Destination("udp", f"h{number}.org", 5060))
            bob._routes.flows_to(Destination("udp", "again.org", 5060))
        assert len(bob._routes._lookups) == 64


async def test_a_name_that_cannot_be_found_is_no_fault() -> None:
    async with new_agent("udp") as bob:
        know(bob, FakeDns(is_down=True))
        assert bob._routes.flows_to(Destination("udp", "proxy.org")) == ()
        await eventually(lambda: not bob._routes._lookups)


async def test_a_connection_that_is_gone_is_noticed_and_made_anew() -> None:
    async with new_agent("tcp") as alice, new_agent("tcp") as bob:
        out = await alice.invite(uri_of(bob, "tcp"), OFFER, from_=ROOM)
        incoming = await next_call(bob)
        incoming.ring()
        await out.events.next()
        answering = asyncio.create_task(incoming.answer(ANSWER))
        await out.events.next()
        await answering
        for connection in tuple(bob._sockets.listeners[0]._by_number.values()):  # type: ignore[union-attr]
            connection.abort()
        await eventually(lambda: not alice._sockets.listeners[0]._by_number)  # type: ignore[union-attr]
        out.hang_up()
        assert isinstance(await last_event(incoming), HungUp)


async def test_who_takes_a_connection_and_closes_it_is_known_at_once() -> None:
    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with new_agent("tcp", timers=Timers()) as alice:
        port = server.sockets[0].getsockname()[1]
        out = await alice.invite(f"sip:a@127.0.0.1:{port};transport=tcp", OFFER, from_=ROOM)
        failed = await last_event(out)
        assert isinstance(failed, Failed) and failed.status == 503
    server.close()
    await server.wait_closed()
