"""Route sets, targets and next hops, against the examples of RFC 3261 12 and 16.12."""

from dataclasses import replace

import pytest

from gateway.sip.dialog import Dialog, DialogId
from gateway.sip.flow import Flow, HostPort
from gateway.sip.message import Request, Response, parse_message
from tests.sip.wire import GATEWAY, PEER, TCP, UDP, FakeNetwork, request, response

NETWORK = FakeNetwork()


def parsed_request(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def server_dialog(*, flow: Flow = UDP, **kwargs: object) -> Dialog:
    return Dialog.of_server(parsed_request(request(**kwargs)), "ours", flow)  # type: ignore[arg-type]


def client_dialog(**kwargs: object) -> Dialog:
    """The dialog of a 200 to an INVITE of ours; the INVITE is the peer's text turned round."""
    invite = parsed_request(request(from_tag="ours", cseq=7))
    ok = parse_message(response(invite, 200, to_tag="theirs", **kwargs))  # type: ignore[arg-type]
    assert isinstance(ok, Response)
    return Dialog.of_client(invite, ok, UDP)


def written(message: Request) -> list[str]:
    return message.serialize().decode().split("\r\n")


def routes(*texts: str) -> list[tuple[str, str]]:
    return [("Record-Route", text) for text in texts]


def test_the_dialog_of_a_call_received() -> None:
    dialog = server_dialog()
    assert dialog.id == DialogId("call-1", "ours", "peer")
    assert written(dialog.create_request("BYE")) == [
        "BYE sip:alice@192.0.2.10:5062 SIP/2.0",
        "Max-Forwards: 70",
        "From: <sip:room@example.com>;tag=ours",
        "To: Alice <sip:alice@example.com>;tag=peer",
        "Call-ID: call-1",
        "CSeq: 1 BYE",
        "Content-Length: 0",
        "",
        "",
    ]


def test_the_dialog_of_a_call_made() -> None:
    dialog = client_dialog()
    assert dialog.id == DialogId("call-1", "ours", "theirs")
    assert written(dialog.create_request("BYE"))[:6] == [
        "BYE sip:bob@192.0.2.10:5062 SIP/2.0",
        "Max-Forwards: 70",
        "From: Alice <sip:alice@example.com>;tag=ours",
        "To: <sip:room@example.com>;tag=theirs",
        "Call-ID: call-1",
        "CSeq: 8 BYE",
    ]


def test_an_ack_repeats_the_number_of_its_invite_and_a_bye_counts_on() -> None:
    dialog = client_dialog()
    assert dialog.create_request("ACK", sequence=7).headers["CSeq"] == "7 ACK"
    assert dialog.create_request("BYE").headers["CSeq"] == "8 BYE"


def test_without_a_contact_the_target_stays_the_request_uri() -> None:
    assert client_dialog(contact=None).remote_target == "sip:room@192.0.2.1"


def test_without_a_contact_requests_go_where_the_invite_went() -> None:
    dialog = client_dialog(contact=None)
    dialog.flow = replace(UDP, remote=("192.0.2.77", 5070))  # not the host of the Request-URI
    assert dialog.next_hop(NETWORK) == (dialog.flow, ("192.0.2.77", 5070))
    answered = parse_message(response(parsed_request(request(from_tag="ours")), 200))
    assert isinstance(answered, Response)
    dialog.confirm(answered)
    assert dialog.next_hop(NETWORK)[1] == ("192.0.2.10", 5062)


def test_a_server_keeps_record_route_in_order_and_a_client_turns_it_round() -> None:
    fields = routes("<sip:p2;lr>, <sip:p1;lr>", "<sip:p0;lr>")
    expected = ("<sip:p2;lr>", "<sip:p1;lr>", "<sip:p0;lr>")
    assert server_dialog(fields=fields).route_set == expected
    assert client_dialog(fields=fields).route_set == expected[::-1]


def test_with_loose_routers_the_target_is_in_the_request_uri() -> None:
    bye = server_dialog(fields=routes('"P" <sip:p1.example.com;lr;x=y>, <sip:p2;lr>'))
    message = bye.create_request("BYE")
    assert message.uri == "sip:alice@192.0.2.10:5062"
    assert message.headers.getlist("Route") == ['"P" <sip:p1.example.com;lr;x=y>', "<sip:p2;lr>"]


def test_a_strict_router_gets_itself_in_the_request_uri_and_the_target_last() -> None:
    dialog = server_dialog(fields=routes("<sip:p1.example.com>, <sip:p2.example.com;lr>"))
    message = dialog.create_request("BYE")
    assert message.uri == "sip:p1.example.com"
    assert message.headers.getlist("Route") == [
        "<sip:p2.example.com;lr>",
        "<sip:alice@192.0.2.10:5062>",
    ]


@pytest.mark.parametrize(
    ("route", "remote"),
    [
        ("<sip:192.0.2.77;lr>", ("192.0.2.77", 5060)),
        ("<sip:192.0.2.77:5080>", ("192.0.2.77", 5080)),
        ("<sip:proxy.example.com;lr>", PEER),  # a name: back the way the request came
        ("<sip:proxy.example.com;lr;maddr=192.0.2.77>", ("192.0.2.77", 5060)),
    ],
)
def test_the_next_hop_is_the_first_route(route: str, remote: HostPort) -> None:
    dialog = server_dialog(fields=routes(route))
    assert dialog.next_hop(NETWORK) == (Flow("udp", GATEWAY, remote), remote)


@pytest.mark.parametrize(
    ("contact", "remote"),
    [
        ("<sip:alice@192.0.2.20:5080>", ("192.0.2.20", 5080)),
        ("<sip:alice@192.0.2.20>", ("192.0.2.20", 5060)),
        ("<sip:alice@phone.invalid;transport=ws>", PEER),
        ("<sip:alice@999.1.1.1>", PEER),
        ("<tel:+4930123>", PEER),
        ("<sip:alice@phone.invalid:5080;maddr=192.0.2.20>", ("192.0.2.20", 5080)),
        ("<sip:alice@192.0.2.20:5080;maddr=phone.invalid>", PEER),
        ("<sip:alice@192.0.2.20:5080;maddr=a%20b>", ("192.0.2.20", 5080)),
    ],
)
def test_without_routes_the_next_hop_is_the_target(contact: str, remote: HostPort) -> None:
    flow, _ = server_dialog(contact=contact).next_hop(NETWORK)
    assert flow == Flow("udp", GATEWAY, remote)


def test_a_peer_behind_a_nat_is_answered_where_it_was_seen() -> None:
    natted: dict[str, object] = {
        "via": "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1",
        "contact": "<sip:a@10.0.0.5>",
    }
    dialog = server_dialog(**natted)  # type: ignore[arg-type]
    assert dialog.behind_nat
    assert dialog.next_hop(NETWORK) == (UDP, PEER)
    # With a proxy in between the proxy cares for that, and it is where it says.
    proxied = server_dialog(**natted, fields=routes("<sip:192.0.2.77;lr>"))  # type: ignore[arg-type]
    assert proxied.next_hop(NETWORK)[1] == ("192.0.2.77", 5060)


def test_a_proxy_that_writes_its_name_into_via_is_no_nat() -> None:
    dialog = server_dialog(
        via="SIP/2.0/UDP sbc.example.com;branch=z9hG4bK1", contact="<sip:a@192.0.2.20:5070>"
    )
    assert dialog.next_hop(NETWORK)[1] == ("192.0.2.20", 5070)


def test_on_a_connection_requests_stay_on_it_while_the_host_is_the_same() -> None:
    dialog = server_dialog(flow=TCP, contact="<sip:alice@192.0.2.10:5099;transport=tcp>")
    assert dialog.next_hop(NETWORK) == (TCP, ("192.0.2.10", 5099))


def test_an_address_may_be_written_in_another_way() -> None:
    flow = Flow("tcp", ("2001:db8::1", 5060), ("2001:db8::9", 40000), 7)
    dialog = server_dialog(
        flow=flow,
        via="SIP/2.0/TCP [2001:db8::9]:5062;branch=z9hG4bK1",
        contact="<sip:alice@[2001:DB8:0:0::9]:5062;transport=tcp>",
    )
    assert dialog.next_hop(NETWORK) == (flow, ("2001:db8::9", 5062))


def test_another_host_gets_a_connection_of_its_own() -> None:
    dialog = server_dialog(flow=TCP, contact="<sip:alice@192.0.2.20;transport=tcp>")
    flow, fallback = dialog.next_hop(NETWORK)
    assert flow == Flow("tcp", GATEWAY, ("192.0.2.20", 5060))
    assert fallback == ("192.0.2.20", 5060)


def test_the_target_may_name_another_transport() -> None:
    dialog = server_dialog(contact="<sip:alice@192.0.2.10:5062;transport=TCP>")
    assert dialog.next_hop(NETWORK)[0] == Flow("tcp", GATEWAY, PEER)


def test_the_target_may_be_of_another_address_family() -> None:
    dialog = server_dialog(contact="<sip:alice@[2001:db8::9]:5070>")
    flow, _ = dialog.next_hop(NETWORK)
    assert flow == Flow("udp", ("2001:db8::1", 5060), ("2001:db8::9", 5070))


def test_a_transport_without_a_listener_leaves_the_way_the_request_came() -> None:
    dialog = server_dialog(contact="<sip:alice@192.0.2.10:5062;transport=sctp>")
    assert dialog.next_hop(NETWORK)[0] == UDP


def test_requests_come_in_order_or_not_at_all() -> None:
    dialog = server_dialog(cseq=5)
    for cseq, is_in_order in [(5, False), (4, False), (9, True), (6, False), (10, True)]:
        info = parsed_request(request("INFO", to_tag="ours", cseq=cseq))
        assert dialog.receive(info, UDP) is is_in_order


def test_a_client_takes_any_number_first() -> None:
    assert client_dialog().receive(parsed_request(request("INFO", cseq=1)), UDP)


def test_an_invite_moves_the_target_and_other_requests_do_not() -> None:
    dialog = server_dialog()
    info = request("INFO", cseq=2, fields=[("Contact", "<sip:alice@192.0.2.66>")])
    dialog.receive(parsed_request(info), UDP)
    assert dialog.remote_target == "sip:alice@192.0.2.10:5062"
    moved = request(cseq=3, contact="<sip:alice@192.0.2.67>")
    dialog.receive(parsed_request(moved), UDP)
    assert dialog.remote_target == "sip:alice@192.0.2.67"


def test_the_way_of_the_latest_request_in_order_is_the_way_back() -> None:
    dialog = server_dialog(contact="<sip:alice@phone.invalid>")
    elsewhere = replace(UDP, remote=("203.0.113.4", 999))
    dialog.receive(parsed_request(request("INFO", cseq=1)), elsewhere)
    assert dialog.next_hop(NETWORK)[1] == PEER
    dialog.receive(parsed_request(request("INFO", cseq=2)), elsewhere)
    assert dialog.next_hop(NETWORK)[1] == ("203.0.113.4", 999)
