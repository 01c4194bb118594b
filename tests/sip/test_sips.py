"""`sips` URIs: over TLS only, and answered in kind."""

import pytest

from gateway.sip.header_values import parse_uri
from gateway.sip.message import Request
from gateway.sip.sips import transport_of
from tests.sip.wire import ANSWER, OFFER, TCP, TLS, UDP, Bench, request, response

SIPS_CONTACT = "<sips:alice@192.0.2.10:5062>"


@pytest.mark.parametrize(
    ("uri", "transport"),
    [
        ("sip:a@b", None),
        ("sip:a@b;transport=TCP", "tcp"),
        ("sip:a@b;transport=tls", "tls"),
        ("sips:a@b", "tls"),
        ("sips:a@b;transport=tcp", "tls"),  # what it is on the wire (RFC 3261 26.2.2)
        ("sips:a@b;transport=sctp", "sctp"),
        ("tel:+43123", None),
    ],
)
def test_a_uri_may_ask_for_a_transport(uri: str, transport: str | None) -> None:
    assert transport_of(parse_uri(uri)) == transport


@pytest.mark.parametrize(("flow", "status"), [(UDP, 416), (TCP, 416), (TLS, 100)])
def test_a_sips_uri_is_only_heard_over_tls(flow: object, status: int) -> None:
    bench = Bench()
    bench.receive(request(uri="sips:room@192.0.2.1", body=OFFER), flow)  # type: ignore[arg-type]
    assert bench.statuses() == [status]


@pytest.mark.parametrize(
    ("asked", "contact"),
    [
        ({}, "<sip:192.0.2.1:5061;transport=tls>"),
        ({"uri": "sips:room@192.0.2.1"}, "<sips:192.0.2.1:5061>"),
        ({"contact": SIPS_CONTACT}, "<sips:192.0.2.1:5061>"),
        ({"fields": [("Record-Route", "<sips:192.0.2.77;lr>")]}, "<sips:192.0.2.1:5061>"),
        (
            {"contact": SIPS_CONTACT, "fields": [("Record-Route", "<sip:192.0.2.77;lr>")]},
            "<sip:192.0.2.1:5061;transport=tls>",
        ),
    ],
)
def test_our_contact_is_sips_where_the_request_was(asked: dict[str, object], contact: str) -> None:
    """RFC 3261 12.1.1."""
    bench = Bench()
    session = bench.invited(flow=TLS, **asked)
    bench.order(lambda now: session.accept(ANSWER, now=now))
    assert bench.the_response().headers["Contact"] == contact


def test_an_update_is_answered_in_kind_too() -> None:
    bench = Bench()
    _, tag = bench.confirmed(flow=TLS, uri="sips:room@192.0.2.1", contact=SIPS_CONTACT)
    update = request("UPDATE", uri="sips:192.0.2.1:5061", to_tag=tag, cseq=2, branch="z9hG4bK-2")
    bench.receive(update.replace(b"CSeq", b"Contact: " + SIPS_CONTACT.encode() + b"\r\nCSeq"), TLS)
    assert bench.the_response().headers["Contact"] == "<sips:192.0.2.1:5061>"


def test_we_call_sips_in_sips() -> None:
    bench = Bench()
    _, invite = bench.inviting(flow=TLS, target="sips:bob@example.org")
    assert invite.headers["Contact"] == "<sips:192.0.2.1:5061>"
    assert invite.headers.via.transport == "TLS"


def test_requests_to_a_sips_contact_go_over_tls() -> None:
    bench = Bench()
    session, invite = bench.inviting(flow=UDP)
    contact = "<sips:bob@192.0.2.20>"
    bench.receive(response(invite, 200, contact=contact, body=ANSWER))
    (ack,) = bench.take()
    assert (ack.transmission.flow.transport, ack.transmission.fallback) == (
        "tls",
        ("192.0.2.20", 5061),
    )
    assert isinstance(ack.message, Request)
    assert ack.message.headers.via.transport == "TLS"
    assert session.dialog is not None
