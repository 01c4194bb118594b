"""Requests of ours within a dialog: BYE, INFO, UPDATE, re-INVITE ... (RFC 3261 12.2.1, 14.1)."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.sip.acknowledgement import acknowledgement
from gateway.sip.core import Core
from gateway.sip.dialog import TARGET_REFRESH, Dialog
from gateway.sip.digest import DigestClient
from gateway.sip.failover import Sending
from gateway.sip.flow import Flow, Transmission
from gateway.sip.message import Message, Request, Response
from gateway.sip.responses import PHRASES, HeaderFields
from gateway.sip.sips import is_sips
from gateway.sip.timers import Timer
from gateway.sip.transaction import Failure, User

_LONGEST_INVITE = 180.0  # seconds from a provisional response to the final one, as for timer C
_MAX_WAITING = 64  # requests of a dialog; more than that means that nobody answers them


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request: the final response, or the status that stands for none.

    That is 408 if nobody answered, 503 if it could not be sent (8.1.3.1) or too many waited.
    `flow` is by which way the answer to a request outside a dialog came.
    """

    status: int
    phrase: str
    response: Response | None = None
    flow: Flow | None = field(default=None, compare=False)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """What the peer has said, or that it has said nothing, for the operator."""
        if self.response is not None:
            return f"{self.status} {self.phrase}"
        return "no answer" if self.status == 408 else "not reached"

    @classmethod
    def without_response(cls, status: int) -> "Outcome":
        return cls(status, PHRASES[status])


Told = Callable[[Outcome, float], None]
"""Hears what became of a request, and when."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request to send: its header fields beyond those of the dialog, its body, who is told."""

    method: str
    told: Told
    headers: HeaderFields = ()
    body: bytes = b""


class ClientRequest:
    """One request, from sending it to its final response; repeated with credentials if need be.

    The 2xx of an INVITE, whose body must be an offer, is acknowledged as often as it comes.
    """

    def __init__(
        self, core: Core, dialog: Dialog, order: Order, *, digest: DigestClient, now: float
    ) -> None:
        self._core = core
        self._dialog = dialog
        self._order = order
        self._exchange = digest.exchange()
        self._request: Request
        self._sending: Sending
        self._deadline: Timer | None = None
        self._ack: Transmission | None = None
        self._send(now)

    def _send(self, now: float) -> None:
        order = self._order
        request = self._dialog.create_request(order.method)
        for name, value in order.headers:
            request.headers.add(name, value)
        if order.method in TARGET_REFRESH:
            flow, _ = self._dialog.next_hop(self._core.network)
            contact = self._core.contact(flow, is_sips=is_sips(request.uri))
            request.headers.add(*contact)
        self._request = Request(request.method, request.uri, request.headers, order.body)
        self._exchange.authorize(self._request)
        user = User(self._receive, self._fail)
        self._sending = self._core.send_in_dialog(self._dialog, self._request, user, now)

    def _receive(self, message: Message, now: float) -> None:
        assert isinstance(message, Response)
        if message.status < 200:
            if self._order.method == "INVITE" and self._deadline is None:
                due = now + _LONGEST_INVITE  # its transaction would wait for ever (17.1.1.2)
                self._deadline = self._core.queue.start(due, self._give_up)
            return
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._ack is not None:
            self._core.counters.retransmissions += 1
            self._core.transactions.outbox.append(self._ack)
            return
        if message.status < 300 and self._order.method in TARGET_REFRESH:
            self._dialog.refresh_target(message)
        if message.status < 300 and self._order.method == "INVITE":
            self._ack = acknowledgement(self._core, self._dialog, self._request)
            self._core.transactions.outbox.append(self._ack)
        is_challenge = message.status in (401, 407)
        if is_challenge and self._exchange.answer(message):
            self._send(now)
        else:
            self._order.told(Outcome(message.status, message.phrase, message), now)

    def _give_up(self, now: float) -> None:
        self._sending.abandon()
        self._order.told(Outcome.without_response(408), now)

    def _fail(self, failure: Failure, now: float) -> None:
        status = 408 if failure is Failure.TIMEOUT else 503
        self._order.told(Outcome.without_response(status), now)


class RequestQueue:
    """The requests of a dialog that have time, sent one after the other (RFC 3428 8).

    They wait until the call is answered. Those that wait when it ends are told nothing any more.
    """

    def __init__(self, core: Core, digest: DigestClient) -> None:
        self._core = core
        self._digest = digest
        self._dialog: Dialog | None = None
        self._waiting: deque[Order] = deque()
        self._is_sending = False

    def open(self, dialog: Dialog, now: float) -> None:
        """Send from now on, in this dialog."""
        self._dialog = dialog
        self._send_next(now)

    def close(self) -> None:
        """Send nothing any more."""
        self._dialog = None
        self._waiting.clear()

    def add(self, order: Order, now: float) -> None:
        """Send a request when it is its turn."""
        if len(self._waiting) >= _MAX_WAITING:
            order.told(Outcome.without_response(503), now)
            return
        self._waiting.append(order)
        self._send_next(now)

    def _send_next(self, now: float) -> None:
        if self._dialog is None or self._is_sending or not self._waiting:
            return
        self._is_sending = True
        order = self._waiting.popleft()

        def told(outcome: Outcome, at: float) -> None:
            self._is_sending = False
            if self._dialog is not None:
                order.told(outcome, at)
                self._send_next(at)

        sent = Order(order.method, told, order.headers, order.body)
        ClientRequest(self._core, self._dialog, sent, digest=self._digest, now=now)
