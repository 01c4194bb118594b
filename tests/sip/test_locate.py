import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.header_values import parse_uri
from gateway.sip.locate import Destination, Naptr, Server, Srv, arrange, look_up
from tests.sip.fake_dns import FakeDns

ALL = frozenset({"udp", "tcp", "tls"})


def server(name: str, rank: int = 0, weight: int = 0) -> Server:
    return Server("udp", 5060, (name,), (rank,), weight)


def first(low: int, high: int) -> int:
    return low


# --- order (RFC 2782) ---------------------------------------------------------------------------


def test_lower_ranks_come_first() -> None:
    servers = [server("c", 20), server("a", 5), server("b", 10)]
    assert [each.addresses[0] for each in arrange(servers, first)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("drawn", "order"),
    [
        ([0, 0, 0], "zab"),  # weight 0 has a small chance to be first
        ([1, 0, 0], "azb"),
        ([10, 0, 0], "azb"),
        ([11, 0, 0], "bza"),
        ([40, 40, 10], "baz"),
    ],
)
def test_among_equals_the_draw_decides_by_weight(drawn: list[int], order: str) -> None:
    draws = iter(drawn)

    def draw(low: int, high: int) -> int:
        return min(next(draws), high)

    servers = [server("a", weight=10), server("b", weight=30), server("z", weight=0)]
    assert "".join(each.addresses[0] for each in arrange(servers, draw)) == order


def test_over_many_draws_weights_are_shares() -> None:
    dice = random.Random(1)
    servers = [server("a", weight=30), server("b", weight=10)]
    counted = Counter(arrange(servers, dice.randint)[0].addresses[0] for _ in range(2000))
    assert 0.70 < counted["a"] / 2000 < 0.80


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100)), max_size=12),
    st.randoms(use_true_random=False),
)
def test_nobody_is_lost_and_ranks_are_kept(
    drawn: list[tuple[int, int]], dice: random.Random
) -> None:
    servers = [server(str(n), rank, weight) for n, (rank, weight) in enumerate(drawn)]
    arranged = arrange(servers, dice.randint)
    assert Counter(arranged) == Counter(servers)
    assert [each.rank for each in arranged] == sorted(each.rank for each in servers)


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:a@example.org;maddr=192.0.2.7", "192.0.2.7"),
        ("sip:a@example.org;MADDR=[2001:db8::7];transport=udp", "2001:db8::7"),
        ("sip:a@example.org;maddr", "example.org"),
        ("sip:a@example.org;maddr=a/b", "example.org"),
    ],
)
def test_a_request_goes_where_the_uri_says_that_it_is_to_go(uri: str, host: str) -> None:
    assert Destination.of(parse_uri(uri)).host == host


# --- what is asked (RFC 3263 4) -----------------------------------------------------------------


def example() -> FakeDns:
    return FakeDns(
        naptrs={
            "example.org": [
                Naptr(50, 20, "s", "SIP+D2U", "_sip._udp.example.org."),
                Naptr(50, 10, "s", "SIPS+D2T", "_sips._tcp.example.org."),
                Naptr(10, 10, "u", "E2U+sip", ""),
                Naptr(10, 20, "s", "SIP+D2S", "_sip._sctp.example.org."),
            ]
        },
        srvs={
            "_sips._tcp.example.org": [Srv(0, 0, 5061, "a.example.org.")],
            "_sip._udp.example.org": [
                Srv(1, 0, 5080, "b.example.org."),
                Srv(0, 0, 5070, "a.example.org."),
                Srv(2, 0, 5060, "gone.example.org."),
                Srv(3, 0, 5060, "."),
            ],
        },
        hosts={
            "a.example.org": ["2001:db8::a", "192.0.2.10"],
            "b.example.org": ["192.0.2.11"],
            "example.org": ["192.0.2.1"],
        },
    )


async def targets(
    dns: FakeDns, destination: Destination, transports: frozenset[str] = ALL
) -> list[tuple[str, str, int]]:
    found = await look_up(destination, dns, transports)
    return [
        (each.transport, address, each.port)
        for each in arrange(found.servers, first)
        for address in each.addresses
    ]


async def test_naptr_says_which_transport_and_srv_which_servers() -> None:
    assert await targets(example(), Destination(None, "example.org")) == [
        ("tls", "2001:db8::a", 5061),
        ("tls", "192.0.2.10", 5061),
        ("udp", "2001:db8::a", 5070),
        ("udp", "192.0.2.10", 5070),
        ("udp", "192.0.2.11", 5080),
    ]


async def test_a_transport_we_lack_is_not_asked_for() -> None:
    dns = example()
    found = await targets(dns, Destination(None, "example.org"), frozenset({"udp", "tcp"}))
    assert {transport for transport, *_ in found} == {"udp"}
    assert "_sips._tcp.example.org" not in dns.asked


async def test_a_transport_that_is_stated_needs_no_naptr() -> None:
    dns = example()
    found = await targets(dns, Destination("tls", "example.org"))
    assert found[0] == ("tls", "2001:db8::a", 5061)
    assert dns.asked == ["_sips._tcp.example.org", "a.example.org"]


async def test_a_port_that_is_stated_needs_only_addresses() -> None:
    dns = example()
    assert await targets(dns, Destination("tcp", "example.org", 5099)) == [
        ("tcp", "192.0.2.1", 5099)
    ]
    assert await targets(dns, Destination(None, "example.org", 5099)) == [
        ("udp", "192.0.2.1", 5099)
    ]
    assert dns.asked == ["example.org", "example.org"]


async def test_without_naptr_the_srv_of_each_transport_is_asked_for() -> None:
    dns = example()
    dns.naptrs.clear()
    found = await targets(dns, Destination(None, "example.org"))
    assert found[0] == ("udp", "2001:db8::a", 5070)
    assert found[-1] == ("tls", "192.0.2.10", 5061)


@pytest.mark.parametrize(
    ("transport", "expected"),
    [
        (None, ("udp", "192.0.2.1", 5060)),
        ("tcp", ("tcp", "192.0.2.1", 5060)),
        ("tls", ("tls", "192.0.2.1", 5061)),
    ],
)
async def test_without_srv_it_is_the_host_itself(
    transport: str | None, expected: tuple[str, str, int]
) -> None:
    dns = FakeDns(hosts={"example.org": ["192.0.2.1"]})
    assert await targets(dns, Destination(transport, "example.org")) == [expected]


async def test_an_answer_is_good_as_long_as_every_part_of_it() -> None:
    dns = example()
    dns.ttls["b.example.org"] = 60.0
    assert (await look_up(Destination(None, "example.org"), dns, ALL)).ttl == 60.0
    assert (await look_up(Destination("tls", "example.org"), dns, ALL)).ttl == 300.0


async def test_endless_records_are_bounded() -> None:
    dns = FakeDns(
        srvs={"_sip._udp.example.org": [Srv(n, 0, 5060, f"h{n}.org") for n in range(500)]},
        hosts={f"h{n}.org": ["192.0.2.1"] for n in range(500)},
    )
    assert len(await targets(dns, Destination("udp", "example.org"))) == 16


@pytest.mark.parametrize(
    ("uri", "destination"),
    [
        ("sip:a@example.org", Destination(None, "example.org")),
        ("sips:a@example.org", Destination("tls", "example.org")),
        ("sip:a@[2001:db8::1]:5070;transport=TCP", Destination("tcp", "2001:db8::1", 5070)),
    ],
)
def test_a_uri_says_where_it_leads(uri: str, destination: Destination) -> None:
    assert Destination.of(parse_uri(uri)) == destination
