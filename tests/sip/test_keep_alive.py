"""Whether the peers of connections we have made are alive (RFC 5626 4.4.1)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.sip.flow import Transmission
from tests.sip.edge import eventually, nothing_left
from tests.sip.test_tcp import ACK, Listening, listening
from tests.sip.wire import request


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


@asynccontextmanager
async def accepted(here: Listening) -> AsyncIterator[socket.socket]:
    """A foreign server that has taken our connection and our first message."""
    loop = asyncio.get_running_loop()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.setblocking(False)
        assert here.listener.send(Transmission(ACK, here.flow_to(server.getsockname())))
        peer, _ = await loop.sock_accept(server)
        with peer:
            peer.setblocking(False)
            assert await loop.sock_recv(peer, 4096) == ACK
            yield peer


async def pinged(peer: socket.socket) -> None:
    async with asyncio.timeout(3):
        assert await asyncio.get_running_loop().sock_recv(peer, 100) == b"\r\n\r\n"


async def test_who_has_answered_pings_and_stops_is_dead() -> None:
    async with listening(keep_alive=0.02, pong=0.05) as here, accepted(here) as peer:
        for _ in range(3):
            await pinged(peer)
            peer.send(b"\r\n")
        await pinged(peer)
        async with asyncio.timeout(3):
            while await asyncio.get_running_loop().sock_recv(peer, 100):
                pass  # closed
        await eventually(here.is_empty)


async def test_who_knows_nothing_of_pings_is_not_judged_by_them() -> None:
    async with listening(keep_alive=0.01, pong=0.01) as here, accepted(here) as peer:
        for _ in range(5):
            await pinged(peer)
        assert len(here.listener._by_number) == 1


async def test_without_keep_alive_nobody_is_pinged() -> None:
    async with listening(keep_alive=0, pong=0.01) as here, accepted(here) as peer:
        (connection,) = here.listener._by_number.values()
        assert connection._heartbeat is None
        peer.send(b"\r\n\r\n")  # and a ping is answered all the same
        async with asyncio.timeout(3):
            assert await asyncio.get_running_loop().sock_recv(peer, 100) == b"\r\n"


async def test_only_connections_of_ours_are_pinged() -> None:
    async with listening(keep_alive=0.01) as here, listening() as there:
        there.listener.send(Transmission(ACK, there.flow_to(here.listener.address)))
        await eventually(lambda: len(here.messages) == 1)
        (connection,) = here.listener._by_number.values()
        assert connection._heartbeat is None


async def test_a_dead_host_is_given_up_by_the_system() -> None:
    async with listening() as here, accepted(here):
        (connection,) = here.listener._by_number.values()
        sock = connection._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000


async def test_requests_that_nobody_may_have_heard_are_reported() -> None:
    async with listening() as here, accepted(here) as peer:
        (connection,) = here.listener._by_number.values()
        flow = connection.flow
        peer.send(ACK)
        await eventually(lambda: len(here.messages) == 1)  # so the first was heard
        answer = Transmission(b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", flow)
        bye = Transmission(request("BYE"), flow)
        assert here.listener.send(answer) and here.listener.send(bye)
        peer.close()
        await eventually(lambda: here.failed == [bye])
