"""REFER: the peer wants its call to go elsewhere, and to hear what comes of it (RFC 3515).

The subscription that comes with it ends with the first final result. A peer that wants none
(RFC 4488) is told nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote

from gateway.errors import SipSyntaxError
from gateway.sip.client_request import Order, Outcome
from gateway.sip.core import Core
from gateway.sip.flow import Flow
from gateway.sip.header_values import parse_name_addr, parse_uri
from gateway.sip.headers import Headers
from gateway.sip.responses import PHRASES
from gateway.sip.transaction import Transaction

SIPFRAG = "message/sipfrag;version=2.0"
_PATIENCE = 60  # seconds that a subscription is said to last; what comes of it is known before
_MAX_HEADERS = 16


@dataclass(frozen=True, slots=True)
class ReferTo:
    """Where a call is to go: `user` at `host`, with the headers its INVITE should have."""

    user: str
    host: str
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case

    @classmethod
    def parse(cls, headers: Headers) -> Self:
        """SipSyntaxError if there is not exactly one (RFC 3515 2.4.2), or it is no SIP URI."""
        value = headers.single("Refer-To")
        uri, _, fields = parse_name_addr(value).uri.partition("?")
        target = parse_uri(uri)
        if target.scheme == "tel":
            raise SipSyntaxError("no SIP URI", status=416)
        return cls(target.user or "", target.host.strip("[]"), _headers_of(fields))


def _headers_of(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in text.split("&")[:_MAX_HEADERS]:
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(unquote(name).lower(), unquote(value))
    return found


class ServerReferral:
    """Answers REFERs, one at a time; `send` sends a request within the dialog."""

    def __init__(self, core: Core, send: Callable[[Order, float], None]) -> None:
        self._core = core
        self._send = send
        self._pending: tuple[Transaction, Flow] | None = None
        self._contact: tuple[str, str] | None = None  # while somebody is to be told the result
        self._event = "refer"
        self._has_come_before = False

    @property
    def is_open(self) -> bool:
        """Whether there is one that is not answered, or whose result is not told."""
        return self._pending is not None or self._contact is not None

    def receive(self, transaction: Transaction, flow: Flow, now: float) -> ReferTo | None:
        """Take a REFER: `accept` or `reject` has to follow; None if it is answered already."""
        if self.is_open:
            self._core.respond(transaction, 491, now=now)
            return None
        try:
            target = ReferTo.parse(transaction.request.headers)
        except SipSyntaxError as error:
            self._core.respond(transaction, error.status, str(error), now=now)
            return None
        self._pending = (transaction, flow)
        return target

    def accept(self, now: float) -> None:
        """Say that we try."""
        if self._pending is None:
            return
        (transaction, flow), self._pending = self._pending, None
        request = transaction.request
        contact = self._core.contact_answering(request, flow)
        if (request.headers.get("Refer-Sub") or "").strip().lower() == "false":
            headers = (contact, ("Refer-Sub", "false"))
            self._core.respond(transaction, 200, headers=headers, now=now)
            return
        self._core.respond(transaction, 202, headers=(contact,), now=now)
        if self._has_come_before:  # later ones of a dialog are told apart (2.4.6)
            self._event = f"refer;id={request.headers.cseq.sequence}"
        self._has_come_before = True
        self._contact = contact
        self.report(100, now)

    def reject(self, status: int, now: float) -> None:
        """Refuse it: the call stays where it is."""
        if self._pending is not None:
            (transaction, _), self._pending = self._pending, None
            self._core.respond(transaction, status, now=now)

    def report(self, status: int, now: float) -> None:
        """Tell how it goes; a final status is the last that is told (2.4.5)."""
        if self._contact is None:
            return
        is_final = status >= 200
        state = "terminated;reason=noresource" if is_final else f"active;expires={_PATIENCE}"
        headers = (
            self._contact,
            ("Event", self._event),
            ("Subscription-State", state),
            ("Content-Type", SIPFRAG),
        )
        body = f"SIP/2.0 {status} {PHRASES.get(status, 'Unknown')}\r\n".encode()
        if is_final:
            self._contact = None
        self._send(Order("NOTIFY", self._told, headers, body), now)

    def _told(self, outcome: Outcome, now: float) -> None:
        if not outcome.is_success:
            self._contact = None  # nobody listens


def is_elsewhere(target: ReferTo, ours: frozenset[str]) -> bool:
    """Whether a call is to leave this gateway, or to take over another; `ours` are its hosts."""
    return target.host.lower() not in ours or "replaces" in target.headers
