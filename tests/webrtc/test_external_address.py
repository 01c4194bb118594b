"""Our address behind a NAT, asked of a STUN server."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from gateway import logs
from gateway.app import Gateway
from gateway.config.configuration import parse
from gateway.sip.flow import Flow
from gateway.webrtc.external_address import BindingRequest, ExternalAddress, mapped_host
from tests.helpers.captured_log import log_at_once

EXTERNAL = "203.0.113.5"
FAR, NEAR = "198.51.100.7", ["10.1.2.3", "172.31.0.1", "192.168.1.9", "127.0.0.1", "100.64.0.1"]


def answer_to(octets: bytes, host: str = EXTERNAL, name: str = "XOR-MAPPED-ADDRESS") -> bytes:
    request = stun.parse_message(octets)
    assert request.message_method is stun.Method.BINDING
    assert request.message_class is stun.Class.REQUEST
    response = stun.Message(request.message_method, stun.Class.RESPONSE, request.transaction_id)
    response.attributes[name] = (host, 40000)
    return bytes(response)


@pytest.mark.parametrize("name", ["XOR-MAPPED-ADDRESS", "MAPPED-ADDRESS"])
def test_an_answer_names_our_address(name: str) -> None:
    request = BindingRequest()
    assert request.answer(answer_to(request.octets, name=name)) == EXTERNAL


def test_what_is_no_answer_or_of_no_use_names_none() -> None:
    request = BindingRequest()
    good = answer_to(request.octets)
    failed = bytearray(good)
    failed[:2] = struct.pack("!H", stun.Method.BINDING | stun.Class.ERROR)
    for data in (
        b"",
        good[:-1],
        request.octets,
        bytes(failed),
        answer_to(BindingRequest().octets),  # to somebody else's question
        answer_to(request.octets, "0.0.0.0"),
        answer_to(request.octets, "224.0.0.1"),
        answer_to(request.octets, "2001:db8::1"),
        good[:22] + b"\x00\x01\x00" + good[25:],
    ):
        assert request.answer(data) is None


@given(st.binary(max_size=60), st.integers(0, 60))
def test_damage_is_no_answer(damage: bytes, at: int) -> None:
    request = BindingRequest()
    good = answer_to(request.octets)
    told = request.answer(good[:at] + damage + good[at + len(damage) :])
    assert told is None or isinstance(told, str)


class Server(asyncio.DatagramProtocol):
    """Sees everybody at `host`, or says nothing."""

    def __init__(self) -> None:
        self.host: str | None = EXTERNAL
        self.lost = 0  # questions
        self.asked = 0
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.asked += 1
        if self.host is not None and self.asked > self.lost:
            self.transport.sendto(answer_to(data, self.host), addr)


@asynccontextmanager
async def server() -> AsyncIterator[tuple[Server, tuple[str, int]]]:
    made = Server()
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: made, local_addr=("127.0.0.1", 0))
    host, port = made.transport.get_extra_info("sockname")
    try:
        yield made, (host, port)
    finally:
        made.transport.close()


@pytest.fixture
def entries() -> Any:
    seen: list[dict[str, Any]] = []
    logs.configure("info", watcher=lambda entry: seen.append(dict(entry)))
    yield seen
    log_at_once()


async def test_the_address_is_known_and_logged_at_once_and_asked_again(
    entries: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.webrtc.external_address._EVERY", 0.01)
    async with server() as (stun_server, address), ExternalAddress(address) as external:
        assert external.host == EXTERNAL
        (entry,) = entries
        assert (entry["event"], entry["host"]) == ("external address", EXTERNAL)
        stun_server.host = "203.0.113.99"
        async with asyncio.timeout(10):
            while external.host != "203.0.113.99":  # noqa: ASYNC110 - no event of its own
                await asyncio.sleep(0.01)
    assert len(entries) == 2


async def test_a_lost_question_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.webrtc.external_address._REPETITIONS", (0.01, 5.0))
    async with server() as (stun_server, address):
        stun_server.lost = 1
        assert await mapped_host(address, "127.0.0.1") == EXTERNAL


async def test_a_server_that_is_silent_or_gone_is_told_once_and_leaves_the_last_address(
    entries: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("_REPETITIONS", (0.01, 0.01)), ("_EVERY", 0.01), ("_AGAIN", 0.01)):
        monkeypatch.setattr(f"gateway.webrtc.external_address.{name}", value)
    async with server() as (stun_server, address), ExternalAddress(address) as external:
        stun_server.host = None
        asked = stun_server.asked
        async with asyncio.timeout(10):
            while stun_server.asked < asked + 6:  # noqa: ASYNC110 - no event of its own
                await asyncio.sleep(0.01)
        assert external.host == EXTERNAL
        assert [entry["level"] for entry in entries] == ["info", "warning"]
    async with ExternalAddress(address) as external:
        assert external.host is None
        assert external.towards(FAR) is None


async def test_only_peers_beyond_the_nat_are_told() -> None:
    async with server() as (_, address), ExternalAddress(address) as external:
        assert external.towards(FAR) == EXTERNAL
        assert {external.towards(host) for host in NEAR} == {None}
        assert external.towards("2001:db8::7") is None


@pytest.mark.parametrize(
    ("media", "sip", "told"),
    [
        ({}, {}, (EXTERNAL, EXTERNAL)),
        ({"advertised_host": "203.0.113.1"}, {}, ("203.0.113.1", EXTERNAL)),
        ({}, {"advertised_host": "203.0.113.2"}, (EXTERNAL, "203.0.113.2")),
    ],
)
async def test_a_gateway_states_it_for_media_and_for_signalling(
    media: dict[str, str], sip: dict[str, str], told: tuple[str, str]
) -> None:
    async with server() as (_, (host, port)):
        config = parse(
            {
                "sip": {"listen": ["udp:127.0.0.1:0"], **sip},
                "media": {"workers": 0, "host": "127.0.0.1", "stun": f"{host}:{port}", **media},
                "jitsi": {"domain": "meet.example.org"},
                "trunk": [{"name": "pbx", "from": ["192.0.2.1"]}],
                "control": {"listen": ""},
            }
        )
        async with Gateway(config) as gateway:
            (listen,) = gateway.sip_addresses
            far, near = (
                Flow("udp", (listen.host, listen.port), (peer, 5060)) for peer in (FAR, "127.0.0.9")
            )
            assert (
                gateway.media_hosts.towards(far),
                gateway.user_agent.advertised_host(far),
            ) == told
            if not media:
                assert gateway.media_hosts.towards(near) == "127.0.0.1"
