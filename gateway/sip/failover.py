"""A request on its way to whoever takes it: over one flow after the other (RFC 3263 4.3).

Each attempt is a transaction of its own. The next begins where a message cannot be delivered,
nobody answers for long, or the answer is 503. What is too large for a datagram goes over TCP first,
and as a datagram where that is refused (RFC 3261 18.1.1).
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.sip.flow import Flow, HostPort
from gateway.sip.headers import Headers
from gateway.sip.message import Message, Request, Response
from gateway.sip.timers import Timer
from gateway.sip.transaction import Failure, Transaction, User
from gateway.sip.transaction_tables import State

if TYPE_CHECKING:
    from gateway.sip.core import Core

Way = tuple[Flow, HostPort | None]
"""A flow, and the address to connect to if its connection is gone."""

MAX_DATAGRAM = 1300
"""Octets of a request over UDP, where nothing is known of the path (18.1.1)."""

_DEAD = 60.0  # seconds for which who did not answer is tried last
_NO_TCP = 3600.0  # seconds for which who does not take large requests over TCP is not tried so

Late = Callable[[Request, Flow, Response, float], None]
"""Hears what is said of an attempt that was given up: its request, its flow, the response."""


class Sending:
    """One request over the first of `ways`, and over the next where that fails.

    `user` hears what comes of it in the end. `late` hears of attempts that were given up; without
    it these are forgotten. `request` and `flow` are those of the latest attempt.
    """

    def __init__(
        self,
        core: "Core",
        request: Request,
        ways: Sequence[Way],
        user: User,
        now: float,
        *,
        late: Late | None = None,
    ) -> None:
        self.request = request
        self.flow, self.fallback = ways[0]
        self._core = core
        self._original = request
        self._first = self.flow  # that the Contact of the original is for
        self._user: User | None = user
        self._late = late
        self._ways = deque(ways)
        self._silence: Timer | None = None
        self._is_instead = False  # the latest attempt is over TCP for being too large for UDP
        self._transaction: Transaction
        self._try(now)

    @property
    def state(self) -> State:
        """How far the transaction of the latest attempt is."""
        return self._transaction.state

    def insist(self) -> None:
        """Try no other way, nor the same again."""
        self._ways.clear()
        self._transaction.may_go_anew = False
        self._stop_waiting()

    def leave(self) -> None:
        """Tell nobody any more what comes of it."""
        self.insist()
        self._user = None

    def abandon(self) -> None:
        """End the latest attempt without waiting any longer."""
        self.leave()
        self._transaction.abandon()

    # --- attempts --------------------------------------------------------------------------------

    def _try(self, now: float) -> None:
        """Send it over the first way that is left."""
        self.flow, self.fallback = self._ways.popleft()
        self._is_instead = False
        request = self._addressed(self.flow)
        if self._is_too_large(request) and (other := self._stream_instead()) is not None:
            self._ways.appendleft((self.flow, self.fallback))
            self.flow, self.fallback, self._is_instead = other, None, True
            request = self._addressed(self.flow)
        self.request = request
        attempt = User(self._receive, self._fail)
        if self._ways:
            due = now + self._core.timers.silence
            self._silence = self._core.queue.start(due, self._give_up)
        self._transaction = self._core.transactions.open_client(
            request, self.flow, attempt, now, fallback=self.fallback
        )

    def _addressed(self, flow: Flow) -> Request:
        """The request with the Via of a flow, and its Contact, if it has one, for that flow."""
        headers = Headers(self._original.headers.fields())
        for is_sips in (False, True):
            ours = self._core.contact(self._first, is_sips=is_sips)[1]
            if flow != self._first and headers.get("Contact") == ours:
                headers.set(*self._core.contact(flow, is_sips=is_sips and flow.transport == "tls"))
        request = replace(self._original, headers=headers)
        self._core.transactions.add_via(request, flow)
        return request

    def _is_too_large(self, request: Request) -> bool:
        return self.flow.transport == "udp" and len(request.serialize()) > MAX_DATAGRAM

    def _stream_instead(self) -> Flow | None:
        flow = self._core.network.flow_to("tcp", self.flow.remote)
        return flow if flow is not None and not self._core.network.is_avoided(flow) else None

    def _avoid(self) -> None:
        self._core.network.avoid(self.flow, _NO_TCP if self._is_instead else _DEAD)

    def _try_next(self, now: float) -> None:
        self._stop_waiting()
        self._try(now)

    def _stop_waiting(self) -> None:
        if self._silence is not None:
            self._silence.cancel()

    # --- what comes of them ----------------------------------------------------------------------

    def _receive(self, message: Message, now: float) -> None:
        assert isinstance(message, Response)
        self._stop_waiting()
        if message.status == 503 and self._user is not None:
            if (retry_after := message.headers.retry_after) is not None:
                self._core.network.avoid(self.flow, retry_after)
            if self._is_instead and self._ways:
                self._ways.popleft()  # the datagram would be for who has just answered
            if self._ways:
                self._transaction.user = None  # its ACK is sent all the same
                self._try_next(now)
                return
        if message.status >= 200:
            self._ways.clear()  # that its ACK cannot be delivered is no reason to ask others
        if self._user is not None:
            self._user.on_message(message, now)

    def _fail(self, failure: Failure, now: float) -> None:
        self._avoid()
        if self._ways:
            self._try_next(now)
            return
        self._stop_waiting()
        if self._user is not None:
            self._user.on_failure(failure, now)

    def _give_up(self, now: float) -> None:
        """Nobody has said anything: try the next, and withdraw what is answered late."""
        self._avoid()
        transaction, request, flow = self._transaction, self.request, self.flow
        if self._late is None:
            transaction.abandon()
        else:
            late = self._late

            def heard(message: Message, at: float) -> None:
                assert isinstance(message, Response)
                late(request, flow, message, at)

            transaction.user = User(heard, lambda failure, at: None)
            # One that is answered late and withdrawn may get no final response (RFC 3261 9.1).
            due = now + 2 * self._core.timers.transaction
            self._core.queue.start(due, lambda at: transaction.abandon())
        self._try_next(now)
