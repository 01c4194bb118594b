"""Requests that go by a connection just as its peer closes it (RFC 3261 18.4)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.sip.client_request import Outcome
from gateway.sip.events import Answered, Ended, Failed
from gateway.sip.header_values import parse_uri
from gateway.sip.locate import Destination
from gateway.sip.message import Request, parse_message
from gateway.sip.session import Session
from gateway.sip.timers import Timers
from gateway.sip.user_agent import UserAgent
from tests.sip.edge import ROOM, TcpPeer, eventually, new_agent, nothing_left
from tests.sip.test_user_agent import last_event
from tests.sip.wire import ANSWER, OFFER, SIXTY_FOUR_T1, TCP, Bench, Sent, response

Serve = Callable[[TcpPeer], Awaitable[None]]
TARGET = "sip:bob@192.0.2.10:5062;transport=tcp"


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


@asynccontextmanager
async def trunk(*serve: Serve) -> AsyncIterator[str]:
    """A server whose connections are served by each of `serve` in turn; its URI."""
    waiting, peers = list(serve), list[TcpPeer]()
    tasks = list[asyncio.Task[None]]()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = TcpPeer(reader, writer)
        peers.append(peer)

        async def served() -> None:
            await waiting.pop(0)(peer)

        tasks.append(asyncio.get_running_loop().create_task(served()))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"sip:a@127.0.0.1:{server.sockets[0].getsockname()[1]};transport=tcp"
        await asyncio.gather(*tasks)
        assert waiting == []
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for peer in peers:
            await peer.close()
        await server.wait_closed()


async def options(agent: UserAgent, uri: str) -> Outcome:
    (flow,) = await agent.find_flows(Destination.of(parse_uri(uri)))
    fields = f"OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/TCP x\r\nMax-Forwards: 70\r\n"
    fields += f"From: <{uri}>;tag=1\r\nTo: <{uri}>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n\r\n"
    asked = parse_message(fields.encode())
    assert isinstance(asked, Request)
    return await agent.request(asked, flow)


async def the_request(peer: TcpPeer, method: str) -> Request:
    message = await peer.receive()
    assert isinstance(message, Request) and message.method == method
    return message


async def test_an_invite_that_crosses_the_end_of_an_idle_connection_goes_by_a_new_one() -> None:
    invites = list[Request]()

    async def closes_at_the_invite(peer: TcpPeer) -> None:
        peer.writer.write(response(await the_request(peer, "OPTIONS"), 200))
        invites.append(await the_request(peer, "INVITE"))
        await peer.close()

    async def answers(peer: TcpPeer) -> None:
        invites.append(invite := await the_request(peer, "INVITE"))
        peer.writer.write(response(invite, 200, contact=f"<{uri}>", body=ANSWER))
        await the_request(peer, "ACK")
        peer.writer.write(response(await the_request(peer, "BYE"), 200))

    async with trunk(closes_at_the_invite, answers) as uri, new_agent("tcp", timers=Timers()) as us:
        assert (await options(us, uri)).status == 200
        out = await us.invite(uri, OFFER, from_=ROOM)
        assert isinstance(await anext(out.events), Answered)
        first, second = invites
        # The same transaction: who has taken it already sees a repetition (17.2.3).
        assert first.serialize() == second.serialize()
        out.hang_up()
        await eventually(lambda: us.call_count == 0)


async def test_a_new_connection_that_is_closed_at_once_is_tried_no_second_time() -> None:
    async def closes(peer: TcpPeer) -> None:
        await the_request(peer, "INVITE")
        await peer.close()

    async with trunk(closes) as uri, new_agent("tcp", timers=Timers()) as us:
        event = await last_event(await us.invite(uri, OFFER, from_=ROOM))
        assert isinstance(event, Failed) and event.status == 503


def lose(bench: Bench, sent: Sent) -> None:
    """The peer has closed the connection, which it had spoken by, as the message went."""
    bench.order(lambda now: bench.stack.transport_failed(sent.transmission, now, was_in_use=True))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_request_is_sent_anew_only_once(bench: Bench) -> None:
    bench.order(lambda now: bench.stack.invite(TARGET, TCP, from_=ROOM, sdp=OFFER, now=now))
    (first,) = bench.take()
    lose(bench, first)
    (second,) = bench.take()
    assert second.transmission == first.transmission
    lose(bench, second)
    assert bench.take() == []
    failed, ended = bench.events()
    assert isinstance(failed, Failed) and failed.status == 503
    assert isinstance(ended, Ended)


def test_the_next_server_is_asked_if_the_new_connection_fails(bench: Bench) -> None:
    other = replace(TCP, remote=("192.0.2.20", 5060))
    bench.order(
        lambda now: bench.stack.invite(
            TARGET, TCP, from_=ROOM, sdp=OFFER, alternatives=(other,), now=now
        )
    )
    (first,) = bench.take()
    lose(bench, first)
    (second,) = bench.take()
    bench.order(lambda now: bench.stack.transport_failed(second.transmission, now))
    (third,) = bench.take()
    assert third.transmission.flow == other


def test_a_request_that_nobody_waits_for_any_more_is_not_sent_anew(bench: Bench) -> None:
    bench.order(lambda now: bench.stack.invite(TARGET, TCP, from_=ROOM, sdp=OFFER, now=now))
    (sent,) = bench.take()
    bench.advance(SIXTY_FOUR_T1 + 1)
    assert isinstance(bench.events()[0], Failed)
    lose(bench, sent)
    assert bench.take() == []


def test_nor_is_one_that_has_been_answered_provisionally(bench: Bench) -> None:
    bench.order(lambda now: bench.stack.invite(TARGET, TCP, from_=ROOM, sdp=OFFER, now=now))
    (sent,) = bench.take()
    assert isinstance(sent.message, Request)
    bench.receive(response(sent.message, 180), TCP)
    lose(bench, sent)
    assert bench.take() == []


def test_nor_is_one_that_has_been_withdrawn(bench: Bench) -> None:
    sessions = list[Session]()
    bench.order(
        lambda now: sessions.append(
            bench.stack.invite(TARGET, TCP, from_=ROOM, sdp=OFFER, now=now)[0]
        )
    )
    (sent,) = bench.take()
    bench.order(lambda now: sessions[0].hang_up((), now))
    lose(bench, sent)
    assert bench.take() == []
    assert bench.event_names() == ["Ended"]
