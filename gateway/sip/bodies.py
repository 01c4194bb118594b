"""Finding the session description in a message (RFC 3261 7.4 and 8.2.3, RFC 2046 5.1)."""

import re

from gateway.errors import SipSyntaxError
from gateway.sip.header_values import parse_parameters, split_list
from gateway.sip.headers import Headers
from gateway.sip.message import Message, parse_header, split_header

SDP = "application/sdp"

_MAX_PARTS = 16
_MAX_DEPTH = 3  # multiparts within multiparts
_LONGEST_BOUNDARY = 70  # RFC 2046 section 5.1.1


def session_description(message: Message) -> bytes | None:
    """The SDP of a message, alone or in a multipart; None if the message has no body for us.

    SipSyntaxError with status 415 if there is a body that must be understood and is not SDP.
    """
    headers, body = message.headers, message.body
    if not body:
        return None
    if headers.tokens("Content-Encoding") not in ([], ["identity"]):
        raise SipSyntaxError("Unsupported Content-Encoding", status=415)
    media_type, parameters = headers.content_type
    if media_type == SDP:
        return body
    if media_type.startswith("multipart/"):
        description = _find_part(body, parameters.get("boundary") or "", _MAX_DEPTH)
        if description is not None:
            return description
    if _is_optional(headers):
        return None
    raise SipSyntaxError("Unsupported Media Type", status=415)


def read_session_description(message: Message) -> bytes | None:
    """The same where nothing can be answered to a body that is something else: None then too."""
    try:
        return session_description(message)
    except SipSyntaxError:
        return None


def _find_part(body: bytes, boundary: str, depth: int) -> bytes | None:
    """The session's SDP in a multipart body, or in a multipart within it (RFC 5621 section 4)."""
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        return None
    mark = re.escape(boundary.encode("utf-8", "surrogateescape"))
    delimiter = re.compile(rb"(?:^|\r?\n)--" + mark + rb"(?:--)?[ \t]*(?=\r?\n|$)")
    for part in delimiter.split(body, _MAX_PARTS)[1:_MAX_PARTS]:
        head, content = split_header(part.removeprefix(b"\r").removeprefix(b"\n"))
        headers = parse_header(head)
        media_type, parameters = headers.content_type
        if media_type == SDP and _is_of_session(headers):
            return content + b"\r\n"
        if media_type.startswith("multipart/") and depth > 1:
            description = _find_part(content, parameters.get("boundary") or "", depth - 1)
            if description is not None:
                return description
    return None


def _is_of_session(headers: Headers) -> bool:
    """Whether it describes the session, and not early media beside it (RFC 3959)."""
    disposition, *_ = split_list(headers.get("Content-Disposition") or "session", ";")
    return disposition.lower() != "early-session"


def _is_optional(headers: Headers) -> bool:
    _, *pieces = split_list(headers.get("Content-Disposition") or "", ";")
    return (parse_parameters(pieces).get("handling") or "").lower() == "optional"
