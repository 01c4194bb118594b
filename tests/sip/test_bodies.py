import pytest

from gateway.errors import SipSyntaxError
from gateway.sip.bodies import read_session_description, session_description
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


def part(content_type: str, content: bytes, *fields: str) -> bytes:
    head = "\r\n".join((f"Content-Type: {content_type}", *fields))
    return head.encode() + b"\r\n\r\n" + content


def multipart(boundary: str, *parts: bytes) -> bytes:
    mark = b"--" + boundary.encode()
    return b"".join(mark + b"\r\n" + each + b"\r\n" for each in parts) + mark + b"--\r\n"


ISUP = part("application/isup", b"\x01\x00\r\n-- \r\n--b not a mark\r\n--b--x")
SESSION = part("application/sdp", OFFER.removesuffix(b"\r\n"))
EARLY = part("application/sdp", b"v=0\r\ns=early", "Content-Disposition: early-session")


@pytest.mark.parametrize(
    "body",
    [
        multipart("b", ISUP, SESSION),
        multipart("b", EARLY, SESSION),
        multipart("b", part("multipart/alternative;boundary=b2", multipart("b2", ISUP, SESSION))),
        multipart("b", part("multipart/mixed;boundary=bb", multipart("bb", EARLY)), SESSION),
        multipart("b", part("multipart/mixed", b"no boundary"), SESSION),
        b"preamble --b\r\n" + multipart("b", SESSION) + b"epilogue\r\n--b\r\n" + EARLY,
        b"--b \t\r\n" + SESSION + b"\r\n--b--",
        b"--b\r\n" + SESSION,  # never closed
    ],
)
def test_the_sdp_of_the_session_is_found_wherever_it_stands(body: bytes) -> None:
    found = session_description(message(body, "multipart/mixed;boundary=b"))
    assert found is not None
    assert found.rstrip() == OFFER.rstrip()


def test_multiparts_within_multiparts_are_followed_for_a_while_only() -> None:
    body = SESSION
    for depth in range(10):
        body = part(f"multipart/mixed;boundary=x{depth}y", multipart(f"x{depth}y", body))
    _, _, body = body.partition(b"\r\n\r\n")
    with pytest.raises(SipSyntaxError):
        session_description(message(body, "multipart/mixed;boundary=x9y"))


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


MUST = part("application/isup", b"\x01", "Content-Disposition: signal; Handling=Required")
NEED_NOT = part("application/isup", b"\x01", "Content-Disposition: signal;handling=optional")
EARLY_MUST = part("application/sdp", b"v=0", "Content-Disposition: early-session;handling=required")


@pytest.mark.parametrize(
    "body",
    [
        multipart("b", MUST, SESSION),
        multipart("b", SESSION, NEED_NOT, MUST),
        multipart("b", EARLY_MUST, SESSION),
        multipart("b", SESSION, part("multipart/mixed;boundary=b2", multipart("b2", MUST))),
    ],
)
def test_a_part_that_is_said_to_be_required_and_is_not_understood_is_a_415(body: bytes) -> None:
    """RFC 3261 20.11, RFC 5621 section 4."""
    with pytest.raises(SipSyntaxError) as raised:
        session_description(message(body, "multipart/mixed;boundary=b"))
    assert raised.value.status == 415
    # To a response or an ACK nothing can be said.
    found = read_session_description(message(body, "multipart/mixed;boundary=b"))
    assert found is not None and found.rstrip() == OFFER.rstrip()


def test_of_alternatives_it_is_enough_to_understand_one() -> None:
    alternative = part("multipart/alternative;boundary=b2", multipart("b2", SESSION, MUST))
    for media_type, body in {
        "multipart/alternative;boundary=b": multipart("b", MUST, SESSION),
        "multipart/mixed;boundary=b": multipart("b", NEED_NOT, alternative),
    }.items():
        found = session_description(message(body, media_type))
        assert found is not None and found.rstrip() == OFFER.rstrip()


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
