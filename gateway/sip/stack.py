"""A SIP user agent without IO and without a clock (RFC 3261).

Five verbs: `receive`, `handle_timer`, `next_timer`, `messages_to_send`, `events`. Rule: **after
every input, and after every order given to a session, drain the last three.**
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2s

from sipmessage import URI, Address

from gateway.errors import SipSyntaxError
from gateway.sip.admission import (
    ACCEPT,
    ALLOW,
    ALLOW_OUTSIDE_DIALOG,
    CAPABILITIES,
    FORBID,
    SUPPORTED,
    SUPPORTED_WITHOUT_PRACK,
    Admit,
    Hears,
    Refusal,
    Register,
    Verdict,
    find_fault,
    unavailable,
)
from gateway.sip.bodies import session_description
from gateway.sip.call_ids import find_call_id, find_method
from gateway.sip.client_request import Told
from gateway.sip.core import Core, StackConfig, content_type, new_tag
from gateway.sip.counters import Counters
from gateway.sip.digest import Credentials
from gateway.sip.events import Event
from gateway.sip.flow import Flow, HostPort, Transmission, response_flow, stamp_via
from gateway.sip.header_values import parse_uri
from gateway.sip.headers import Headers
from gateway.sip.lone_request import send_alone
from gateway.sip.message import Request, Response, check, parse_message
from gateway.sip.network_port import Network
from gateway.sip.replaces import Replaces
from gateway.sip.responses import HeaderFields, respond_to
from gateway.sip.session import Phase, Session
from gateway.sip.session_timer import find_small_interval, request_fields
from gateway.sip.sips import is_sips
from gateway.sip.transaction_tables import Input


class SipStack:
    """Takes messages apart to transactions and sessions, and answers what belongs to none.

    `admit` decides about every request outside a dialog before there is any state for it; those
    REGISTERs that it accepts are for `register`, if there is a registrar. `hears` says about
    whom it need not be asked, since it would drop whatever they say.
    `is_draining` refuses new calls, unless they replace one, and says so to OPTIONS.
    """

    def __init__(
        self,
        config: StackConfig,
        network: Network,
        admit: Admit,
        register: Register | None = None,
        hears: Hears = lambda flow, method: True,
    ) -> None:
        self.is_draining = False
        self._core = Core(config, network)
        self._admit = admit
        self._register = register
        self._hears = hears
        self._secret = secrets.token_bytes(16)

    @property
    def counters(self) -> Counters:
        return self._core.counters

    @property
    def responses_sent(self) -> Mapping[int, int]:
        """How many responses we have sent, by status; repetitions are not counted."""
        return self._core.responses_sent

    @property
    def sessions(self) -> tuple[Session, ...]:
        """The sessions that are not over."""
        return tuple(self._core.sessions)

    @property
    def transaction_count(self) -> int:
        return len(self._core.transactions)

    # --- the five verbs --------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message: a datagram, or one cut out of a stream."""
        if not data.strip(b"\r\n\0"):
            self.counters.keep_alives += 1  # RFC 5626 3.5.1 and phones that send four zeros
            return
        if not self._is_heard(data, flow):
            self.counters.dropped_strangers += 1
            return
        try:
            message = parse_message(data)
        except SipSyntaxError:
            self.counters.unparsable += 1
            return
        if isinstance(message, Request):
            self._receive_request(message, flow, now)
        else:
            self._receive_response(message, now)

    def _is_heard(self, data: bytes, flow: Flow) -> bool:
        """Whether a message is worth reading."""
        return find_call_id(data) in self._core.call_ids or self._hears(flow, find_method(data))

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        self._core.queue.fire_due(now)

    def next_timer(self) -> float | None:
        """When `handle_timer` is due next, None if nothing runs."""
        return self._core.queue.next()

    def messages_to_send(self) -> list[Transmission]:
        """What has to be sent now, in this order."""
        outbox = self._core.transactions.outbox
        messages = outbox.copy()
        outbox.clear()
        return messages

    def events(self) -> list[Event]:
        """What has happened, in this order."""
        happened = self._core.events.copy()
        self._core.events.clear()
        return happened

    # --- orders ----------------------------------------------------------------------------------

    def invite(
        self,
        target: str,
        flow: Flow,
        *,
        from_: Address,
        to: Address | None = None,
        sdp: bytes | None = None,
        headers: HeaderFields = (),
        credentials: Credentials | None = None,
        alternatives: Sequence[Flow] = (),
        now: float,
    ) -> tuple[Session, Request]:
        """Call a SIP URI over a flow; without `sdp` the peer makes the offer (13.2.1).

        `alternatives` are other flows there, tried in turn where one does not take it (RFC 3263
        4.3). `credentials` are for servers that ask who calls.
        """
        from_ = replace(from_, parameters=from_.parameters.replace(tag=new_tag()))
        fields = Headers(
            [
                ("Max-Forwards", "70"),
                ("From", str(from_)),
                ("To", str(to or Address(parse_uri(target)))),
                ("Call-ID", secrets.token_hex(16)),
                ("CSeq", "1 INVITE"),
                self._core.contact(flow, is_sips=is_sips(target)),
                *(ALLOW, _supported(sdp), ("User-Agent", self._core.config.user_agent)),
                *request_fields(self._core.config.session_timer),
                *headers,
                *content_type(sdp),
            ]
        )
        request = Request("INVITE", target, fields, sdp or b"")
        session = Session(self._core, credentials)
        session.send_invitation(request, flow, now, alternatives=alternatives)
        return session, request

    def request(
        self,
        request: Request,
        flow: Flow,
        told: Told,
        now: float,
        *,
        alternatives: Sequence[Flow] = (),
    ) -> None:
        """Send a request that belongs to no call and lacks nothing but its Via."""
        send_alone(self._core, request, (flow, *alternatives), told, now)

    def contact_uri(self, flow: Flow, user: str | None = None) -> URI:
        """Where we are reached by who is at the other end of a flow."""
        return self._core.contact_uri(flow, user)

    def transport_failed(
        self, transmission: Transmission, now: float, *, was_in_use: bool = False
    ) -> None:
        """Take note that a message could not be sent (18.4). If the peer has closed a connection
        that `was_in_use`, perhaps before it came, it is sent once more, by another."""
        if was_in_use and self._core.transactions.send_anew(transmission.transaction):
            return
        self.counters.transport_errors += 1
        self._core.transactions.report_transport_error(transmission.transaction, now)

    def port_unreachable(self, remote: HostPort, now: float) -> None:
        """Take note that nobody listens to our datagrams at an address (18.4)."""
        self.counters.transport_errors += 1
        self._core.transactions.report_unreachable(remote, now)

    # --- requests --------------------------------------------------------------------------------

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        self.counters.requests += 1
        try:
            check(request)
        except SipSyntaxError as error:
            self._refuse_malformed(request, flow, Refusal(error.status, str(error)))
            return
        stamp_via(request, flow)
        transactions, sessions = self._core.transactions, self._core.sessions
        if request.method == "ACK":
            self._receive_ack(request, flow, now)
        elif (transaction := transactions.find_server(request, request.method)) is not None:
            self.counters.repeated_requests += 1
            transaction.feed(Input.REQUEST, now)
        elif request.method == "CANCEL":
            self._receive_cancel(request, flow, now)
        elif (session := sessions.find(request)) is not None:
            self._receive_in_dialog(session, request, flow, now)
        else:
            self._receive_outside_dialog(request, flow, now)

    def _receive_ack(self, ack: Request, flow: Flow, now: float) -> None:
        """The ACK of a failure is its transaction's, that of a 200 its session's (17.1.1.3)."""
        transaction = self._core.transactions.find_server(ack, "INVITE")
        if transaction is not None:
            transaction.feed(Input.ACK, now, ack)
            return
        sessions = self._core.sessions
        session = sessions.find(ack) or sessions.find_by_peer(ack, flow)
        if session is None or not session.receive_ack(ack, now):
            self.counters.stray_acks += 1

    def _receive_cancel(self, cancel: Request, flow: Flow, now: float) -> None:
        invite = self._core.transactions.find_server(cancel, "INVITE")
        if invite is None:
            self._receive_outside_dialog(cancel, flow, now)
            return
        transaction = self._core.transactions.open_server(cancel, flow, now)
        transaction.to_tag = invite.to_tag
        self._core.respond(transaction, 200, now=now)
        if invite.user is not None:
            invite.user.on_message(cancel, now)

    def _receive_in_dialog(
        self, session: Session, request: Request, flow: Flow, now: float
    ) -> None:
        if self._is_busy() and request.method != "BYE":
            self._refuse_for_limits(request, flow)
            return
        transaction = self._core.transactions.open_server(request, flow, now)
        if (fault := self._find_fault(request, flow)) is not None:
            self._core.respond(
                transaction, fault.status, fault.phrase, headers=fault.headers, now=now
            )
            return
        session.receive(transaction, flow, now)

    def _receive_outside_dialog(self, request: Request, flow: Flow, now: float) -> None:
        """Decide without state; only a new call gets one."""
        if not self._is_admitted(request, flow):
            return
        if request.method == "REGISTER" and self._register is not None:
            self._receive_register(self._register, request, flow, now)
        elif (refusal := self._find_refusal(request, flow)) is not None:
            self._answer_without_state(request, flow, refusal)
        elif request.method == "OPTIONS":
            self._answer_without_state(request, flow, Refusal(200, headers=CAPABILITIES))
        elif self._is_busy() or self._is_full():
            self._refuse_for_limits(request, flow)
        else:
            transaction = self._core.transactions.open_server(request, flow, now)
            Session(self._core).receive(transaction, flow, now)

    def _receive_register(
        self, register: Register, request: Request, flow: Flow, now: float
    ) -> None:
        """Only who is known gets a transaction, which answers repetitions as the first time."""
        if self._is_busy():
            self._refuse_for_limits(request, flow)
            return
        answer = find_fault(request, flow, ("REGISTER",)) or register(flow, request)
        if answer.status >= 300:
            self.counters.refused_by_admission += 1
            self._answer_without_state(request, flow, answer)
            return
        transaction = self._core.transactions.open_server(request, flow, now)
        transaction.to_tag = new_tag()
        self._core.respond(transaction, answer.status, headers=answer.headers, now=now)

    def _find_fault(self, request: Request, flow: Flow) -> Refusal | None:
        timer = self._core.config.session_timer
        return find_fault(request, flow) or find_small_interval(request, timer)

    def _find_refusal(self, request: Request, flow: Flow) -> Refusal | None:
        fault = self._find_fault(request, flow)
        if fault is not None:
            return fault
        if request.method == "MESSAGE" and not request.headers.to.tag:
            return Refusal(405, headers=(ALLOW_OUTSIDE_DIALOG,))
        if request.method == "REFER" and not request.headers.to.tag:
            return FORBID  # we call nobody because a stranger wants it
        if request.headers.to.tag or request.method not in ("INVITE", "OPTIONS"):
            return Refusal(481)  # of a dialog or transaction that is not here (12.2.2, 9.2)
        if self._core.transactions.is_merged(request):
            return Refusal(482)
        if (refusal := _find_body_fault(request) or self._find_replaces_fault(request)) is not None:
            return refusal
        if self.is_draining and not request.headers.takes_over:
            return unavailable(self._core.config.retry_after)
        return None

    def _find_replaces_fault(self, invite: Request) -> Refusal | None:
        """Why an INVITE cannot replace what it wants to (RFC 3891 3)."""
        try:
            replaces = Replaces.parse(invite.headers)
        except SipSyntaxError as error:
            return Refusal(error.status, str(error))
        if replaces is None:
            return None
        replaced = self._core.sessions.find_replaced(invite)
        if replaced is None or replaced.phase is not Phase.CONFIRMED:
            return Refusal(481)
        return Refusal(486) if replaces.early_only else None

    # --- answers without state (8.2.7) -----------------------------------------------------------

    def _is_admitted(self, request: Request, flow: Flow, unjudged: Verdict = Verdict.DROP) -> bool:
        """`unjudged` is the verdict on a request too malformed to be judged."""
        try:
            verdict = self._admit(flow, request)
        except SipSyntaxError:
            verdict = unjudged
        if verdict is Verdict.DROP:
            self.counters.dropped_strangers += 1
        if isinstance(verdict, Refusal):
            self.counters.refused_by_admission += 1
            self._answer_without_state(request, flow, verdict)
        return verdict is Verdict.ACCEPT

    def _refuse_malformed(self, request: Request, flow: Flow, refusal: Refusal) -> None:
        """Say what is wrong with a request, if it has what a response needs."""
        try:
            stamp_via(request, flow)
        except SipSyntaxError:
            self.counters.unparsable += 1
            return
        is_heard = self._hears(flow, request.method)
        if request.method == "ACK":
            self.counters.malformed_requests += 1
        elif self._is_admitted(request, flow, Verdict.ACCEPT if is_heard else Verdict.DROP):
            self.counters.malformed_requests += 1
            self._answer_without_state(request, flow, refusal)

    def _refuse_for_limits(self, request: Request, flow: Flow) -> None:
        self.counters.refused_by_limits += 1
        self._answer_without_state(request, flow, unavailable(self._core.config.retry_after))

    def _is_full(self) -> bool:
        """Whether there can be no new call; those that are there go on."""
        return len(self._core.sessions) >= self._core.config.max_sessions

    def _is_busy(self) -> bool:
        """Whether there can be no new transaction, except to end a call."""
        return len(self._core.transactions) >= self._core.config.max_transactions

    def _answer_without_state(self, request: Request, flow: Flow, refusal: Refusal) -> None:
        response = respond_to(
            request,
            refusal.status,
            refusal.phrase,
            to_tag=self._stateless_tag(request),
            headers=(*refusal.headers, ("Server", self._core.config.user_agent)),
        )
        self._core.responses_sent[refusal.status] += 1
        path, fallback = response_flow(request, flow)
        self._core.transactions.outbox.append(Transmission(response.serialize(), path, fallback))

    def _stateless_tag(self, request: Request) -> str:
        """The same tag each time a request comes, and not to be guessed."""
        seed = "".join(request.headers.getlist("Via") + request.headers.getlist("Call-ID"))
        digest = blake2s(seed.encode("utf-8", "surrogateescape"), key=self._secret)
        return digest.hexdigest()[:16]

    # --- responses -------------------------------------------------------------------------------

    def _receive_response(self, response: Response, now: float) -> None:
        self.counters.responses += 1
        try:
            check(response)
        except SipSyntaxError:
            self.counters.malformed_responses += 1
            return
        if not self._core.transactions.receive_response(response, now):
            self.counters.stray_responses += 1


def _find_body_fault(request: Request) -> Refusal | None:
    """415 for an INVITE with a body that has to be understood, and is not (8.2.3)."""
    try:
        if request.method == "INVITE":
            session_description(request)
    except SipSyntaxError as error:
        return Refusal(error.status, str(error), headers=(ACCEPT,))
    return None


def _supported(offer: bytes | None) -> tuple[str, str]:
    """What an INVITE of ours supports: an offer of the peer's is answered in the ACK only."""
    return SUPPORTED if offer is not None else SUPPORTED_WITHOUT_PRACK
