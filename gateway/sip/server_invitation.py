"""One INVITE received, first or within a dialog, from its 100 to the ACK (RFC 3261 13.3, 14.2).

The transaction repeats failures; a 200 is repeated here, because its ACK concerns only the user
agents at both ends (13.3.1.4).
"""

from enum import Enum, auto
from typing import Protocol

from gateway.errors import SipSyntaxError
from gateway.sip.admission import ALLOW, SUPPORTED
from gateway.sip.bodies import session_description
from gateway.sip.core import Core
from gateway.sip.dialog import Dialog
from gateway.sip.flow import Flow
from gateway.sip.message import Message, Request, Response
from gateway.sip.responses import HeaderFields
from gateway.sip.sips import wants_sips
from gateway.sip.timers import Timer
from gateway.sip.transaction import Failure, Transaction, User


class Stage(Enum):
    """How far an invitation has come."""

    PENDING = auto()  # not finally answered
    ACCEPTED = auto()  # 200 sent, ACK awaited
    OVER = auto()


class Invited(Protocol):
    """Who was invited, and hears how it goes on."""

    def acknowledged(self, answer: bytes | None, now: float) -> None:
        """The ACK of the 200 came; `answer` is its SDP if the 200 made the offer."""

    def unacknowledged(self, now: float) -> None:
        """No ACK came in 64*T1."""

    def cancelled(self, cancel: Request, now: float) -> None:
        """The INVITE was withdrawn before its answer; 487 has been sent."""

    def unreachable(self, now: float) -> None:
        """The INVITE cannot be answered any more: its sender is gone."""


class ServerInvitation:
    """Answers an INVITE; `dialog` is the one it makes or belongs to."""

    def __init__(
        self,
        core: Core,
        dialog: Dialog,
        transaction: Transaction,
        flow: Flow,
        *,
        invited: Invited,
        now: float,
    ) -> None:
        self.stage = Stage.PENDING
        self.makes_offer = False  # our 200, there being none in the INVITE
        self.request = transaction.request
        self.cseq = transaction.request.headers.cseq.sequence
        self._core = core
        self._transaction = transaction
        self._flow = flow
        self._is_sips = flow.transport == "tls" and wants_sips(transaction.request)
        self._invited = invited
        self._repetition: Timer | None = None
        self._deadline: Timer | None = None
        transaction.to_tag = dialog.id.local_tag
        transaction.user = User(self._receive, self._fail)
        core.respond(transaction, 100, now=now)

    def progress(
        self,
        status: int,
        phrase: str | None = None,
        *,
        sdp: bytes | None = None,
        headers: HeaderFields = (),
        now: float,
    ) -> None:
        """Answer 101 to 199, and again every minute lest a proxy gives up (13.3.1.1)."""
        if self.stage is Stage.PENDING:
            response = self._respond(status, phrase, sdp=sdp, headers=headers, now=now)
            self._repeat(response, self._core.timers.provisional, now)

    def accept(self, sdp: bytes, *, headers: HeaderFields = (), now: float) -> None:
        """Answer 200 and repeat it until the ACK comes or 64*T1 have passed (13.3.1.4)."""
        if self.stage is not Stage.PENDING:
            return
        self.stage = Stage.ACCEPTED
        response = self._respond(200, sdp=sdp, headers=(ALLOW, SUPPORTED, *headers), now=now)
        timers = self._core.timers
        self._repeat(response, timers.t1, now)
        self._deadline = self._core.queue.start(now + timers.transaction, self._give_up)

    def reject(
        self,
        status: int,
        phrase: str | None = None,
        *,
        headers: HeaderFields = (),
        now: float,
    ) -> None:
        """Answer finally with a failure; the transaction sees to its ACK."""
        if self.stage is Stage.PENDING:
            self.stop()
            self._core.respond(self._transaction, status, phrase, headers=headers, now=now)

    def acknowledge(self, ack: Request, now: float) -> None:
        """Take the ACK of the 200; one that comes again is of no interest."""
        if self.stage is not Stage.ACCEPTED:
            return
        if ack.headers.to.tag != self._transaction.to_tag:
            self._core.counters.wrong_to_tags += 1
        self.stop()
        try:
            answer = session_description(ack)
        except SipSyntaxError:
            answer = None  # there is no response to an ACK; a missing answer ends the call above
        self._invited.acknowledged(answer, now)

    def presume_acknowledged(self, now: float) -> None:
        """Take something else as proof that the peer has our 200 (RFC 5407 3.1.4)."""
        if self.stage is Stage.ACCEPTED:
            self.stop()
            self._invited.acknowledged(None, now)

    def stop(self) -> None:
        """Stop waiting for an ACK and repeating responses."""
        self.stage = Stage.OVER
        for timer in (self._repetition, self._deadline):
            if timer is not None:
                timer.cancel()

    def _respond(
        self,
        status: int,
        phrase: str | None = None,
        *,
        sdp: bytes | None,
        headers: HeaderFields,
        now: float,
    ) -> Response:
        return self._core.respond(
            self._transaction,
            status,
            phrase,
            headers=(self._core.contact(self._flow, is_sips=self._is_sips), *headers),
            sdp=sdp,
            now=now,
        )

    def _repeat(self, response: Response, interval: float, now: float) -> None:
        """Send a response again after `interval` seconds; a final one ever more slowly."""

        def repeat(at: float) -> None:
            self._core.counters.retransmissions += 1
            self._transaction.respond(response, at)
            slower = min(2 * interval, self._core.timers.t2)
            self._repeat(response, slower if response.status >= 200 else interval, at)

        if self._repetition is not None:
            self._repetition.cancel()
        self._repetition = self._core.queue.start(now + interval, repeat)

    def _receive(self, message: Message, now: float) -> None:
        """Take the ACK or the CANCEL of the INVITE's transaction."""
        assert isinstance(message, Request)
        if message.method == "ACK":
            self.acknowledge(message, now)
        elif self.stage is Stage.PENDING:
            self.reject(487, now=now)
            self._invited.cancelled(message, now)

    def _fail(self, failure: Failure, now: float) -> None:
        # A lost 200 is repeated, a failure nobody acknowledged has done its work.
        if failure is Failure.TRANSPORT_ERROR and self.stage is Stage.PENDING:
            self.stop()
            self._invited.unreachable(now)

    def _give_up(self, now: float) -> None:
        self.stop()
        self._core.counters.acks_missing += 1
        self._invited.unacknowledged(now)
