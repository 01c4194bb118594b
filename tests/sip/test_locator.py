import pytest
from structlog.testing import capture_logs

from gateway.sip.locate import Destination, Srv, Target
from gateway.sip.locator import Locator
from tests.sip.fake_dns import FakeDns

NAME = Destination("udp", "example.org")
A, B = Target("udp", ("192.0.2.1", 5060)), Target("udp", ("192.0.2.2", 5060))


@pytest.fixture
def dns() -> FakeDns:
    return FakeDns(
        srvs={"_sip._udp.example.org": [Srv(1, 0, 5060, "a.org"), Srv(2, 0, 5060, "b.org")]},
        hosts={"a.org": ["192.0.2.1"], "b.org": ["192.0.2.2"]},
    )


@pytest.fixture
def locator(dns: FakeDns) -> Locator:
    return Locator(dns, frozenset({"udp", "tcp"}), lambda low, high: low)


async def test_dns_is_asked_again_only_when_its_answer_is_no_longer_good(
    dns: FakeDns, locator: Locator
) -> None:
    dns.ttl = 100.0
    assert locator.known(NAME, 0.0) == []
    assert await locator.find(NAME, 0.0) == [A, B]
    asked = len(dns.asked)
    assert await locator.find(NAME, 99.0) == locator.known(NAME, 99.0) == [A, B]
    assert len(dns.asked) == asked and not locator.is_due(NAME, 99.0)
    dns.hosts["a.org"] = ["192.0.2.9"]
    assert locator.is_due(NAME, 100.0)
    assert locator.known(NAME, 100.0) == [A, B]  # better than nothing
    assert (await locator.find(NAME, 100.0))[0].address == ("192.0.2.9", 5060)


@pytest.mark.parametrize(("ttl", "good_for"), [(0.0, 5.0), (1e6, 3600.0), (float("inf"), 3600.0)])
async def test_however_long_or_short_an_answer_is_good_there_are_bounds(
    dns: FakeDns, locator: Locator, ttl: float, good_for: float
) -> None:
    dns.ttl = ttl
    await locator.find(NAME, 0.0)
    assert not locator.is_due(NAME, good_for - 0.1)
    assert locator.is_due(NAME, good_for)


async def test_while_dns_fails_what_it_said_before_holds(dns: FakeDns, locator: Locator) -> None:
    await locator.find(NAME, 0.0)
    dns.is_down = True
    with capture_logs() as told:
        assert await locator.find(NAME, 1000.0) == [A, B]
    assert told[0]["reason"] == "DNS is down"
    asked = len(dns.asked)
    assert await locator.find(NAME, 1029.0) == [A, B]
    assert len(dns.asked) == asked  # nobody waits for it again and again
    dns.is_down = False
    dns.hosts["a.org"] = ["192.0.2.9"]
    assert (await locator.find(NAME, 1030.0))[0].address == ("192.0.2.9", 5060)


async def test_what_dns_says_of_one_server_counts_though_it_does_not_say_where_another_is(
    dns: FakeDns, locator: Locator
) -> None:
    dns.failing.add("a.org")
    assert await locator.find(NAME, 0.0) == [B]
    dns.failing.clear()
    assert await locator.find(NAME, 29.0) == [B]
    assert await locator.find(NAME, 30.0) == [A, B]
    dns.failing.add("a.org")
    assert await locator.find(NAME, 1000.0) == [A, B]  # as it said before
    dns.failing.add("b.org")
    assert await locator.find(NAME, 2000.0) == [A, B]


async def test_one_transport_that_dns_says_nothing_of_is_no_reason_to_do_without_another(
    dns: FakeDns, locator: Locator
) -> None:
    dns.failing.add("_sip._tcp.example.org")
    assert await locator.find(Destination(None, "example.org"), 0.0) == [A, B]


async def test_while_dns_does_not_say_who_serves_a_name_its_own_address_is_not_taken(
    dns: FakeDns, locator: Locator
) -> None:
    dns.hosts["example.org"] = ["192.0.2.80"]
    dns.failing.add("_sip._udp.example.org")
    with pytest.raises(OSError, match="DNS is down"):
        await locator.find(NAME, 0.0)


async def test_what_was_never_known_is_an_error(dns: FakeDns, locator: Locator) -> None:
    with pytest.raises(OSError, match="no address of nowhere"):
        await locator.find(Destination(None, "nowhere.org"), 0.0)
    dns.is_down = True
    with pytest.raises(OSError, match="DNS is down"):
        await locator.find(NAME, 0.0)


async def test_what_dns_says_is_gone_is_gone(dns: FakeDns, locator: Locator) -> None:
    await locator.find(NAME, 0.0)
    dns.srvs.clear()
    dns.hosts.clear()
    with pytest.raises(OSError, match="no address"):
        await locator.find(NAME, 1000.0)


async def test_that_there_is_none_is_soon_asked_again(dns: FakeDns, locator: Locator) -> None:
    hosts, dns.hosts = dns.hosts, {}
    with pytest.raises(OSError, match="no address"):
        await locator.find(NAME, 0.0)
    assert not locator.is_due(NAME, 4.0)
    dns.hosts = hosts
    assert await locator.find(NAME, 5.0) == [A, B]


async def test_that_there_was_none_is_nothing_to_hold_while_dns_fails(
    dns: FakeDns, locator: Locator
) -> None:
    dns.hosts.clear()
    with pytest.raises(OSError, match="no address"):
        await locator.find(NAME, 0.0)
    dns.is_down = True
    with pytest.raises(OSError, match="DNS is down"):
        await locator.find(NAME, 1000.0)


async def test_an_address_needs_no_dns(dns: FakeDns, locator: Locator) -> None:
    for transport, port, expected in [
        (None, None, Target("udp", ("192.0.2.7", 5060))),
        ("tls", None, Target("tls", ("192.0.2.7", 5061))),
        ("tcp", 5099, Target("tcp", ("192.0.2.7", 5099))),
    ]:
        destination = Destination(transport, "192.0.2.7", port)
        assert await locator.find(destination, 0.0) == [expected]
        assert not locator.is_due(destination, 0.0)
    assert dns.asked == []


async def test_who_is_dead_is_tried_last_for_a_while(locator: Locator) -> None:
    await locator.find(NAME, 0.0)
    locator.avoid(A, until=60.0)
    assert locator.known(NAME, 59.0) == [B, A]
    assert locator.known(NAME, 60.0) == [A, B]
    locator.avoid(A, until=120.0)
    locator.avoid(B, until=120.0)
    assert locator.known(NAME, 100.0) == [A, B]  # there is no other


async def test_what_is_remembered_is_bounded(dns: FakeDns, locator: Locator) -> None:
    for number in range(1000):
        dns.hosts[f"h{number}.org"] = ["192.0.2.1"]
        await locator.find(Destination("udp", f"h{number}.org", 5060), 0.0)
        locator.avoid(Target("udp", ("192.0.2.1", number)), 1e9)
    assert len(locator._known) <= 256
    assert len(locator._avoided) <= 256


async def test_an_address_is_as_those_are_that_messages_come_from(locator: Locator) -> None:
    (target,) = await locator.find(Destination("udp", "2001:DB8:0:0::9"), 0.0)
    assert target == Target("udp", ("2001:db8::9", 5060))
