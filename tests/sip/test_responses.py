import pytest

from gateway.sip.message import Request, parse_message
from gateway.sip.responses import PHRASES, respond_to
from tests.sip.wire import request


def parsed(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


INVITE = parsed(
    request(
        via="SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/UDP b",
        fields=[
            ("Via", "SIP/2.0/TCP c"),
            ("Record-Route", "<sip:p2;lr>"),
            ("Record-Route", "<sip:p1;lr>"),
            ("Timestamp", "54"),
        ],
    )
)


def test_a_response_repeats_what_it_must_as_it_was_written() -> None:
    response = respond_to(INVITE, 200, to_tag="ours", headers=[("X-A", "b")], body=b"hi")
    assert response.serialize().decode() == "\r\n".join(
        [
            "SIP/2.0 200 OK",
            "Via: SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/UDP b",
            "Via: SIP/2.0/TCP c",
            "From: Alice <sip:alice@example.com>;tag=peer",
            "To: <sip:room@example.com>;tag=ours",
            "Call-ID: call-1",
            "CSeq: 1 INVITE",
            "Record-Route: <sip:p2;lr>",
            "Record-Route: <sip:p1;lr>",
            "X-A: b",
            "Content-Length: 2",
            "",
            "hi",
        ]
    )


@pytest.mark.parametrize(
    ("status", "repeated"), [(100, False), (180, True), (200, True), (302, False), (486, False)]
)
def test_record_route_is_repeated_where_a_dialog_may_come_of_it(
    status: int, repeated: bool
) -> None:
    assert bool(respond_to(INVITE, status).headers.getlist("Record-Route")) is repeated


def test_a_timestamp_is_repeated_in_100() -> None:
    assert respond_to(INVITE, 100).headers["Timestamp"] == "54"  # 8.2.6.1
    assert respond_to(INVITE, 180).headers.get("Timestamp") is None


def test_a_tag_that_is_there_is_left_alone() -> None:
    bye = parsed(request("BYE", to_tag="mine"))
    assert respond_to(bye, 200, to_tag="ours").headers["To"].endswith(";tag=mine")


def test_a_response_can_be_made_to_a_request_that_lacks_everything() -> None:
    broken = parsed(b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nTo: nonsense\r\n\r\n")
    response = respond_to(broken, 400, "Missing From", to_tag="ours")
    assert response.serialize() == (
        b"SIP/2.0 400 Missing From\r\nVia: SIP/2.0/UDP a\r\nTo: nonsense\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_every_status_has_a_phrase() -> None:
    assert respond_to(INVITE, 486).phrase == "Busy Here"
    assert respond_to(INVITE, 299).phrase == "Unknown"
    assert all(phrase.isascii() for phrase in PHRASES.values())
