"""Responses to a request and their reason phrases (RFC 3261 sections 8.2.6 and 21)."""

from collections.abc import Sequence

from gateway.errors import SipSyntaxError
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response

PHRASES = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    491: "Request Pending",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    600: "Busy Everywhere",
    603: "Decline",
    606: "Not Acceptable",
}

HeaderFields = Sequence[tuple[str, str]]
"""Header fields to add to a message: (name, value)."""


def respond_to(
    request: Request,
    status: int,
    phrase: str | None = None,
    *,
    to_tag: str = "",
    headers: HeaderFields = (),
    body: bytes = b"",
) -> Response:
    """A response that repeats of the request what it has to, as the request wrote it.

    `to_tag` is added to To unless the request's To has a tag. Record-Route is repeated where a
    dialog may come of it (12.1.1), Timestamp in a 100 (8.2.6.1).
    """
    repeated = Headers()
    names = ("Via", "From", "To", "Call-ID", "CSeq", *(("Timestamp",) if status == 100 else ()))
    for name in names:
        for value in request.headers.getlist(name):
            repeated.add(name, value)
    if to_tag and _lacks_tag(request):
        repeated.set("To", f"{request.headers['To']};tag={to_tag}")
    if request.method == "INVITE" and 100 < status < 300:
        for value in request.headers.getlist("Record-Route"):
            repeated.add("Record-Route", value)
    for name, value in headers:
        repeated.add(name, value)
    return Response(status, phrase or PHRASES.get(status, "Unknown"), repeated, body)


def _lacks_tag(request: Request) -> bool:
    try:
        return not request.headers.to.tag
    except SipSyntaxError:
        return False  # the response to such a request says what is wrong with its To
