"""Finding the session description in a message (RFC 3261 7.4 and 8.2.3, RFC 2046 5.1)."""

from gateway.errors import SipSyntaxError
from gateway.sip.header_values import parse_parameters, split_list
from gateway.sip.headers import Headers
from gateway.sip.message import Message, parse_header, split_header

SDP = "application/sdp"

_MAX_PARTS = 16


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
        description = _find_part(body, parameters.get("boundary") or "")
        if description is not None:
            return description
    if _is_optional(headers):
        return None
    raise SipSyntaxError("Unsupported Media Type", status=415)


def _find_part(body: bytes, boundary: str) -> bytes | None:
    """The first SDP part of a multipart body."""
    if not boundary:
        return None
    delimiter = b"--" + boundary.encode("utf-8", "surrogateescape")
    for part in body.split(delimiter, _MAX_PARTS)[1:_MAX_PARTS]:
        head, content = split_header(part.removeprefix(b"\r\n").removeprefix(b"\n"))
        if parse_header(head).content_type[0] == SDP:
            return content.removesuffix(b"\n").removesuffix(b"\r") + b"\r\n"
    return None


def _is_optional(headers: Headers) -> bool:
    _, *pieces = split_list(headers.get("Content-Disposition") or "", ";")
    return (parse_parameters(pieces).get("handling") or "").lower() == "optional"
