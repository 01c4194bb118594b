"""One INVITE received, first or within a dialog, from its 100 to the ACK (RFC 3261 13.3, 14.2).

The transaction repeats failures; a 200 is repeated here, because its ACK concerns only the user
agents at both ends (13.3.1.4).
"""

from enum import Enum, auto
from typing import Protocol

from gateway.sip.admission import ALLOW, SUPPORTED
from gateway.sip.bodies import read_session_description
from gateway.sip.core import Core
from gateway.sip.dialog import Dialog
from gateway.sip.flow import Flow
from gateway.sip.message import Message, Request, Response
from gateway.sip.reliable_provisional import (
    RELIABLE,
    Provisional,
    RAck,
    Reliability,
    ReliableProvisionals,
)
from gateway.sip.responses import HeaderFields
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

    def answered(self, now: float) -> None:
        """The 200 has been sent."""

    def unacknowledged(self, now: float) -> None:
        """No ACK, or no PRACK before it, came in 64*T1; in that case 504 has been sent."""

    def cancelled(self, cancel: Request, now: float) -> None:
        """The INVITE was withdrawn before its answer; 487 has been sent."""

    def expired(self, now: float) -> None:
        """The INVITE was to be answered until now; 487 has been sent."""

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
        self.makes_offer = False  # our first description, there being none in the INVITE
        self.is_agreed = False  # an offer and its answer have been exchanged already
        self.request = transaction.request
        self.cseq = transaction.request.headers.cseq.sequence
        self._core = core
        self._transaction = transaction
        self._flow = flow
        self._invited = invited
        self._reliability = Reliability.of(transaction.request)
        self._provisionals = ReliableProvisionals(
            core.queue,
            core.timers,
            send=self._send_reliably,
            repeat=self._repeat_reliable,
            unanswered=self._miss_prack,
        )
        self._deferred: tuple[bytes, HeaderFields] | None = None  # a 200 that waits for a PRACK
        self._repetition: Timer | None = None
        self._deadline: Timer | None = None
        self._expiry: Timer | None = None
        if seconds := self.request.headers.expires:
            self._expiry = core.queue.start(now + seconds, self._expire)
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
        if self.stage is not Stage.PENDING or self._deferred is not None:
            return
        if self._is_reliable(sdp):
            # Without an offer in the INVITE the first that is reliable has to make it (3262 5).
            if sdp is not None or self.is_agreed or not self.makes_offer:
                self._provisionals.add(Provisional(status, phrase, sdp, headers), now)
                self._again_in_a_minute(Provisional(status, phrase, None, headers), now)
        else:
            response = self._respond(status, phrase, sdp=sdp, headers=headers, now=now)
            self._repeat(response, self._core.timers.provisional, now)

    def acknowledge_provisional(self, prack: Request, now: float) -> Provisional | None:
        """Take a PRACK; the response it is about, None if there is none (481)."""
        rack = RAck.parse(prack.headers)
        if rack is None or (rack.cseq, rack.method) != (self.cseq, "INVITE"):
            return None
        return self._provisionals.acknowledge(rack.rseq, now)

    def settle(self, now: float) -> None:
        """After a PRACK: the 200 that had to wait for it may go (3262 3)."""
        if self._deferred is not None and not self._provisionals.holds_description:
            (sdp, headers), self._deferred = self._deferred, None
            self.accept(sdp, headers=headers, now=now)

    def accept(self, sdp: bytes, *, headers: HeaderFields = (), now: float) -> None:
        """Answer 200 and repeat it until the ACK comes or 64*T1 have passed (13.3.1.4)."""
        if self.stage is not Stage.PENDING:
            return
        if self._provisionals.holds_description:
            self._deferred = (sdp, headers)
            return
        self.stop()
        self.stage = Stage.ACCEPTED
        # What was agreed on reliably is not said again (13.2.1).
        description = None if self.is_agreed else sdp
        fields = (ALLOW, SUPPORTED, *headers)
        response = self._respond(200, sdp=description, headers=fields, now=now)
        self._invited.answered(now)
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
        # There is no response to an ACK; a missing answer ends the call above.
        self._invited.acknowledged(read_session_description(ack), now)

    def presume_acknowledged(self, now: float) -> None:
        """Take something else as proof that the peer has our 200 (RFC 5407 3.1.4)."""
        if self.stage is Stage.ACCEPTED:
            self.stop()
            self._invited.acknowledged(None, now)

    def stop(self) -> None:
        """Stop waiting for an ACK and repeating responses."""
        self.stage = Stage.OVER
        self._provisionals.stop()
        self._deferred = None
        for timer in (self._repetition, self._deadline, self._expiry):
            if timer is not None:
                timer.cancel()

    def _is_reliable(self, sdp: bytes | None) -> bool:
        if self._reliability is not Reliability.SUPPORTED:
            return self._reliability is Reliability.REQUIRED
        return sdp is not None or self.is_agreed or not self.makes_offer

    def _send_reliably(self, provisional: Provisional, rseq: int, now: float) -> Response:
        self.is_agreed |= provisional.sdp is not None and not self.makes_offer
        return self._respond(
            provisional.status,
            provisional.phrase,
            sdp=provisional.sdp,
            headers=(("Require", RELIABLE), ("RSeq", str(rseq)), *provisional.headers),
            now=now,
        )

    def _repeat_reliable(self, response: Response, now: float) -> None:
        self._core.counters.retransmissions += 1
        self._transaction.respond(response, now)

    def _again_in_a_minute(self, provisional: Provisional, now: float) -> None:
        def again(at: float) -> None:
            self._provisionals.add(provisional, at)
            self._again_in_a_minute(provisional, at)

        if self._repetition is not None:
            self._repetition.cancel()
        self._repetition = self._core.queue.start(now + self._core.timers.provisional, again)

    def _expire(self, now: float) -> None:
        """The caller does not want to wait any longer (13.3.1)."""
        if self.stage is Stage.PENDING:
            self.reject(487, now=now)
            self._invited.expired(now)

    def _miss_prack(self, now: float) -> None:
        """The peer wants reliable responses and does not acknowledge them (3262 3)."""
        self.reject(504, "No PRACK", now=now)
        self._invited.unacknowledged(now)

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
            headers=(self._core.contact_answering(self._transaction.request, self._flow), *headers),
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
