"""One INVITE sent, from the request to the ACK or the CANCEL (RFC 3261 9.1, 13.2).

It is repeated with credentials if somebody wants to know us (22.2); all that is one invitation.
A forked INVITE may be answered by several: each has an early dialog. The first 200 counts, the
others are acknowledged and hung up at once (13.2.2.4).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from gateway.sip.acknowledgement import acknowledgement
from gateway.sip.bodies import read_session_description
from gateway.sip.client_request import ClientRequest, Order, Outcome
from gateway.sip.core import Core
from gateway.sip.dialog import Dialog
from gateway.sip.digest import DigestClient
from gateway.sip.failover import Sending, Way
from gateway.sip.flow import Flow, HostPort, Transmission
from gateway.sip.headers import Headers
from gateway.sip.message import Message, Request, Response
from gateway.sip.reason import Reason
from gateway.sip.reliable_provisional import RAck, Sequence, rseq_of
from gateway.sip.session_timer import MAX_LENGTHENED, SessionExpires, asked_for_more
from gateway.sip.timers import Timer
from gateway.sip.transaction import Failure, User
from gateway.sip.transaction_tables import State


class Inviting(Protocol):
    """Who invites, and hears how it goes on."""

    def branched(self, dialog: Dialog) -> None:
        """An early dialog has begun: the peer may send requests within it."""

    def progressed(self, response: Response, sdp: bytes | None, now: float) -> None:
        """A provisional response above 100 came."""

    def accepted(
        self, request: Request, dialog: Dialog, response: Response, sdp: bytes | None, now: float
    ) -> None:
        """The INVITE, `request` in the end, was accepted, and acknowledged if it had an offer."""

    def failed(self, status: int, phrase: str, response: Response | None, now: float) -> None:
        """The INVITE was refused, or there is no answer to expect."""


_MAX_FORKS = 16


def _tell_nobody(outcome: Outcome, now: float) -> None:
    """What becomes of a PRACK, or of the BYE to a branch that nobody wants, concerns nobody."""


@dataclass(slots=True, eq=False)
class Branch:
    """An early dialog: `answer` is its first to our offer, `is_agreed` if that came reliably."""

    dialog: Dialog
    sequence: Sequence = field(default_factory=Sequence)
    answer: bytes | None = None
    is_agreed: bool = False

    def receive(self, response: Response) -> bytes | None:
        """The answer in a provisional response, if it is the first."""
        sdp = read_session_description(response)
        if sdp is None or self.answer is not None:
            # What was said before is said for certain now.
            self.is_agreed |= sdp is not None and rseq_of(response) is not None
            return None
        self.answer = sdp
        self.is_agreed = rseq_of(response) is not None
        return sdp


class ClientInvitation:
    """Sends an INVITE and all that follows from it."""

    def __init__(
        self,
        core: Core,
        request: Request,
        flow: Flow,
        *,
        inviting: Inviting,
        digest: DigestClient,
        now: float,
        fallback: HostPort | None = None,
        alternatives: Iterable[Flow] = (),
    ) -> None:
        self._core = core
        self._request = request
        self._inviting = inviting
        self._branches: dict[str, Branch] = {}  # by remote tag
        self._heard: Branch | None = None  # whose answer was told last
        self._dialog: Dialog | None = None  # of the 200 that counts
        self._acks: dict[str, Transmission] = {}  # by remote tag, to be repeated with their 200
        self._is_decided = False
        self._lengthened = 0  # times that the session interval was
        self._cancelled_for: tuple[Reason, ...] | None = None
        self._deadline: Timer | None = None
        self._digest = digest
        self._exchange = digest.exchange()
        self._withdrawn: set[str] = set()  # attempts of which late answers were cancelled
        ways: list[Way] = [(flow, fallback), *((each, None) for each in alternatives)]
        self._sending = self._send(ways, now)

    def cancel(self, reasons: tuple[Reason, ...], now: float) -> None:
        """Withdraw the INVITE, as soon as a provisional response shows that it arrived (9.1)."""
        if self._is_decided or self._cancelled_for is not None:
            return
        self._cancelled_for = reasons
        self._sending.insist()
        if self._sending.state is State.PROCEEDING:
            self._send_cancel(now)

    def acknowledge(self, sdp: bytes | None, now: float) -> None:
        """Send the ACK of the 200; `sdp` answers its offer if the INVITE made none."""
        assert self._dialog is not None, "nothing to acknowledge"
        self._acknowledge(self._dialog, sdp)

    def early_dialog(self, remote_tag: str) -> Dialog | None:
        """The dialog that one of those it has reached has begun."""
        branch = self._branches.get(remote_tag)
        return branch.dialog if branch is not None else None

    def is_agreed(self, remote_tag: str) -> bool:
        """Whether our offer has been answered for certain in an early dialog."""
        branch = self._branches.get(remote_tag)
        return branch is not None and branch.is_agreed

    def _send(self, ways: list[Way], now: float) -> Sending:
        self._exchange.authorize(self._request)
        user = User(self._receive, self._fail)
        return Sending(self._core, self._request, ways, user, now, late=self._receive_late)

    def _send_again(self, now: float) -> None:
        """Repeat the INVITE, changed as was wanted: a new transaction of the same call (22.2)."""
        self._sending.leave()  # what still happens there is the ACK's
        self._branches.clear()
        self._heard = None
        headers = Headers(self._request.headers.fields())
        headers.set("CSeq", f"{headers.cseq.sequence + 1} INVITE")
        self._request = replace(self._request, headers=headers)
        self._sending = self._send([(self._sending.flow, self._sending.fallback)], now)

    def _is_too_short(self, response: Response) -> bool:
        """Whether it wants a longer session interval, which we then offer (RFC 4028 7.3)."""
        if response.status != 422 or self._cancelled_for is not None:
            return False
        before = SessionExpires.parse(self._request.headers)
        more = asked_for_more(before.interval if before is not None else 0, response)
        if more is None or self._lengthened >= MAX_LENGTHENED:
            return False
        self._lengthened += 1
        self._request.headers.set(*SessionExpires(more).field())
        self._request.headers.set("Min-SE", str(more))
        return True

    def _is_answerable(self, response: Response) -> bool:
        """Whether it is a challenge, and to answer it is of use."""
        if response.status not in (401, 407) or self._cancelled_for is not None:
            return False
        return self._exchange.answer(response)

    def _receive(self, message: Message, now: float) -> None:
        assert isinstance(message, Response)
        if message.status < 200:
            self._receive_provisional(message, now)
        elif message.status < 300:
            self._receive_success(message, now)
        elif self._is_answerable(message) or self._is_too_short(message):
            self._send_again(now)
        else:
            self._decide(message.status, message.phrase, message, now)

    def _receive_provisional(self, response: Response, now: float) -> None:
        if self._cancelled_for is not None:
            if self._deadline is None:
                self._send_cancel(now)
        elif response.status > 100:
            self._progress(response, now)

    def _progress(self, response: Response, now: float) -> None:
        branch = self._branch_of(response)
        sdp = branch.receive(response) if branch is not None and self._request.body else None
        rseq = rseq_of(response)
        if branch is not None and rseq is not None:
            if not branch.sequence.take(rseq):
                return  # one that comes again, or before its turn
            self._acknowledge_provisional(branch, rseq, now)
        if sdp is not None:
            self._heard = branch
        self._inviting.progressed(response, sdp, now)

    def _branch_of(self, response: Response) -> Branch | None:
        """The early dialog of a provisional response, which it may begin (12.1.2)."""
        remote_tag = response.headers.to.tag
        if remote_tag not in self._branches and len(self._branches) < _MAX_FORKS:
            dialog = Dialog.of_client(self._request, response, self._sending.flow)
            self._branches[remote_tag] = Branch(dialog)
            if remote_tag:
                self._inviting.branched(dialog)
        return self._branches.get(remote_tag)

    def _acknowledge_provisional(self, branch: Branch, rseq: int, now: float) -> None:
        rack = RAck(rseq, self._request.headers.cseq.sequence, "INVITE")
        prack = Order("PRACK", _tell_nobody, (rack.field(),))
        ClientRequest(self._core, branch.dialog, prack, digest=self._digest, now=now)

    def _receive_success(self, response: Response, now: float) -> None:
        remote_tag = response.headers.to.tag
        if remote_tag in self._acks:
            self._core.counters.retransmissions += 1
            self._core.transactions.outbox.append(self._acks[remote_tag])
            # If it is not decided, this is who was hung up for answering another attempt too late.
            self._decide(487, "Request Terminated", None, now)
        elif not self._is_decided and self._cancelled_for is None:
            self._accept(response, now)
        elif self._dialog is None or self._dialog.id.remote_tag != remote_tag:
            self._hang_up_fork(response, self._sending.flow, now)
            self._decide(487, "Request Terminated", None, now)

    def _receive_late(self, request: Request, flow: Flow, response: Response, now: float) -> None:
        """Withdraw an attempt that was given up and is answered nevertheless."""
        branch = request.headers["Via"]
        if response.status < 200:
            if branch not in self._withdrawn:
                self._withdrawn.add(branch)
                cancel = _cancel_of(request, ())
                self._core.transactions.open_client(cancel, flow, None, now, fallback=None)
        elif response.status < 300:
            if (ack := self._acks.get(response.headers.to.tag)) is not None:
                self._core.transactions.outbox.append(ack)
            else:
                self._hang_up_fork(response, flow, now)

    def _accept(self, response: Response, now: float) -> None:
        self._is_decided = True
        self._dialog = self._confirmed(response, self._sending.flow)
        if self._request.body:
            self._acknowledge(self._dialog, None)
        answer = self._answer(self._branches.get(response.headers.to.tag), response)
        self._inviting.accepted(self._request, self._dialog, response, answer, now)

    def _confirmed(self, response: Response, flow: Flow) -> Dialog:
        """The dialog of a 200: if it was an early one, there may have been PRACKs in it."""
        branch = self._branches.get(response.headers.to.tag)
        if branch is None:
            return Dialog.of_client(self._request, response, flow)
        branch.dialog.confirm(response)
        return branch.dialog

    def _answer(self, branch: Branch | None, response: Response) -> bytes | None:
        """The answer of a 200, or the one before that holds if it is not the one told last."""
        sdp = read_session_description(response)
        if branch is None or not self._request.body:
            return sdp
        if branch.is_agreed:  # it must not change any more (13.2.1)
            return branch.answer if branch is not self._heard else None
        return sdp or branch.answer

    def _hang_up_fork(self, response: Response, flow: Flow, now: float) -> None:
        """End at once what was accepted too late or a second time (13.2.2.4, 15)."""
        if len(self._acks) >= _MAX_FORKS:
            return
        dialog = self._confirmed(response, flow)
        self._acknowledge(dialog, None)
        reasons = tuple(("Reason", reason.serialize()) for reason in self._cancelled_for or ())
        bye = Order("BYE", _tell_nobody, reasons)
        ClientRequest(self._core, dialog, bye, digest=self._digest, now=now)

    def _acknowledge(self, dialog: Dialog, sdp: bytes | None) -> None:
        transmission = acknowledgement(self._core, dialog, self._request, sdp)
        self._acks[dialog.id.remote_tag] = transmission
        self._core.transactions.outbox.append(transmission)

    def _send_cancel(self, now: float) -> None:
        sending = self._sending
        cancel = _cancel_of(sending.request, self._cancelled_for or ())
        self._core.transactions.open_client(
            cancel, sending.flow, None, now, fallback=sending.fallback
        )
        # A peer that ignores the CANCEL must not keep the session (9.1).
        due = now + self._core.timers.transaction
        self._deadline = self._core.queue.start(due, self._abandon)

    def _abandon(self, now: float) -> None:
        self._sending.abandon()
        self._decide(487, "Request Terminated", None, now)

    def _fail(self, failure: Failure, now: float) -> None:
        if failure is Failure.TIMEOUT:
            self._decide(408, "Request Timeout", None, now)
        else:
            self._decide(503, "Service Unavailable", None, now)

    def _decide(self, status: int, phrase: str, response: Response | None, now: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if not self._is_decided:
            self._is_decided = True
            self._inviting.failed(status, phrase, response, now)


def _cancel_of(request: Request, reasons: Iterable[Reason]) -> Request:
    """CANCEL takes the INVITE's own Via and routes, and a transaction of its own (9.1)."""
    invite = request.headers
    headers = Headers([("Via", invite.values("Via")[0]), ("Max-Forwards", "70")])
    for name in ("Route", "From", "To", "Call-ID"):
        for value in invite.getlist(name):
            headers.add(name, value)
    headers.add("CSeq", f"{invite.cseq.sequence} CANCEL")
    for reason in reasons:
        headers.add("Reason", reason.serialize())
    return Request("CANCEL", request.uri, headers)
