"""What the peer changes by UPDATE, before and after the call is answered (RFC 3311).

A PRACK with an offer is answered by the same rules (RFC 3262 5).
"""

import random
from typing import Protocol

from gateway.errors import SipSyntaxError
from gateway.sip.admission import ACCEPT, ALLOW, SUPPORTED
from gateway.sip.bodies import session_description
from gateway.sip.core import Core
from gateway.sip.flow import Flow
from gateway.sip.message import Request
from gateway.sip.responses import HeaderFields
from gateway.sip.transaction import Transaction


class Updated(Protocol):
    """The session that is changed."""

    def find_clash(self, request: Request) -> int | None:
        """The status an offer has to be refused with now: 491 or 500, None if it may come."""

    def reoffered(self, request: Request, offer: bytes) -> None:
        """An offer was made: `ServerUpdate.accept` or `reject` has to follow."""

    def described(self, sdp: bytes) -> None:
        """It is what we have said last about the session."""

    def refreshed(self, request: Request, now: float) -> HeaderFields:
        """An UPDATE is accepted: what the 2xx says about the session's timer."""


class ServerUpdate:
    """Answers UPDATEs, one offer at a time."""

    def __init__(self, core: Core, session: Updated) -> None:
        self._core = core
        self._session = session
        self._pending: tuple[Transaction, Flow] | None = None

    @property
    def is_pending(self) -> bool:
        """Whether an offer waits to be answered."""
        return self._pending is not None

    def receive(self, transaction: Transaction, flow: Flow, now: float) -> None:
        """Take an UPDATE, or a PRACK that has a body."""
        request = transaction.request
        try:
            offer = session_description(request)
        except SipSyntaxError as error:
            self._core.respond(transaction, error.status, str(error), headers=(ACCEPT,), now=now)
            return
        if offer is None:
            self._answer(transaction, flow, None, now)
        elif (status := 500 if self.is_pending else self._session.find_clash(request)) is None:
            self._pending = (transaction, flow)
            self._session.reoffered(request, offer)
        else:
            later = ("Retry-After", str(random.randint(0, 10)))
            headers = (later,) if status == 500 else ()
            self._core.respond(transaction, status, headers=headers, now=now)

    def accept(self, sdp: bytes, now: float) -> None:
        """Answer the offer."""
        if self._pending is not None:
            (transaction, flow), self._pending = self._pending, None
            self._session.described(sdp)
            self._answer(transaction, flow, sdp, now)

    def reject(self, status: int, now: float) -> None:
        """Refuse the offer, if there is one: the session goes on as it was."""
        if self._pending is not None:
            (transaction, _), self._pending = self._pending, None
            self._core.respond(transaction, status, now=now)

    def _answer(self, transaction: Transaction, flow: Flow, sdp: bytes | None, now: float) -> None:
        headers: HeaderFields = ()
        if transaction.request.method == "UPDATE":
            timer = self._session.refreshed(transaction.request, now)
            headers = (self._core.contact(flow), ALLOW, SUPPORTED, *timer)
        self._core.respond(transaction, 200, headers=headers, sdp=sdp, now=now)
