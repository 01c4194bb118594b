import pytest

from gateway.errors import SipSyntaxError
from gateway.sip.bodies import session_description
from gateway.sip.headers import Headers
from gateway.sip.message import Request
from tests.sip.wire import OFFER


def message(body: bytes, content_type: str | None, **more: str) -> Request:
    fields = [] if content_type is None else [("Content-Type", content_type)]
    fields += [(name.replace("_", "-"), value) for name, value in more.items()]
    return Request("INVITE", "sip:a", Headers(fields), body)


@pytest.mark.parametrize("content_type", ["application/sdp", "Application/SDP; charset=utf-8"])
def test_sdp_alone_is_found(content_type: str) -> None:
    assert session_description(message(OFFER, content_type)) == OFFER


def test_no_body_is_no_description() -> None:
    assert session_description(message(b"", "application/sdp")) is None


@pytest.mark.parametrize("separator", [b"\r\n", b"\n"])
def test_sdp_is_found_among_several_parts(separator: bytes) -> None:
    body = separator.join(
        [
            b"preamble",
            b"--b1",
            b"Content-Type: application/isup",
            b"",
            b"\x00\x01",
            b"--b1",
            b"content-type : application/sdp",
            b"Content-Disposition: session",
            b"",
            OFFER.removesuffix(b"\r\n"),
            b"--b1--",
            b"",
        ]
    )
    assert session_description(message(body, 'multipart/mixed;boundary="b1"')) == OFFER


@pytest.mark.parametrize(
    ("body", "content_type", "more"),
    [
        (OFFER, None, {}),
        (b"hi", "text/plain", {}),
        (OFFER, "application/sdp", {"Content_Encoding": "gzip"}),
        (b"--b\r\n\r\nhi\r\n--b--", "multipart/mixed;boundary=b", {}),
        (OFFER, "multipart/mixed", {}),
        (b"hi", "text/plain", {"Content_Disposition": "render;handling=required"}),
    ],
)
def test_a_body_that_must_be_understood_and_is_not_sdp_is_a_415(
    body: bytes, content_type: str | None, more: dict[str, str]
) -> None:
    with pytest.raises(SipSyntaxError) as raised:
        session_description(message(body, content_type, **more))
    assert raised.value.status == 415


def test_a_body_that_need_not_be_understood_is_passed_over() -> None:
    odd = message(b"hi", "text/plain", Content_Disposition="render; handling=Optional")
    assert session_description(odd) is None


def test_a_part_whose_header_is_too_large_is_an_error_of_the_peer() -> None:
    body = b"--b\r\n" + b"X-A: y\r\n" * 300 + b"\r\n--b--"
    with pytest.raises(SipSyntaxError):
        session_description(message(body, "multipart/mixed;boundary=b"))


def test_very_many_parts_are_not_all_looked_at() -> None:
    part = b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    sdp = b"--b\r\nContent-Type: application/sdp\r\n\r\n" + OFFER
    with pytest.raises(SipSyntaxError):
        session_description(message(part * 1000 + sdp, "multipart/mixed;boundary=b"))
