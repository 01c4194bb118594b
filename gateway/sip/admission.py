"""Which requests outside a dialog are taken up (RFC 3261 sections 8.2 and 11).

Two questions, asked before any state is made: does the operator want to hear this peer, and is
this a request that a user agent like ours can serve at all?
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from gateway.errors import SipSyntaxError
from gateway.sip.bodies import SDP
from gateway.sip.flow import Flow
from gateway.sip.header_values import parse_uri
from gateway.sip.message import Request
from gateway.sip.responses import HeaderFields

METHODS = (
    *("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "MESSAGE"),
    *("PRACK", "UPDATE", "REFER"),
)
"""What we serve; the value of Allow."""

# Methods the IANA registry knows are "not allowed" here, others "not implemented" (8.2.1, 21.5.2).
_KNOWN_METHODS = {
    *METHODS,
    *("REGISTER", "SUBSCRIBE", "NOTIFY", "PUBLISH"),
}

EXTENSIONS: tuple[str, ...] = ("100rel", "norefersub", "replaces", "timer")
"""The option tags we support; the value of Supported."""

ALLOW = ("Allow", ", ".join(METHODS))
ALLOW_OUTSIDE_DIALOG = ("Allow", ", ".join(method for method in METHODS if method != "MESSAGE"))
"""Of a request that would have been allowed within a call (21.4.6)."""
SUPPORTED = ("Supported", ", ".join(EXTENSIONS))
SUPPORTED_WITHOUT_PRACK = ("Supported", ", ".join(tag for tag in EXTENSIONS if tag != "100rel"))
"""Of an INVITE whose provisional responses nobody acknowledges."""
ACCEPT = ("Accept", SDP)
CAPABILITIES = (ALLOW, ACCEPT, SUPPORTED)
"""What OPTIONS is answered with (11.2)."""


_DESCRIPTIONS = {SDP, "application/*", "*/*"}
"""What an INVITE that says what it accepts has to accept: we cannot answer it otherwise."""


class Verdict(Enum):
    """What to do with a request, short of answering it."""

    ACCEPT = auto()
    DROP = auto()  # silently: a scanner learns nothing


@dataclass(frozen=True, slots=True)
class Refusal:
    """Answer a request with this and keep no state about it."""

    status: int
    phrase: str | None = None
    headers: HeaderFields = ()


FORBID = Refusal(403)

Admit = Callable[[Flow, Request], Verdict | Refusal]
"""Decides about a request that belongs to no dialog, by its source and what it says."""

Hears = Callable[[Flow, str | None], bool]
"""Whether a request of this method is listened to, by its source; it is asked before that is read.

None stands for any method: of a connection on which nothing has come yet.
Where it says no, only messages of calls and transactions that are there are read. It has to be
quick, and may say yes where `Admit` will say no.
"""

Register = Callable[[Flow, Request], Refusal]
"""Does what a REGISTER says, if its sender may; what to answer it with, a 200 among it."""


def unavailable(retry_after: int) -> Refusal:
    """We cannot now; try again in so many seconds (21.5.4)."""
    return Refusal(503, headers=(("Retry-After", str(retry_after)),))


def find_fault(request: Request, flow: Flow, methods: tuple[str, ...] = METHODS) -> Refusal | None:
    """The first reason, in the order of section 8.2, not to serve a request."""
    try:
        scheme = parse_uri(request.uri).scheme
    except SipSyntaxError as error:
        if error.status == 400:
            return Refusal(400, "Malformed Request-URI")
        scheme = ""
    if request.method not in methods:
        return Refusal(405 if request.method in _KNOWN_METHODS else 501, headers=(ALLOW,))
    # sips asks for TLS all the way to us (26.2.2).
    if scheme == "" or (scheme == "sips" and flow.transport != "tls"):
        return Refusal(416)
    unsupported = [tag for tag in request.headers.tokens("Require") if tag not in EXTENSIONS]
    if unsupported:
        return Refusal(420, headers=(("Unsupported", ", ".join(unsupported)),))
    accepted = {each.partition(";")[0].strip() for each in request.headers.tokens("Accept")}
    if request.method == "INVITE" and accepted and not accepted & _DESCRIPTIONS:
        return Refusal(406)
    # A call goes on from here, as through a proxy; one without a hop left goes in circles (16.3).
    # Other requests end here and may arrive with none.
    if request.method == "INVITE" and request.headers.max_forwards == 0:
        return Refusal(483)
    return None
