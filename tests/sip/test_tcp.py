import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.sip.flow import Flow, Transmission
from gateway.sip.message import MAX_MESSAGE_SIZE
from gateway.sip.tcp import TcpListener
from gateway.sip.tcp_connection import TcpLimits
from tests.helpers.captured_log import told
from tests.helpers.turns import Turns
from tests.sip.edge import TcpPeer, eventually, nothing_left
from tests.sip.wire import request

ACK = request("ACK")


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


class Listening:
    """A listener that notes what comes and what could not be sent."""

    def __init__(self, limits: TcpLimits) -> None:
        self.messages: list[tuple[bytes, Flow]] = []
        self.failed: list[Transmission] = []
        self.listener = TcpListener(
            limits,
            on_message=lambda data, flow: self.messages.append((data, flow)),
            on_failed=lambda transmission, _: self.failed.append(transmission),
        )

    def flow_to(self, remote: tuple[str, int]) -> Flow:
        return Flow("tcp", self.listener.address, remote)

    def is_empty(self) -> bool:
        one = self.listener
        return not (one._by_number or one._by_remote or one._per_host)


@asynccontextmanager
async def listening(host: str = "127.0.0.1", **limits: float) -> AsyncIterator[Listening]:
    it = Listening(TcpLimits(**limits))  # type: ignore[arg-type]
    await it.listener.listen((host, 0))
    try:
        yield it
    finally:
        await it.listener.close()
    assert it.is_empty()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_messages_are_cut_out_of_the_stream_and_answered_on_it(host: str) -> None:
    async with listening(host) as it, TcpPeer.connect(*it.listener.address) as peer:
        peer.writer.write(ACK[:30])
        await peer.writer.drain()
        peer.writer.write(ACK[30:] + ACK)
        await eventually(lambda: len(it.messages) == 2)
        (data, flow), (_, again) = it.messages
        assert data == ACK
        assert flow == again
        assert flow.remote == peer.address[:2]
        assert flow.connection > 0
        assert it.listener.send(Transmission(request("BYE"), flow))
        message = await peer.receive()
        assert message.headers.cseq.method == "BYE"


async def test_a_ping_is_answered_with_a_pong() -> None:
    async with listening() as it, TcpPeer.connect(*it.listener.address) as peer:
        peer.writer.write(b"\r\n\r\n")
        assert await peer.reader.readexactly(2) == b"\r\n"
        assert it.messages == []


async def test_a_connection_is_made_where_there_is_none_and_used_again() -> None:
    async with listening() as here, listening() as there:
        flow = here.flow_to(there.listener.address)
        assert here.listener.send(Transmission(ACK, flow))
        assert here.listener.send(Transmission(ACK, flow))  # waits for the same connection
        await eventually(lambda: len(there.messages) == 2)
        assert here.listener.send(Transmission(ACK, flow))
        await eventually(lambda: len(there.messages) == 3)
        assert len(there.listener._by_number) == 1
        # and back on it
        assert there.listener.send(Transmission(ACK, there.messages[0][1]))
        await eventually(lambda: len(here.messages) == 1)


@pytest.mark.parametrize(("own", "seen"), [("127.0.0.7", "127.0.0.7"), ("0.0.0.0", "127.0.0.1")])
async def test_a_peer_sees_the_address_we_listen_at(own: str, seen: str) -> None:
    async with listening(own) as here, listening() as there:
        assert here.listener.send(Transmission(ACK, here.flow_to(there.listener.address)))
        await eventually(lambda: len(there.messages) == 1)
        (_, flow) = there.messages[0]
        assert flow.remote[0] == seen


async def test_a_connection_that_is_gone_is_replaced_by_one_to_the_fallback() -> None:
    async with listening() as here, listening() as there:
        async with TcpPeer.connect(*here.listener.address) as peer:
            peer.writer.write(ACK)
            await eventually(lambda: len(here.messages) == 1)
        await eventually(here.is_empty)
        (_, flow) = here.messages[0]
        assert here.listener.send(Transmission(ACK, flow, there.listener.address))
        await eventually(lambda: len(there.messages) == 1)


async def test_a_message_that_cannot_be_delivered_is_reported() -> None:
    async with listening() as it:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = probe.getsockname()
        transmissions = [Transmission(ACK, it.flow_to(address), None, str(n)) for n in range(3)]
        for transmission in transmissions:
            assert it.listener.send(transmission)
        await eventually(lambda: it.failed == transmissions)
        assert it.is_empty()


async def test_only_so_many_messages_wait_for_a_connection() -> None:
    async with listening() as here, listening() as there:
        flow = here.flow_to(there.listener.address)
        sent = [here.listener.send(Transmission(ACK, flow)) for _ in range(80)]
        assert sent == [True] * 64 + [False] * 16
        await eventually(lambda: len(there.messages) == 64)


async def test_closing_while_connecting_leaves_nothing() -> None:
    async with listening() as here, listening() as there:
        here.listener.send(Transmission(ACK, here.flow_to(there.listener.address)))


async def test_closing_while_a_connection_is_accepted_leaves_nothing() -> None:
    for turns in range(6):
        async with listening() as it:
            with socket.socket() as caller:
                caller.connect(it.listener.address)
                for _ in range(turns):
                    await asyncio.sleep(0)
                await it.listener.close()
                for _ in range(3):
                    await asyncio.sleep(0)
                assert it.is_empty()


@pytest.mark.parametrize(
    "rubbish",
    [
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01" + bytes(MAX_MESSAGE_SIZE),
    ],
)
async def test_a_stream_that_cannot_be_cut_is_closed(rubbish: bytes) -> None:
    async with listening() as it, TcpPeer.connect(*it.listener.address) as peer:
        peer.writer.write(ACK + rubbish)
        assert await peer.is_closed()
        assert it.messages[0][0] == ACK
        await eventually(it.is_empty)


async def test_a_scanner_that_comes_again_and_again_does_not_fill_the_log() -> None:
    rubbish = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: x\r\n\r\n"
    with told() as entries:
        async with listening() as it:
            for _ in range(200):
                async with TcpPeer.connect(*it.listener.address) as peer:
                    peer.writer.write(rubbish)
                    assert await peer.is_closed()
    closed = [each for each in entries if each["event"] == "connection closed"]
    assert 30 <= len(closed) < 100


async def test_who_sends_much_at_once_leaves_the_loop_to_others_in_between() -> None:
    turns = Turns()
    async with listening() as it, TcpPeer.connect(*it.listener.address) as peer:
        it.listener.on_message = turns.note
        with turns:
            peer.writer.write(ACK * 700 + b"\r\n\r\n")
            await peer.reader.readexactly(2)
        assert len(turns.noted) == 700
        assert turns.most < 40
        peer.writer.write(ACK)
        await eventually(lambda: len(turns.noted) == 701)


async def test_messages_in_hand_are_dropped_with_their_connection() -> None:
    async with listening() as it, TcpPeer.connect(*it.listener.address) as peer:
        peer.writer.write(ACK * 700)
        await eventually(lambda: len(it.messages) > 0)
        next(iter(it.listener._by_number.values())).abort()
        await eventually(it.is_empty)
        taken = len(it.messages)
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(it.messages) == taken < 700


async def test_who_says_no_length_reads_what_is_wrong_before_the_end() -> None:
    async with listening() as it:
        answer = b"SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        it.listener.on_message = lambda data, flow: it.listener.send(Transmission(answer, flow))
        async with TcpPeer.connect(*it.listener.address) as peer:
            peer.writer.write(b"OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\nx" + ACK)
            assert await peer.reader.read() == answer
        await eventually(it.is_empty)


async def test_a_message_that_takes_too_long_closes_the_connection() -> None:
    async with listening(message=0.05) as it, TcpPeer.connect(*it.listener.address) as peer:
        peer.writer.write(ACK + ACK[:50])
        await eventually(lambda: len(it.messages) == 1)
        started = asyncio.get_running_loop().time()
        while it.listener._by_number:
            peer.writer.write(b"x")  # each octet is progress, and none of them buys time
            await asyncio.sleep(0.005)
            assert asyncio.get_running_loop().time() - started < 2


async def test_a_stranger_has_less_time_and_others_have_theirs() -> None:
    async with (
        listening(stranger_idle=0.05) as it,
        TcpPeer.connect(*it.listener.address) as known,
    ):
        await eventually(lambda: len(it.listener._by_number) == 1)
        it.listener.is_stranger = lambda flow: True
        async with TcpPeer.connect(*it.listener.address) as stranger:
            assert await stranger.is_closed()
            known.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 1)


async def test_strangers_leave_room_for_others() -> None:
    async with listening(strangers=1) as it:
        it.listener.is_stranger = lambda flow: True
        async with TcpPeer.connect(*it.listener.address) as first:
            await eventually(lambda: len(it.listener._by_remote) == 1)
            async with TcpPeer.connect(*it.listener.address) as second:
                assert await second.is_closed()
            it.listener.is_stranger = lambda flow: False
            async with TcpPeer.connect(*it.listener.address) as known:
                known.writer.write(ACK)
                first.writer.write(ACK)
                await eventually(lambda: len(it.messages) == 2)
        await eventually(it.is_empty)
        it.listener.is_stranger = lambda flow: True
        async with TcpPeer.connect(*it.listener.address) as again:
            again.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 3)


async def test_who_says_nothing_keeps_nobody_out() -> None:
    """The oldest connection that has come to nothing makes room for a new one."""
    async with (
        listening(connections=2) as it,
        TcpPeer.connect(*it.listener.address) as in_use,
        TcpPeer.connect(*it.listener.address) as refused,
    ):
        for peer, status in ((in_use, 200), (refused, 401)):
            peer.writer.write(ACK)
            await eventually(lambda: bool(it.messages))
            _, flow = it.messages.pop()
            it.listener.send(Transmission(b"SIP/2.0 %d x\r\n\r\n" % status, flow))
        async with TcpPeer.connect(*it.listener.address) as new:
            assert await refused.is_closed()
            for peer in (in_use, new):
                peer.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 2)


async def test_connections_in_use_make_room_for_none() -> None:
    async with (
        listening(connections=1) as it,
        TcpPeer.connect(*it.listener.address) as in_use,
    ):
        in_use.writer.write(ACK)
        await eventually(lambda: bool(it.messages))
        it.listener.send(Transmission(request("BYE"), it.messages[0][1]))
        async with TcpPeer.connect(*it.listener.address) as new:
            assert await new.is_closed()
        in_use.writer.write(ACK)
        await eventually(lambda: len(it.messages) == 2)


async def test_an_idle_connection_is_closed() -> None:
    async with listening(idle=0.05) as it, TcpPeer.connect(*it.listener.address) as peer:
        assert await peer.is_closed()
        await eventually(it.is_empty)


async def test_a_rush_of_connections_waits_while_the_loop_is_busy() -> None:
    async with listening() as it:
        rush = [socket.socket() for _ in range(150)]
        for one in rush:
            one.settimeout(0.5)
            one.connect(it.listener.address)  # nobody accepts meanwhile
            one.close()
        await eventually(it.is_empty)


async def test_there_are_only_so_many_connections_from_one_host() -> None:
    async with listening(connections_per_host=2) as it:
        async with (
            TcpPeer.connect(*it.listener.address) as one,
            TcpPeer.connect(*it.listener.address) as other,
        ):
            await eventually(lambda: len(it.listener._by_number) == 2)
            async with TcpPeer.connect(*it.listener.address) as third:
                assert await third.is_closed()
            for peer in (one, other):
                peer.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 2)
        await eventually(it.is_empty)
        async with TcpPeer.connect(*it.listener.address) as again:
            again.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 3)


async def test_there_are_only_so_many_connections_at_all() -> None:
    async with listening() as there, listening(connections=0) as it:
        async with TcpPeer.connect(*it.listener.address) as peer:
            assert await peer.is_closed()
        transmission = Transmission(ACK, it.flow_to(there.listener.address))
        it.listener.send(transmission)
        await eventually(lambda: it.failed == [transmission])


async def test_a_peer_that_does_not_read_is_closed() -> None:
    async with listening() as it, TcpPeer.connect(*it.listener.address) as peer:
        peer.writer.write(ACK)
        await eventually(lambda: len(it.messages) == 1)
        flow = it.messages[0][1]
        big = Transmission(bytes(60_000), flow)
        for _ in range(400):
            if not it.listener._by_number:
                break
            it.listener.send(big)
            await asyncio.sleep(0)
        await eventually(it.is_empty)


async def test_a_port_scanner_that_resets_at_once_is_no_fault_of_ours() -> None:
    async with listening() as it:
        for _ in range(5):
            with socket.socket() as scanner:
                scanner.connect(it.listener.address)
                linger = struct.pack("ii", 1, 0)
                scanner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        async with TcpPeer.connect(*it.listener.address) as peer:
            peer.writer.write(ACK)
            await eventually(lambda: len(it.messages) == 1)
