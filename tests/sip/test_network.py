import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from gateway.sip import network
from gateway.sip.flow import Flow, HostPort, Transmission
from gateway.sip.network import Listen, Sockets
from gateway.sip.tcp_connection import TcpLimits
from tests.sip.edge import eventually, nothing_left


@pytest.fixture(autouse=True)
async def clean() -> AsyncIterator[None]:
    async with nothing_left():
        yield


@asynccontextmanager
async def sockets(
    *listens: Listen,
    advertised_host: str | None = None,
    external: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[tuple[Sockets, list[tuple[bytes, Flow]]]]:
    received: list[tuple[bytes, Flow]] = []
    it = Sockets(
        advertised_host=advertised_host,
        external_host=lambda remote: external if remote == "192.0.2.9" else None,
        clock=clock,
        limits=TcpLimits(),
        on_message=lambda data, flow: received.append((data, flow)),
        on_failed=print,
        on_unreachable=print,
    )
    try:
        for listen in listens:
            await it.open(listen)
        yield it, received
    finally:
        await it.close()


UDP4, UDP6 = Listen("udp", "127.0.0.1", 0), Listen("udp", "::1", 0)
TCP4 = Listen("tcp", "127.0.0.1", 0)


async def test_a_flow_takes_the_listener_of_its_transport_and_family() -> None:
    async with sockets(UDP4, UDP6, TCP4) as (it, _):
        udp4, udp6, tcp4 = (listener.address for listener in it.listeners)
        v4, v6 = ("192.0.2.9", 5060), ("2001:db8::9", 5060)
        assert it.flow_to("udp", v4) == Flow("udp", udp4, v4)
        assert it.flow_to("udp", v6) == Flow("udp", udp6, v6)
        assert it.flow_to("tcp", v4) == Flow("tcp", tcp4, v4)
        assert it.flow_to("tcp", v6) is None
        assert it.flow_to("tls", v4) is None


async def test_of_several_listeners_it_is_the_one_the_system_would_send_from() -> None:
    for hosts in (("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.0.0.2")):
        async with sockets(*(Listen("udp", host, 0) for host in hosts)) as (it, _):
            flow = it.flow_to("udp", ("127.0.0.9", 5060))
            assert flow is not None and flow.listener[0] == "127.0.0.1"


@pytest.mark.parametrize("listen", [UDP4, UDP6, TCP4], ids=str)
async def test_a_message_goes_by_the_listener_of_its_flow(listen: Listen) -> None:
    async with sockets(listen) as (here, _), sockets(listen) as (there, received):
        flow = here.flow_to(listen.transport, there.listeners[0].address)
        assert flow is not None
        message = b"ACK sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"
        assert here.send(Transmission(message, flow))
        await eventually(lambda: len(received) == 1)
        assert received[0][0] == message


async def test_without_its_listener_a_message_cannot_be_sent() -> None:
    async with sockets(UDP4) as (it, _):
        assert not it.send(Transmission(b"x", Flow("udp", ("127.0.0.1", 1), ("127.0.0.1", 9))))
        assert not it.send(Transmission(b"x", Flow("tcp", it.listeners[0].address, ("::1", 9))))


@pytest.mark.parametrize(
    ("host", "advertised_host", "remote", "stated"),
    [
        ("127.0.0.1", None, ("127.0.0.1", 9), "127.0.0.1"),
        ("0.0.0.0", None, ("127.0.0.1", 9), "127.0.0.1"),
        ("::", None, ("::1", 9), "::1"),
        ("0.0.0.0", "gw.example.com", ("127.0.0.1", 9), "gw.example.com"),
        ("0.0.0.0", "203.0.113.1", ("127.0.0.1", 9), "203.0.113.1"),
        ("::", "203.0.113.1", ("::1", 9), "::1"),  # which has no use for an IPv4 address
        ("0.0.0.0", None, ("255.255.255.255", 9), "127.0.0.1"),  # no way there
    ],
)
async def test_what_is_advertised_is_where_a_peer_can_reach_us(
    host: str, advertised_host: str | None, remote: HostPort, stated: str
) -> None:
    listen = Listen("udp", host, 0)
    async with sockets(listen, advertised_host=advertised_host) as (it, _):
        address = it.listeners[0].address
        for _ in range(2):
            assert it.advertised(Flow("udp", address, remote)) == (stated, address[1])


async def test_peers_are_not_remembered_without_end() -> None:
    async with sockets(Listen("udp", "0.0.0.0", 0)) as (it, _):
        address = it.listeners[0].address
        for number in range(3000):
            it.advertised(Flow("udp", address, (f"127.0.{number // 250}.{number % 250 + 1}", 9)))
        assert len(it._local_hosts) <= 1024


async def test_an_address_of_ours_that_has_changed_is_told_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By DHCP, for instance, while the gateway runs."""
    ours, now = "192.0.2.1", 0.0
    monkeypatch.setattr(network, "_address_towards", lambda remote_host: ours)
    async with sockets(Listen("udp", "0.0.0.0", 0), clock=lambda: now) as (it, _):
        flow = it.flow_to("udp", ("192.0.2.9", 5060))
        assert flow is not None
        assert it.advertised(flow)[0] == "192.0.2.1"
        ours, now = "192.0.2.2", 10.0
        assert it.advertised(flow)[0] == "192.0.2.2"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_address_that_cannot_be_had_is_an_os_error(transport: str) -> None:
    async with sockets(UDP4) as (it, _):
        with pytest.raises(OSError):
            await it.open(Listen(transport, "203.0.113.1", 5060))
        assert len(it.listeners) == 1


def test_a_listen_names_itself_for_logs() -> None:
    assert str(Listen("tcp", "::1", 5060)) == "tcp:[::1]:5060"


async def test_an_external_address_is_stated_to_those_it_is_for() -> None:
    async with sockets(UDP4, external="203.0.113.5") as (it, _):
        (listener,) = it.listeners
        far, near = (
            Flow("udp", listener.address, (host, 5060)) for host in ("192.0.2.9", "127.0.0.9")
        )
        assert it.advertised(far) == ("203.0.113.5", listener.address[1])
        assert it.advertised(near) == listener.address
    async with sockets(UDP4, external="203.0.113.5", advertised_host="203.0.113.1") as (it, _):
        assert it.advertised(far)[0] == "203.0.113.1"
