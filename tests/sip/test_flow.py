import pytest

from gateway.sip.flow import Flow, comes_through_nat, response_flow, stamp_via
from gateway.sip.message import Request, parse_message
from tests.sip.wire import GATEWAY, PEER, TCP, UDP, request

V6 = Flow("udp", ("2001:db8::1", 5060), ("2001:db8::9", 5060))


def parsed(via: str) -> Request:
    message = parse_message(request(via=via))
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(
    ("flow", "via", "stamped"),
    [
        # the address stated is the one seen (RFC 3261 18.2.1)
        (UDP, "SIP/2.0/UDP 192.0.2.10:5062;branch=x", "SIP/2.0/UDP 192.0.2.10:5062;branch=x"),
        # another one, or a name
        (UDP, "SIP/2.0/UDP 10.0.0.1;branch=x", "SIP/2.0/UDP 10.0.0.1;branch=x;received=192.0.2.10"),
        (UDP, "SIP/2.0/UDP pbx1", "SIP/2.0/UDP pbx1;received=192.0.2.10"),
        # rport wants its value, and received even where it says nothing new (RFC 3581 section 4)
        (
            UDP,
            "SIP/2.0/UDP 192.0.2.10;RPort;branch=x",
            "SIP/2.0/UDP 192.0.2.10;branch=x;rport=5062;received=192.0.2.10",
        ),
        # what the peer claims to have been seen as does not count
        (
            UDP,
            "SIP/2.0/UDP 192.0.2.10;received=203.0.113.5;rport=9;x",
            "SIP/2.0/UDP 192.0.2.10;x;rport=5062;received=192.0.2.10",
        ),
        (V6, "SIP/2.0/UDP [2001:db8::9]", "SIP/2.0/UDP [2001:db8::9]"),
        (V6, "SIP/2.0/UDP [2001:db8::8]", "SIP/2.0/UDP [2001:db8::8];received=2001:db8::9"),
    ],
)
def test_the_topmost_via_says_where_the_request_came_from(
    flow: Flow, via: str, stamped: str
) -> None:
    message = parsed(f"{via}, SIP/2.0/UDP other;rport")
    stamp_via(message, flow)
    assert message.headers.getlist("Via") == [stamped, "SIP/2.0/UDP other;rport"]


@pytest.mark.parametrize(
    ("via", "remote"),
    [
        ("SIP/2.0/UDP 192.0.2.10:5070", ("192.0.2.10", 5070)),
        ("SIP/2.0/UDP 10.0.0.1", ("192.0.2.10", 5060)),
        ("SIP/2.0/UDP 10.0.0.1:5070;rport", PEER),
        ("SIP/2.0/UDP 10.0.0.1:5070;maddr=203.0.113.9", ("192.0.2.10", 5070)),
    ],
)
def test_responses_go_to_the_address_seen_and_the_port_stated_unless_rport_asks(
    via: str, remote: tuple[str, int]
) -> None:
    path, _ = response_flow(parsed(via), UDP)
    assert path == Flow("udp", GATEWAY, remote)


def test_responses_on_a_connection_go_back_on_it_and_else_to_the_port_stated() -> None:
    path, fallback = response_flow(parsed("SIP/2.0/TCP 10.0.0.1:5070"), TCP)
    assert path == TCP
    assert fallback == ("192.0.2.10", 5070)


@pytest.mark.parametrize(
    ("via", "is_natted"),
    [
        ("192.0.2.10:5062", False),
        ("192.0.2.10:9", False),
        ("10.0.0.1", True),
        ("pbx.example.com", False),  # a name says nothing about the address
    ],
)
def test_a_peer_that_states_an_address_it_is_not_seen_at_is_behind_a_nat(
    via: str, is_natted: bool
) -> None:
    assert comes_through_nat(parsed(f"SIP/2.0/UDP {via}"), UDP) is is_natted


def test_an_ipv6_address_may_be_written_in_several_ways() -> None:
    written = parsed("SIP/2.0/UDP [2001:DB8:0:0::9]")
    assert not comes_through_nat(written, V6)


def test_a_flow_names_itself_for_logs() -> None:
    assert str(V6) == "udp:[2001:db8::9]:5060"
    assert TCP.is_reliable and not UDP.is_reliable
