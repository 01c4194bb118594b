import contextlib
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SipSyntaxError
from gateway.sip.headers import Headers
from gateway.sip.message import (
    MAX_HEADER_FIELDS,
    MAX_LINE_LENGTH,
    MAX_MESSAGE_SIZE,
    MAX_SEPARATORS,
    Request,
    Response,
    check,
    parse_message,
)
from tests.helpers.examples import at_most
from tests.sip.wire import OFFER, request, response

INVITE = request(body=OFFER)


def parse_request(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def test_a_request_is_read() -> None:
    invite = parse_request(INVITE)
    assert (invite.method, invite.uri, invite.version) == (
        "INVITE",
        "sip:room@192.0.2.1",
        "SIP/2.0",
    )
    assert invite.headers.from_.display_name == "Alice"
    assert invite.body == OFFER
    check(invite)


def test_a_response_is_read() -> None:
    ringing = parse_message(response(parse_request(INVITE), 180, "Ringing all over"))
    assert isinstance(ringing, Response)
    assert (ringing.status, ringing.phrase) == (180, "Ringing all over")
    check(ringing)


@pytest.mark.parametrize(
    ("line", "phrase"),
    [("SIP/2.0 200 ", ""), ("SIP/2.0 200", ""), ("sip/2.0 200  Fine", "Fine")],
)
def test_a_reason_phrase_may_be_missing(line: str, phrase: str) -> None:
    message = parse_message(line.encode() + b"\r\nVia: x\r\n\r\n")
    assert isinstance(message, Response)
    assert message.phrase == phrase


def test_a_reason_phrase_can_be_passed_on_whatever_is_in_it() -> None:
    message = parse_message(b"SIP/2.0 486 Busy\rEvil: yes\r\nVia: x\r\n\r\n")
    assert isinstance(message, Response)
    Response(message.status, message.phrase, Headers()).serialize()


def test_folding_compact_names_bare_line_ends_and_leading_line_ends_are_understood() -> None:
    data = (
        b"\r\n\r\nOPTIONS sip:a@b SIP/2.0\n"
        b"v: SIP/2.0/UDP c;\n\tbranch=z9hG4bK1\r\n"
        b"f: <sip:a@b>\r\n ;tag=1\nt : <sip:c@d>\ni:x\nCSEQ: 1\r\n OPTIONS\nl: 0\n\n"
    )
    options = parse_request(data)
    check(options)
    assert options.headers.from_.tag == "1"
    assert options.headers.via.parameters["branch"] == "z9hG4bK1"
    assert options.headers.call_id == "x"


def test_octets_that_are_not_utf_8_survive() -> None:
    odd = INVITE.replace(b"Alice", b"\xff\xfeJ\xf6rg")
    assert b"\xff\xfeJ\xf6rg" in parse_request(odd).serialize()


def test_what_follows_the_stated_length_is_cut_off() -> None:
    assert parse_request(INVITE + b"rubbish").body == OFFER


def test_without_a_length_the_body_goes_on_to_the_end() -> None:
    data = INVITE.replace(f"Content-Length: {len(OFFER)}\r\n".encode(), b"")
    message = parse_request(data)
    check(message)
    assert message.body == OFFER


def test_serializing_writes_the_length_of_the_body_whatever_was_stated() -> None:
    message = parse_request(INVITE)
    stated = Headers([*message.headers.fields(), ("content-length", "7")])
    data = Request("INVITE", message.uri, stated, b"12345").serialize()
    assert data.lower().count(b"content-length") == 1
    assert data.endswith(b"Content-Length: 5\r\n\r\n12345")


@pytest.mark.parametrize("evil", ["a\r\nX: y", "a\nb", "a\rb"])
def test_a_line_end_inside_a_field_is_our_own_mistake(evil: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        Request("INVITE", "sip:a", Headers([("Subject", evil)])).serialize()


names = st.text(string.ascii_letters + string.digits, min_size=1, max_size=10).map("X-{}".format)
values = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=40)


@at_most(60)
@given(st.lists(st.tuples(names, values), max_size=8), st.binary(max_size=200))
def test_writing_and_reading_a_request_are_inverse(
    fields: list[tuple[str, str]], body: bytes
) -> None:
    written = Request("MESSAGE", "sip:a@b", Headers(fields), body)
    read = parse_request(written.serialize())
    assert read.body == body
    assert read.headers.fields() == [
        *written.headers.fields(),
        ("Content-Length", str(len(body))),
    ]
    assert read.serialize() == written.serialize()


@at_most(60)
@given(st.integers(100, 699), values, st.binary(max_size=200))
def test_writing_and_reading_a_response_are_inverse(status: int, phrase: str, body: bytes) -> None:
    written = Response(status, phrase, Headers([("Via", "x")]), body)
    read = parse_message(written.serialize())
    assert isinstance(read, Response)
    assert (read.status, read.phrase, read.body) == (status, phrase, body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"INVITE\r\n\r\n",
        b"INVITE sip:a@b\r\n\r\n",
        b"INVITE sip:a@b HTTP/1.1\r\n\r\n",
        b"IN VITE sip:a@b SIP/2.0x\r\n\r\n",
        b"M" * 65 + b" sip:a@b SIP/2.0\r\n\r\n",
        b"SIP/2.0 OK\r\n\r\n",
        b"SIP/2.0 99 Low\r\n\r\n",
        b"SIP/2.0 700 High\r\n\r\n",
        b"SIP/2.0 4294967301 better not break the receiver\r\n\r\n",
        b"SIP/3.0 200 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS client hello
        b"\x80\x00\x00\x01\x00\x00\x00\x00\x12\x34\x56\x78" + bytes(160),  # RTP
    ],
)
def test_what_is_not_sip_is_refused(data: bytes) -> None:
    with pytest.raises(SipSyntaxError):
        parse_message(data)


def test_there_are_limits_to_size_number_and_length() -> None:
    fits = b"OPTIONS sip:a SIP/2.0\r\n" + b"X-A: b\r\n" * (MAX_HEADER_FIELDS - 1) + b"\r\n"
    assert len(parse_message(fits).headers.getlist("X-A")) == MAX_HEADER_FIELDS - 1
    with pytest.raises(SipSyntaxError, match="large"):
        parse_message(b"OPTIONS sip:a SIP/2.0\r\nX-A: b\r\n\r\n" + bytes(MAX_MESSAGE_SIZE))


@pytest.mark.parametrize(
    "fields",
    [
        "X-A: b\r\n" * MAX_HEADER_FIELDS,
        f"X-A: {'b' * MAX_LINE_LENGTH}\r\n",
        "X-A: b" + "\r\n b" * MAX_LINE_LENGTH + "\r\n",
        "Via: SIP/2.0/UDP a,b\r\n" * 100 + "Require: " + "," * MAX_SEPARATORS + "\r\n",
        "Contact: <sip:a>" + ";b" * MAX_SEPARATORS + "\r\n",
        "Subject: " + '""' * MAX_SEPARATORS + "\r\n",
    ],
)
def test_of_a_header_beyond_the_limits_as_much_is_read_as_answering_takes(fields: str) -> None:
    message = parse_message(INVITE[: -len(OFFER) - 2] + fields.encode() + b"\r\n" + OFFER)
    assert message.headers.call_id
    assert sum(len(value) for _, value in message.headers.fields()) < 65_000
    with pytest.raises(SipSyntaxError, match="Too Large") as raised:
        check(message)
    assert raised.value.status == 513


@pytest.mark.parametrize(
    "line",
    [b"A" * 8000, b"A" + b" " * 8000 + b"x", b" " * 8000, b":" * 8000, b"A: " + b"\t" * 8000],
)
def test_reading_takes_time_linear_in_the_length(line: bytes) -> None:
    data = b"OPTIONS sip:a SIP/2.0\r\n" + b"\r\n".join([line] * 8) + b"\r\n\r\n"
    started = time.process_time()
    parse_message(data)
    assert time.process_time() - started < 0.25


def without(name: str) -> bytes:
    return b"\r\n".join(
        line for line in INVITE.split(b"\r\n") if not line.startswith(name.encode() + b":")
    )


def replaced(old: str, new: str) -> bytes:
    assert old.encode() in INVITE
    return INVITE.replace(old.encode(), new.encode())


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        *((without(name), 400, name) for name in ("Via", "From", "To", "Call-ID", "CSeq")),
        (without("Contact"), 400, "Missing Contact"),
        (replaced("Contact: <sip:alice@192.0.2.10:5062>", "Contact: *"), 400, "Contact"),
        (replaced("sip:alice@192.0.2.10:5062", "http://192.0.2.10"), 400, "Contact"),
        (replaced("sip:alice@192.0.2.10:5062", "sip:alice@192.0.2.10:99999"), 400, "Contact"),
        (replaced("Contact:", "Record-Route: nowhere\r\nContact:"), 400, "Record-Route"),
        (replaced("1 INVITE", "1 BYE"), 400, "CSeq does not match the method"),
        (replaced("1 INVITE", "x INVITE"), 400, "Malformed CSeq"),
        (replaced("CSeq:", "CSeq: 1 INVITE\r\nCSeq:"), 400, "Repeated CSeq"),
        (replaced("Content-Length:", "l: 5\r\nContent-Length:"), 400, "Repeated Content-Length"),
        (replaced("Max-Forwards: 70", "Max-Forwards: 300"), 400, "Max-Forwards"),
        (replaced("Alice <sip:alice@example.com>", "Alice <alice>"), 400, "Malformed From"),
        (replaced("SIP/2.0/UDP 192", "SIP/2.0 192"), 400, "Via"),
        (replaced(f"Length: {len(OFFER)}", f"Length: {len(OFFER) + 1}"), 400, "Content-Length"),
        (replaced(f"Length: {len(OFFER)}", "Length: -1"), 400, "Content-Length"),
        (replaced(f"Length: {len(OFFER)}", "Length: 65536"), 513, "Too Large"),
        (replaced("room@192.0.2.1 SIP/2.0", "room@192.0.2.1 SIP/3.0"), 505, "Version"),
        (replaced("sip:room@192.0.2.1 ", "sip:room @192.0.2.1 "), 400, "Request-URI"),
        (replaced("sip:room@192.0.2.1 ", "<sip:room@192.0.2.1> "), 400, "Request-URI"),
        (replaced("sip:room@192.0.2.1 ", " "), 400, "Request-URI"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(data: bytes, status: int, text: str) -> None:
    with pytest.raises(SipSyntaxError, match=text) as raised:
        check(parse_message(data))
    assert raised.value.status == status


def test_a_response_that_went_through_another_hop_is_not_ours() -> None:
    data = response(parse_request(INVITE), 200, fields=[("Via", "SIP/2.0/UDP 203.0.113.1")])
    with pytest.raises(SipSyntaxError, match="Via"):
        check(parse_message(data))


def test_a_header_that_is_not_needed_may_be_wrong() -> None:
    check(parse_message(replaced("Contact:", "Date: yesterday\r\nAccept: ;;,\r\nContact:")))


@at_most(60)
@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(data: bytes) -> None:
    for candidate in (data, INVITE[:40] + data + INVITE[40:]):
        with contextlib.suppress(SipSyntaxError):
            check(parse_message(candidate))
