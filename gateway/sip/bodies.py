"""Finding the session description in a message (RFC 3261 7.4 and 8.2.3, RFC 2046 5.1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

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
    description, is_understood = _find(message)
    if not is_understood:
        raise SipSyntaxError("Unsupported Media Type", status=415)
    return description


def read_session_description(message: Message) -> bytes | None:
    """The same where nothing can be answered to a body that is something else: None then too."""
    try:
        description, _ = _find(message)
    except SipSyntaxError:
        return None
    return description


def _find(message: Message) -> tuple[bytes | None, bool]:
    """The SDP of a message, and whether all that must be understood is."""
    headers, body = message.headers, message.body
    if not body:
        return None, True
    if headers.tokens("Content-Encoding") not in ([], ["identity"]):
        raise SipSyntaxError("Unsupported Content-Encoding", status=415)
    if headers.content_type[0] == SDP:
        return body, True
    parts = list(_parts(headers, body, _MAX_DEPTH))
    for part in parts:
        if part.is_session:
            return part.content, not any(each.is_refused for each in parts)
    return None, _handling(headers) == "optional"


@dataclass(frozen=True, slots=True)
class _Part:
    """A body, or a part of one; of several that are an `alternative` one is enough."""

    headers: Headers
    content: bytes
    is_alternative: bool

    @property
    def is_session(self) -> bool:
        """Whether it describes the session, and not early media beside it (RFC 3959)."""
        media_type, _ = self.headers.content_type
        disposition, *_ = split_list(self.headers.get("Content-Disposition") or "session", ";")
        return media_type == SDP and disposition.lower() != "early-session"

    @property
    def is_refused(self) -> bool:
        """Whether it says that we must understand it, and we do not (RFC 3261 20.11).

        Of one that says nothing this is to be assumed; but ISUP, locations and the like come so
        from those who would be worse off without the call.
        """
        return (
            not self.is_session
            and not self.is_alternative
            and _handling(self.headers) == "required"
        )


def _parts(
    headers: Headers, body: bytes, depth: int, *, is_alternative: bool = False
) -> Iterator[_Part]:
    """A body as it is, or the parts of a multipart, and of multiparts within it (RFC 5621 4)."""
    media_type, parameters = headers.content_type
    if not media_type.startswith("multipart/"):
        yield _Part(headers, body, is_alternative)
        return
    boundary = parameters.get("boundary") or ""
    if depth == 0 or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        return
    is_alternative |= media_type == "multipart/alternative"
    mark = re.escape(boundary.encode("utf-8", "surrogateescape"))
    delimiter = re.compile(rb"(?:^|\r?\n)--" + mark + rb"(?:--)?[ \t]*(?=\r?\n|$)")
    for part in delimiter.split(body, _MAX_PARTS)[1:_MAX_PARTS]:
        head, content = split_header(part.removeprefix(b"\r").removeprefix(b"\n"))
        yield from _parts(
            parse_header(head), content + b"\r\n", depth - 1, is_alternative=is_alternative
        )


def _handling(headers: Headers) -> str:
    _, *pieces = split_list(headers.get("Content-Disposition") or "", ";")
    return (parse_parameters(pieces).get("handling") or "").lower()
