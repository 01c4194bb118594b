import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.sip.flow import Flow, HostPort
from gateway.sip.udp import UdpListener
from tests.helpers.turns import Turns
from tests.sip.edge import eventually, nothing_left, open_sockets


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


class Inbox:
    def __init__(self) -> None:
        self.messages: list[tuple[bytes, Flow]] = []
        self.unreachable: list[HostPort] = []

    def listener(self, host: str = "127.0.0.1") -> UdpListener:
        return UdpListener(
            (host, 0),
            on_message=lambda data, flow: self.messages.append((data, flow)),
            on_unreachable=self.unreachable.append,
        )


@pytest.fixture
def closed_port() -> Iterator[HostPort]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        address = probe.getsockname()
    yield address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_datagrams_arrive_with_the_flow_they_came_on(host: str) -> None:
    here, there = Inbox(), Inbox()
    one, other = here.listener(host), there.listener(host)
    assert one.send(b"hello", other.address)
    await eventually(lambda: len(there.messages) == 1)
    data, flow = there.messages[0]
    assert (data, flow) == (b"hello", Flow("udp", other.address, one.address))
    assert other.send(b"back", flow.remote)
    await eventually(lambda: here.messages == [(b"back", Flow("udp", *_swap(flow)))])
    one.close()
    other.close()


def _swap(flow: Flow) -> tuple[HostPort, HostPort]:
    return flow.remote, flow.listener


async def test_a_burst_leaves_the_loop_to_others_in_between() -> None:
    turns = Turns()
    sending = Inbox().listener()
    listening = UdpListener(
        ("127.0.0.1", 0),
        on_message=turns.note,
        on_unreachable=lambda remote: None,
    )
    for _ in range(100):
        sending.send(b"hello", listening.address)
    with turns:
        await eventually(lambda: len(turns.noted) == 100)
    assert turns.most < 40
    sending.close()
    listening.close()


async def test_a_burst_arrives_whole_and_in_order() -> None:
    here, there = Inbox(), Inbox()
    one, other = here.listener(), there.listener()
    for number in range(300):
        one.send(b"%d" % number, other.address)
    await eventually(lambda: len(there.messages) == 300)
    assert [int(data) for data, _ in there.messages] == list(range(300))
    one.close()
    other.close()


async def test_a_closed_port_is_reported_and_the_socket_goes_on(closed_port: HostPort) -> None:
    here, there = Inbox(), Inbox()
    one, other = here.listener(), there.listener()
    for round_ in range(1, 4):
        one.send(b"anybody?", closed_port)
        await eventually(lambda round_=round_: len(here.unreachable) >= round_)  # type: ignore[misc]
        assert set(here.unreachable) == {closed_port}
        other.send(b"still there?", one.address)
        await eventually(lambda round_=round_: len(here.messages) == round_)  # type: ignore[misc]
        assert one.send(b"yes", other.address)
        await eventually(lambda round_=round_: len(there.messages) == round_)  # type: ignore[misc]
    one.close()
    other.close()


async def test_what_the_system_will_not_take_is_said() -> None:
    listener = Inbox().listener()
    assert not listener.send(bytes(70_000), ("127.0.0.1", 9))
    assert not listener.send(b"x", ("::1", 9))
    assert not listener.send(b"x", ("255.255.255.255", 9))
    listener.close()


async def test_an_address_that_cannot_be_had_leaves_no_socket() -> None:
    listener = Inbox().listener()
    before = open_sockets()
    with pytest.raises(OSError, match=r"[Aa]ddress"):
        UdpListener(listener.address, on_message=print, on_unreachable=print)
    assert open_sockets() == before
    listener.close()
    await asyncio.sleep(0)
