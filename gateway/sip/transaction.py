"""One transaction: runs a table of `transaction_tables` (RFC 3261 section 17).

It sends and retransmits, acknowledges failures, and tells its user what came. No IO and no clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial

from gateway.sip.counters import Counters
from gateway.sip.flow import Flow, HostPort, Transmission
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response
from gateway.sip.timers import Timer, TimerQueue, Timers
from gateway.sip.transaction_tables import Do, Input, State, Table

_RETRANSMISSION = {Input.TIMER_A, Input.TIMER_E, Input.TIMER_G}
_WAITING_FOR_REPETITIONS = {Input.TIMER_D, Input.TIMER_I, Input.TIMER_J, Input.TIMER_K}


class Failure(Enum):
    """Why a transaction ended without the message it waited for."""

    TIMEOUT = "timeout"
    TRANSPORT_ERROR = "transport error"


@dataclass(frozen=True, slots=True)
class User:
    """The transaction user: what to call when a message is for it, or when none will come."""

    on_message: Callable[[Request | Response, float], None]
    on_failure: Callable[[Failure, float], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the transactions of a stack share."""

    timers: Timers
    queue: TimerQueue
    counters: Counters
    send: Callable[[Transmission], None]
    on_over: Callable[["Transaction"], None]


class Transaction:
    """A client or server transaction; which of the four is said by its table.

    `flow` is where its messages go, `fallback` where if that connection is gone. `user` may be
    None where nobody cares what becomes of a response.
    """

    def __init__(
        self,
        key: str,
        table: Table,
        request: Request,
        *,
        flow: Flow,
        fallback: HostPort | None,
        surroundings: Surroundings,
        user: User | None = None,
        latest: bytes = b"",
    ) -> None:
        self.key = key
        self.request = request
        self.flow = flow
        self.user = user
        self.to_tag = ""  # what a server's responses add to To
        self.state = State.INITIAL
        self._table = table
        self._fallback = fallback
        self._surroundings = surroundings
        self._latest = latest  # what Do.SEND sends: a client's request, a server's response
        self._intervals: dict[Input, float] = {}
        self._running: dict[Input, Timer] = {}
        self.may_go_anew = True  # the request of a client, once

    def begin(self, now: float) -> None:
        """Send the request of a client; take up the request of a server."""
        self.feed(Input.REQUEST, now)

    def respond(self, response: Response, now: float) -> None:
        """Send a response of the transaction user, if the state still allows one."""
        outcome = outcome_of(response)
        if (self.state, outcome) in self._table:
            self._latest = response.serialize()
            self.feed(outcome, now)

    def feed(self, happened: Input, now: float, message: Request | Response | None = None) -> None:
        """Follow the arrow of an input; an input without one is ignored."""
        arrow = self._table.get((self.state, happened))
        if arrow is None:
            return
        self.state = arrow.to
        if happened in _RETRANSMISSION:
            self._surroundings.counters.retransmissions += 1
        for timer in arrow.start:
            self._start(timer, now)
        for action in arrow.do:
            self._perform(action, message, now)
        if self.state is State.TERMINATED:
            self._stop()

    def send_anew(self) -> bool:
        """Send the request of a client once more, the same as before; False if that is of no use:
        it has been answered, withdrawn, or sent anew before."""
        if not self.may_go_anew or self.state not in (State.CALLING, State.TRYING):
            return False
        self.may_go_anew = False
        self._surroundings.counters.retransmissions += 1
        self._send(self._latest)
        return True

    def abandon(self) -> None:
        """End without waiting any longer, as 9.1 allows for a cancelled INVITE."""
        self.state = State.TERMINATED
        self._stop()

    def _perform(self, action: Do, message: Request | Response | None, now: float) -> None:
        match action:
            case Do.SEND:
                self._send(self._latest)
            case Do.ACKNOWLEDGE:
                assert isinstance(message, Response)
                self._send(acknowledge_failure(self.request, message).serialize())
            case Do.DELIVER:
                assert message is not None
                if self.user is not None:
                    self.user.on_message(message, now)
            case Do.SLOW_DOWN:
                self._intervals[Input.TIMER_E] = self._surroundings.timers.t2
            case Do.REPORT_TIMEOUT:
                self._report(Failure.TIMEOUT, now)
            case Do.REPORT_TRANSPORT_ERROR:
                self._report(Failure.TRANSPORT_ERROR, now)

    def _report(self, failure: Failure, now: float) -> None:
        if self.user is not None:
            self.user.on_failure(failure, now)

    def _send(self, data: bytes) -> None:
        if data:  # a server without a response yet has nothing to repeat
            self._surroundings.send(Transmission(data, self.flow, self._fallback, self.key))

    def _start(self, timer: Input, now: float) -> None:
        if timer in _RETRANSMISSION and self.flow.is_reliable:
            return
        due = now + self._duration(timer)
        self._running[timer] = self._surroundings.queue.start(due, partial(self.feed, timer))

    def _duration(self, timer: Input) -> float:
        """The length of a timer in seconds (RFC 3261 table 4, RFC 6026 section 7)."""
        timers = self._surroundings.timers
        if timer in _RETRANSMISSION:
            interval = self._intervals.get(timer, timers.t1)
            longest = interval if timer is Input.TIMER_A else timers.t2
            interval = min(interval, longest)
            self._intervals[timer] = 2 * interval
            return interval
        if timer in _WAITING_FOR_REPETITIONS and self.flow.is_reliable:
            return 0.0
        if timer in (Input.TIMER_I, Input.TIMER_K):
            return timers.t4
        return timers.transaction

    def _stop(self) -> None:
        for timer in self._running.values():
            timer.cancel()
        self._running.clear()
        self._surroundings.on_over(self)


def outcome_of(response: Response) -> Input:
    """Which input of the tables a response is."""
    if response.status < 200:
        return Input.PROVISIONAL
    return Input.SUCCESS if response.status < 300 else Input.FAILURE


def acknowledge_failure(invite: Request, response: Response) -> Request:
    """The ACK of a response other than 2xx: hop by hop, in the INVITE's transaction (17.1.1.3)."""
    headers = Headers([("Via", invite.headers.values("Via")[0])])
    for route in invite.headers.getlist("Route"):
        headers.add("Route", route)
    headers.add("From", invite.headers["From"])
    headers.add("To", response.headers["To"])
    headers.add("Call-ID", invite.headers.call_id)
    headers.add("CSeq", f"{invite.headers.cseq.sequence} ACK")
    headers.add("Max-Forwards", "70")
    return Request("ACK", invite.uri, headers)
