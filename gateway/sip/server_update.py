"""What the peer changes by UPDATE, before and after the call is answered (RFC 3311).

A PRACK with an offer is answered by the same rules (RFC 3262 5).
"""

from collections.abc import Callable

from gateway.errors import SipSyntaxError
from gateway.sip.admission import ACCEPT, ALLOW, SUPPORTED
from gateway.sip.bodies import read_session_description, session_description
from gateway.sip.core import Core
from gateway.sip.flow import Flow
from gateway.sip.message import Request
from gateway.sip.offers import Offers
from gateway.sip.responses import HeaderFields
from gateway.sip.session_refresh import SessionRefresh
from gateway.sip.transaction import Transaction


class ServerUpdate:
    """Answers UPDATEs, one offer at a time.

    `reoffer` is told of each: `accept` or `reject` has to follow; `answered` of the answer to the
    offer of a provisional response.
    """

    def __init__(
        self,
        core: Core,
        offers: Offers,
        refresh: SessionRefresh,
        *,
        reoffer: Callable[[Request, bytes], None],
        answered: Callable[[bytes, float], None],
    ) -> None:
        self._core = core
        self._offers = offers
        self._refresh = refresh
        self._reoffer = reoffer
        self._answered = answered
        self._pending: tuple[Transaction, Flow] | None = None

    @property
    def is_pending(self) -> bool:
        """Whether an offer waits to be answered."""
        return self._pending is not None

    def receive(self, transaction: Transaction, flow: Flow, now: float) -> None:
        """Take an UPDATE."""
        request = transaction.request
        try:
            offer = session_description(request)
        except SipSyntaxError as error:
            self._core.respond(transaction, error.status, str(error), headers=(ACCEPT,), now=now)
            return
        if offer is None:
            self._answer(transaction, flow, None, now)
        elif (fault := self._offers.find_update_fault(request)) is not None:
            self._core.respond(transaction, fault.status, headers=fault.headers, now=now)
        else:
            self._offers.is_updating = True
            self._pending = (transaction, flow)
            self._reoffer(request, offer)

    def receive_prack(self, transaction: Transaction, flow: Flow, now: float) -> None:
        """Take a PRACK: it may answer the offer of our response, or make one (RFC 3262 5)."""
        server, request = self._offers.server, transaction.request
        about = server.acknowledge_provisional(request, now) if server is not None else None
        if server is None or about is None:
            self._core.respond(transaction, 481, now=now)
            return
        if about.sdp is not None and server.makes_offer:
            self._core.respond(transaction, 200, now=now)
            answer = read_session_description(request)
            if answer is not None:
                server.is_agreed = True
                self._answered(answer, now)
        else:
            self.receive(transaction, flow, now)
        server.settle(now)

    def accept(self, sdp: bytes, now: float) -> None:
        """Answer the offer."""
        if self._pending is not None:
            transaction, flow = self._take(self._pending)
            self._offers.description = sdp
            self._answer(transaction, flow, sdp, now)

    def reject(self, status: int, now: float, headers: HeaderFields = ()) -> None:
        """Refuse the offer, if there is one: the session goes on as it was."""
        if self._pending is not None:
            transaction, _ = self._take(self._pending)
            self._core.respond(transaction, status, headers=headers, now=now)

    def _take(self, pending: tuple[Transaction, Flow]) -> tuple[Transaction, Flow]:
        self._pending, self._offers.is_updating = None, False
        return pending

    def _answer(self, transaction: Transaction, flow: Flow, sdp: bytes | None, now: float) -> None:
        headers: HeaderFields = ()
        if transaction.request.method == "UPDATE":
            timer = self._refresh.accept_update(transaction.request, now)
            contact = self._core.contact_answering(transaction.request, flow)
            headers = (contact, ALLOW, SUPPORTED, *timer)
        self._core.respond(transaction, 200, headers=headers, sdp=sdp, now=now)
