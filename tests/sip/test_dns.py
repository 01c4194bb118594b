"""The resolver against a small server of DNS on this machine, made with dnspython."""

import asyncio
from collections.abc import AsyncIterator

import dns.message
import dns.rcode
import dns.rrset
import pytest

from gateway.sip.dns import Dns
from gateway.sip.locate import Answer, Destination, Naptr, Srv, look_up

ZONE = {
    ("example.org.", "NAPTR"): '120 NAPTR 10 20 "s" "SIP+D2U" "" _sip._udp.example.org.',
    ("_sip._udp.example.org.", "SRV"): "60 SRV 1 2 5070 a.example.org.",
    ("a.example.org.", "A"): "90 A 192.0.2.1",
    ("a.example.org.", "AAAA"): "80 AAAA 2001:db8::1",
}


class Server(asyncio.DatagramProtocol):
    """Answers from the zone; for other names there is nothing, for `broken.` no help."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        reply = dns.message.make_response(query)
        kind = dns.rdatatype.to_text(question.rdtype)
        record = ZONE.get((question.name.to_text().lower(), kind))
        if record is not None:
            ttl, kind, *rest = record.split(" ")
            reply.answer.append(
                dns.rrset.from_text(question.name, int(ttl), "IN", kind, " ".join(rest))
            )
        elif question.name.to_text().lower().startswith("broken."):
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif "example.org" not in question.name.to_text():
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), addr)  # type: ignore[attr-defined]


@pytest.fixture
async def resolver() -> AsyncIterator[Dns]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    host, port = transport.get_extra_info("sockname")
    resolver = Dns([f"{host}:{port}"])
    yield resolver
    await resolver.close()
    transport.close()


async def test_records_are_read(resolver: Dns) -> None:
    naptr = Naptr(10, 20, "s", "SIP+D2U", "_sip._udp.example.org")
    assert await resolver.naptr("example.org") == Answer((naptr,), 120)
    assert await resolver.srv("_sip._udp.example.org") == Answer(
        (Srv(1, 2, 5070, "a.example.org"),), 60
    )
    found = await resolver.addresses("a.example.org")
    assert (set(found.records), found.ttl) == ({"192.0.2.1", "2001:db8::1"}, 80)


async def test_a_domain_is_found_from_its_naptr_to_its_addresses(resolver: Dns) -> None:
    found = await look_up(Destination(None, "example.org"), resolver, frozenset({"udp"}))
    (server,) = found.servers
    assert (server.transport, server.port, len(server.addresses)) == ("udp", 5070, 2)


@pytest.mark.parametrize("name", ["nowhere.test", "empty.example.org"])
async def test_nothing_is_an_answer(resolver: Dns, name: str) -> None:
    assert (await resolver.naptr(name)).records == ()
    assert (await resolver.srv(name)).records == ()
    assert (await resolver.addresses(name)).records == ()


async def test_a_failure_is_none(resolver: Dns) -> None:
    with pytest.raises(OSError, match=r"DNS does not say where broken\.example\.org is"):
        await resolver.srv("broken.example.org")
    with pytest.raises(OSError, match="DNS does not say"):
        await resolver.addresses("broken.example.org")


async def test_the_hosts_file_counts() -> None:
    resolver = Dns()
    assert "127.0.0.1" in (await resolver.addresses("localhost")).records
    await resolver.close()
