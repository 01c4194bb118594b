"""Where hosts are, of a DNS that answers, fails and has nothing; and web clients that ask there."""

import asyncio
import socket

import aiohttp
import pytest
import structlog

from gateway.host_addresses import HostAddresses
from gateway.web_resolver import WebResolver
from tests.xmpp.virtual_time import in_virtual_time

HOST = "xmpp.test"


class Dns:
    """Says `answer`, or fails if that is None; `asked` counts."""

    def __init__(self) -> None:
        self.answer: tuple[str, ...] | None = ("192.0.2.1",)
        self.asked = 0
        self.now = 0.0
        self.hosts = HostAddresses(self._ask, lambda: self.now)

    async def _ask(self, host: str) -> tuple[str, ...]:
        self.asked += 1
        if self.answer is None:
            raise OSError(f"DNS does not say where {host} is: timeout")
        return self.answer


async def test_while_dns_fails_what_it_said_before_holds_and_it_is_asked_now_and_then() -> None:
    dns = Dns()
    assert await dns.hosts.of(HOST) == ("192.0.2.1",)
    dns.answer = None
    with structlog.testing.capture_logs() as logs:
        for now, asked in ((1.0, 2), (2.0, 2), (30.0, 2), (31.0, 3), (60.0, 3)):
            dns.now = now
            assert await dns.hosts.of(HOST) == ("192.0.2.1",)
            assert dns.asked == asked
    assert [(told["host"], told["log_level"]) for told in logs] == [(HOST, "warning")] * 2


@in_virtual_time
async def test_dns_that_is_silent_is_waited_for_by_who_knows_nothing_else() -> None:
    answers = asyncio.Queue[tuple[str, ...]]()

    async def ask(_: str) -> tuple[str, ...]:
        return await answers.get()

    hosts = HostAddresses(ask)
    asking = asyncio.create_task(hosts.of(HOST))
    await asyncio.sleep(5)
    assert not asking.done()
    answers.put_nowait(("192.0.2.1",))
    assert await asking == ("192.0.2.1",)
    async with asyncio.timeout(2):  # as long as a caller waits for a mapper
        assert await hosts.of(HOST) == ("192.0.2.1",)


async def test_once_dns_is_back_it_counts() -> None:
    dns = Dns()
    await dns.hosts.of(HOST)
    dns.answer = None
    await dns.hosts.of(HOST)
    dns.now, dns.answer = 30.0, ("192.0.2.2",)
    assert await dns.hosts.of(HOST) == ("192.0.2.2",)
    dns.answer = ("192.0.2.3",)
    assert await dns.hosts.of(HOST) == ("192.0.2.3",)


async def test_that_there_is_none_is_an_answer() -> None:
    dns = Dns()
    await dns.hosts.of(HOST)
    dns.answer = ()
    assert await dns.hosts.of(HOST) == ()
    dns.answer = None
    with pytest.raises(OSError, match="does not say"):
        await dns.hosts.of(HOST)


async def test_of_many_hosts_those_asked_for_last_are_known() -> None:
    dns = Dns()
    for number in range(1000):
        await dns.hosts.of(f"host{number}")
    dns.answer = None
    assert await dns.hosts.of("host999")
    with pytest.raises(OSError, match="does not say"):
        await dns.hosts.of("host0")


@pytest.mark.parametrize(
    ("family", "addresses"),
    [
        (socket.AF_UNSPEC, ["2001:db8::1", "192.0.2.1"]),
        (socket.AF_INET, ["192.0.2.1"]),
        (socket.AF_INET6, ["2001:db8::1"]),
    ],
)
async def test_aiohttp_is_told_the_addresses_of_the_family_it_asks_for(
    family: socket.AddressFamily, addresses: list[str]
) -> None:
    dns = Dns()
    dns.answer = ("2001:db8::1", "192.0.2.1")
    found = await WebResolver(dns.hosts).resolve(HOST, 443, family)
    assert [(each["host"], each["port"]) for each in found] == [(each, 443) for each in addresses]


async def test_a_web_server_is_found_while_dns_fails() -> None:
    dns = Dns()
    dns.answer = ("127.0.0.1",)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for answer in (("127.0.0.1",), None):
            dns.answer = answer
            connector = aiohttp.TCPConnector(resolver=WebResolver(dns.hosts))
            async with aiohttp.ClientSession(connector=connector) as session:
                timeout = aiohttp.ClientTimeout(total=0.2)
                with pytest.raises(TimeoutError):  # it accepts, and says nothing
                    await session.get(f"http://{HOST}:{port}/", timeout=timeout)
    assert dns.asked == 2


@pytest.mark.parametrize(
    ("answer", "reason"), [(None, "DNS does not say where"), ((), "DNS knows no address")]
)
async def test_what_dns_says_instead_is_the_reason(
    answer: tuple[str, ...] | None, reason: str
) -> None:
    dns = Dns()
    dns.answer = answer
    connector = aiohttp.TCPConnector(resolver=WebResolver(dns.hosts))
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientConnectorDNSError, match=reason):
            await session.get(f"http://{HOST}/")
