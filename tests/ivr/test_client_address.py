"""Who an HTTP request comes from."""

import ipaddress

import pytest

from gateway.ivr.client_address import client_of

OURS = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.1.0.0/16")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address", "is_proven"),
    [
        ("192.0.2.1", [], "192.0.2.1", True),
        ("127.0.0.1", [], "127.0.0.1", True),
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1", True),
        ("127.0.0.1", ["6.6.6.6, 192.0.2.1"], "192.0.2.1", True),  # the rest is anybody's claim
        ("127.0.0.1", ["6.6.6.6", "192.0.2.1, 10.1.0.7"], "192.0.2.1", True),
        ("127.0.0.1", ["10.1.0.7"], "10.1.0.7", True),
        ("192.0.2.1", ["10.1.0.7"], "192.0.2.1", False),
        ("127.0.0.1", ["nonsense"], "127.0.0.1", False),
        ("127.0.0.1", [""], "127.0.0.1", False),
        ("::ffff:192.0.2.1", [], "192.0.2.1", True),
        ("fe80::1%eth0", [], "fe80::1", True),
        ("127.0.0.1", ["[2001:db8::1]"], "2001:db8::1", True),
    ],
)
def test_only_our_own_proxies_are_believed(
    peer: str, forwarded: list[str], address: str, is_proven: bool
) -> None:
    client = client_of(peer, forwarded, OURS)
    assert (str(client.address), client.is_proven) == (address, is_proven)


def test_nobody_has_rights_by_a_claim() -> None:
    assert client_of("10.1.0.7", [], OURS).is_of(OURS)
    assert not client_of("127.0.0.1", ["nonsense"], OURS).is_of(OURS)
    assert not client_of("127.0.0.1", ["192.0.2.1"], OURS).is_of(OURS)
    assert not client_of("127.0.0.1", ["10.1.0.7, 192.0.2.1"], OURS).is_of(OURS)


def test_a_household_of_ipv6_is_one() -> None:
    first, second, other = (
        client_of(peer, [], OURS).household
        for peer in ("2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1")
    )
    assert first == second != other
    assert client_of("192.0.2.1", [], OURS).household == "192.0.2.1"
