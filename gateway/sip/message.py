"""SIP messages: reading, checking and writing them (RFC 3261 sections 7, 8.1.1, 8.2.2 and 18.3).

Reading is tolerant of form (folding, line ends, compact names, octets that are not UTF-8) and
happens in two steps: `parse_message` finds the structure or says that this is not SIP; `check`
says what is wrong with a message that has one, so that a request can still be answered.
"""

import re
from dataclasses import dataclass

from sipmessage.message import COMPACT_FORMS

from gateway.errors import SipSyntaxError
from gateway.sip.header_values import parse_route, parse_uri
from gateway.sip.headers import Headers

MAX_MESSAGE_SIZE = 65_535
"""Octets of a message, header and body, on any transport."""

MAX_HEADER_FIELDS = 256
MAX_LINE_LENGTH = 8192
"""What is read of a header; one that has more or longer fields is for `check` to refuse."""

MAX_SEPARATORS = 2048
"""What cuts the values of a header that is taken up, quotes and brackets among it: each is looked
at many times, and 64 KiB of them would take a third of a second."""

_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(r"\r?\n[ \t]+")
_METHOD = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]{1,64}", re.ASCII)
_FIELD = re.compile(r"([A-Za-z0-9\-.!%*_+`'~]+)[ \t]*:[ \t]*(.*)", re.ASCII | re.DOTALL)
_VERSION = re.compile(r"SIP/(\d{1,4})\.(\d{1,4})", re.ASCII | re.IGNORECASE)

# Of these there can be one (RFC 3261 7.3.1: only lists may be repeated).
_SINGLE = ("Call-ID", "CSeq", "From", "To", "Max-Forwards", "Content-Length", "Content-Type")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Request:
    """A request; `uri` is the Request-URI as written, `version` what follows it."""

    method: str
    uri: str
    headers: Headers
    body: bytes = b""
    version: str = "SIP/2.0"

    def serialize(self) -> bytes:
        """The request on the wire, with its Content-Length."""
        return _serialize(f"{self.method} {self.uri} SIP/2.0", self.headers, self.body)


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """A response; `status` is its status code."""

    status: int
    phrase: str
    headers: Headers
    body: bytes = b""

    def serialize(self) -> bytes:
        """The response on the wire, with its Content-Length."""
        return _serialize(f"SIP/2.0 {self.status} {self.phrase}", self.headers, self.body)


Message = Request | Response


def parse_message(data: bytes) -> Message:
    """Read one message that fills `data` (a datagram, or a message cut out of a stream).

    SipSyntaxError means that it is not a SIP message, or too large for one: nothing can be
    answered. A body longer than its Content-Length is cut (18.3); a shorter one is `check`'s case.
    """
    if len(data) > MAX_MESSAGE_SIZE:
        raise SipSyntaxError("message too large")
    head, body = split_header(data.lstrip(b"\r\n"))
    start_line, _, fields = head.partition(b"\n")
    headers = parse_header(fields)
    line = start_line.decode("utf-8", "surrogateescape").rstrip("\r")
    body = _cut_body(headers, body)
    if line[:4].upper() == "SIP/":
        return _parse_status_line(line, headers, body)
    return _parse_request_line(line, headers, body)


def split_header(data: bytes) -> tuple[bytes, bytes]:
    """What stands before and after the first empty line."""
    end = _END_OF_HEADER.search(data)
    return (data, b"") if end is None else (data[: end.start()], data[end.end() :])


def parse_header(block: bytes) -> Headers:
    """Read header fields, unfolded (7.3.1), within the limits: `is_whole` says whether that is all.

    A line that is no field is passed over: if it was needed, `check` will miss it.
    """
    # Octets that are not UTF-8 survive the way back to the peer.
    text = _FOLD.sub(" ", block.decode("utf-8", "surrogateescape"))
    lines = text.split("\n")
    headers = Headers()
    headers.is_whole = (
        len(lines) <= MAX_HEADER_FIELDS
        and all(len(line) <= MAX_LINE_LENGTH for line in lines)
        and sum(map(text.count, ',;"<')) <= MAX_SEPARATORS
    )
    for line in lines[:MAX_HEADER_FIELDS]:
        if match := _FIELD.fullmatch(line[:MAX_LINE_LENGTH]):
            name = COMPACT_FORMS.get(match[1].lower(), match[1])
            headers.add(name, match[2].replace("\r", " ").strip())
    return headers


def check(message: Message) -> None:
    """Raise SipSyntaxError, with the status to answer, if a message cannot be processed.

    Its text is fit to be the reason phrase (21.4.1). What is not needed for processing is not
    looked at (8.2.2).
    """
    headers = message.headers
    if not headers.is_whole:
        raise SipSyntaxError("Message Too Large", status=513)
    for name in _SINGLE:
        if len(headers.getlist(name)) > 1:
            raise SipSyntaxError(f"Repeated {name}")
    if any(not via.strip("; ") for via in headers.values("Via")):
        raise SipSyntaxError("Malformed Via")  # more of it than there are hops
    _ = headers.via, headers.from_, headers.to, headers.call_id, headers.max_forwards
    method = headers.cseq.method
    if isinstance(message, Request):
        _check_request_line(message)
        if method != message.method:
            raise SipSyntaxError("CSeq does not match the method")
        if method == "INVITE" and headers.contact is None:
            raise SipSyntaxError("Missing Contact")  # 8.1.1.8
    if method in ("INVITE", "UPDATE") and (isinstance(message, Request) or message.status < 300):
        _check_dialog_addresses(headers)
    if isinstance(message, Response) and len(headers.values("Via")) > 1:
        raise SipSyntaxError("More than one Via")  # 8.1.3.3
    length = headers.content_length or 0
    if length > MAX_MESSAGE_SIZE:
        raise SipSyntaxError("Message Too Large", status=513)
    if length > len(message.body):
        raise SipSyntaxError("Content-Length exceeds the body")


def _check_dialog_addresses(headers: Headers) -> None:
    contact = headers.contact
    try:
        if contact is not None:
            parse_uri(contact.uri)
        for route in headers.values("Record-Route"):
            parse_route(route)
    except SipSyntaxError as error:
        raise SipSyntaxError("Malformed Contact or Record-Route") from error


def _cut_body(headers: Headers, body: bytes) -> bytes:
    try:
        return body[: headers.content_length]
    except SipSyntaxError:
        return body  # `check` says so


def _parse_status_line(line: str, headers: Headers, body: bytes) -> Response:
    match = re.fullmatch(r"SIP/2\.0 +([1-6]\d\d)(?: (.*))?", line, re.IGNORECASE | re.ASCII)
    if match is None:
        raise SipSyntaxError("malformed Status-Line")
    return Response(int(match[1]), (match[2] or "").replace("\r", " ").strip(), headers, body)


def _parse_request_line(line: str, headers: Headers, body: bytes) -> Request:
    method, _, rest = line.rstrip().partition(" ")
    uri, _, version = rest.rpartition(" ")
    if not _METHOD.fullmatch(method) or not _VERSION.fullmatch(version):
        raise SipSyntaxError("neither a request nor a response")
    return Request(method, uri, headers, body, version.upper())


def _check_request_line(request: Request) -> None:
    if request.version != "SIP/2.0":
        raise SipSyntaxError("Version Not Supported", status=505)
    if not request.uri or re.search(r'[\s<>"]', request.uri):
        raise SipSyntaxError("Malformed Request-URI")


def _serialize(start_line: str, headers: Headers, body: bytes) -> bytes:
    lines = [start_line]
    lines += [
        f"{name}: {value}" for name, value in headers.fields() if name.lower() != "content-length"
    ]
    lines.append(f"Content-Length: {len(body)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("line end inside a header field")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
