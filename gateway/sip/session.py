"""The signalling of one call: an INVITE, the dialog it makes, its end (RFC 3261 12 to 15).

A session knows which requests of a dialog make sense when, and answers those that do not. What
only its user can decide comes up as an event. Once the user has hung up only `Ended` comes.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import partial

from gateway.errors import SipSyntaxError
from gateway.sip import events
from gateway.sip.admission import ACCEPT
from gateway.sip.bodies import session_description
from gateway.sip.client_invitation import ClientInvitation
from gateway.sip.client_request import Order, Outcome, RequestQueue, Told
from gateway.sip.core import Core, new_tag
from gateway.sip.dialog import Dialog
from gateway.sip.dialog_requests import take_request
from gateway.sip.digest import Credentials, DigestClient
from gateway.sip.farewell import Farewell
from gateway.sip.flow import Flow, HostPort
from gateway.sip.message import Request, Response
from gateway.sip.offers import Offers
from gateway.sip.reason import Reason, read_reasons, reason_fields, status_of
from gateway.sip.referral import ServerReferral
from gateway.sip.responses import HeaderFields
from gateway.sip.server_invitation import ServerInvitation
from gateway.sip.server_update import ServerUpdate
from gateway.sip.session_refresh import SessionRefresh
from gateway.sip.transaction import Transaction

_CHANGING = ("PRACK", "UPDATE", "REFER")  # which need somebody who decides


class Phase(Enum):
    """How far a session has come."""

    NEW = auto()
    INVITED = auto()  # the first INVITE is the peer's and not finally answered
    INVITING = auto()  # the first INVITE is ours and not finally answered
    CONFIRMED = auto()  # it was accepted, perhaps not yet acknowledged
    ENDING = auto()  # our BYE is on its way
    OVER = auto()


class Session:
    """One call as SIP sees it; begun by `send_invitation`, or by an INVITE given to `receive`.

    `credentials` are for those who challenge a request of ours in it.
    """

    def __init__(self, core: Core, credentials: Credentials | None = None) -> None:
        self.phase = Phase.NEW
        self.dialog: Dialog | None = None
        self._core = core
        self._offers = Offers()
        self._made_offer = False  # in our INVITE
        self.is_acknowledged = False  # the 200 of the first INVITE
        self._is_given_up = False  # by our user
        self._reasons: tuple[Reason, ...] = ()  # he gave
        self._farewell: Farewell | None = None
        self._digest = DigestClient(credentials)
        self._requests = RequestQueue(core, self._digest)
        self._refresh = SessionRefresh(core, self, self._offers, self._digest)
        self.updates = ServerUpdate(
            core,
            self._offers,
            self._refresh,
            reoffer=self._reoffer,
            answered=self.answered_again,
        )
        self.referrals = ServerReferral(core, self._requests.add)

    @property
    def is_pending(self) -> bool:
        """Whether an INVITE of the peer waits to be answered finally."""
        return self._offers.is_pending

    # --- orders of the user ----------------------------------------------------------------------

    def identify(self, credentials: Credentials) -> None:
        """Answer who challenges requests of ours in a call that has come."""
        self._digest.identify(credentials)

    def send_invitation(
        self,
        request: Request,
        flow: Flow,
        now: float,
        *,
        fallback: HostPort | None = None,
        alternatives: Sequence[Flow] = (),
    ) -> None:
        """Begin with an INVITE of ours; without a body the peer makes the offer."""
        self._offers.client = ClientInvitation(
            self._core,
            request,
            flow,
            inviting=self,
            digest=self._digest,
            now=now,
            fallback=fallback,
            alternatives=alternatives,
        )
        self.phase = Phase.INVITING
        self._made_offer = bool(request.body)
        self._offers.description = request.body or None
        self._core.sessions.add(self)

    def progress(
        self,
        status: int,
        phrase: str | None = None,
        *,
        sdp: bytes | None = None,
        headers: HeaderFields = (),
        now: float,
    ) -> None:
        """Answer the first INVITE provisionally (101 to 199)."""
        if self.phase is Phase.INVITED and self._offers.server is not None:
            self._offers.description = sdp or self._offers.description
            self._offers.server.progress(status, phrase, sdp=sdp, headers=headers, now=now)

    def accept(self, sdp: bytes, *, headers: HeaderFields = (), now: float) -> None:
        """Answer the latest INVITE with 200; `sdp` is the answer, or the offer if it had none."""
        if self._offers.server is None or not self.is_pending:
            return
        if not self._offers.server.is_agreed:
            self._offers.description = sdp
        fields = (*self._refresh.offered_to(self._offers.server.request), *headers)
        self._offers.server.accept(sdp, headers=fields, now=now)

    def reject(
        self,
        status: int,
        phrase: str | None = None,
        *,
        headers: HeaderFields = (),
        now: float,
    ) -> None:
        """Refuse the latest INVITE; refusing the first ends the session."""
        if self._offers.server is not None:
            self._offers.server.reject(status, phrase, headers=headers, now=now)
        if self.phase is Phase.INVITED:
            self._finish(None, now)

    def acknowledge(self, answer: bytes | None, now: float) -> None:
        """Acknowledge a 200 that made the offer; `answer` is None only to hang up next."""
        if self._offers.client is not None and not self.is_acknowledged:
            self.is_acknowledged = self._offers.is_confirmed = True
            self._offers.description = answer or self._offers.description
            self._offers.client.acknowledge(answer, now)
            self._open_requests(now)

    def request(
        self, method: str, headers: HeaderFields, body: bytes, *, told: Told, now: float
    ) -> None:
        """Send an INFO or a MESSAGE once the call is answered and those before it are done.

        `told` hears what becomes of it, unless the call ends before.
        """

        def heard(outcome: Outcome, at: float) -> None:
            told(outcome, at)
            if outcome.status == 481:
                self._lose(events.HungUp(self, ()), at)

        self._requests.add(Order(method, heard, headers, body), now)

    def hang_up(self, reasons: tuple[Reason, ...], now: float) -> None:
        """End the session wherever it is; of its events only `Ended` comes after this."""
        if self._is_given_up:
            return
        self._is_given_up = True
        self._reasons = reasons
        if self.phase is Phase.INVITED:
            self.reject(status_of(reasons), headers=reason_fields(reasons), now=now)
        elif self.phase is Phase.INVITING and self._offers.client is not None:
            self._offers.client.cancel(reasons, now)
        elif self.phase is Phase.CONFIRMED and self._offers.client is not None:
            self.acknowledge(None, now)
            self._send_bye(now)
        elif self.phase is Phase.CONFIRMED and self.is_acknowledged:
            self._send_bye(now)
        # else the callee has to wait for the ACK before it may hang up (15)

    # --- what comes from the peer ----------------------------------------------------------------

    def receive(self, transaction: Transaction, flow: Flow, now: float) -> None:
        """Take an INVITE that begins the session, or a request within its dialog."""
        request = transaction.request
        if self.phase is Phase.NEW:
            self._begin_invited(transaction, flow, now)
        elif (dialog := self._dialog_of(request)) is None:
            self._core.respond(transaction, 481, now=now)
        elif not dialog.receive(request, flow):
            self._core.respond(transaction, 500, "CSeq Out of Order", now=now)
        elif self._is_given_up and request.method in _CHANGING:
            self._core.respond(transaction, 481, now=now)
        else:
            self._take(transaction, flow, now)

    def _take(self, transaction: Transaction, flow: Flow, now: float) -> None:
        """A request within the dialog, in its turn."""
        request = transaction.request
        if request.method in ("INVITE", "UPDATE") and request.headers.states_party:
            self._emit(events.PartyStated(self, request.headers))
        if request.method == "INVITE":
            self._receive_reinvite(transaction, flow, now)
        elif request.method == "BYE":
            self._receive_bye(transaction, now)
        elif request.method == "PRACK":
            self.updates.receive_prack(transaction, flow, now)
        elif request.method == "UPDATE":
            self.updates.receive(transaction, flow, now)
        elif (told := take_request(self._core, self, transaction, flow, now)) is not None:
            self._emit(told)

    def receive_ack(self, ack: Request, now: float) -> bool:
        """Take an ACK; False if it acknowledges nothing of ours."""
        server = self._offers.server
        if server is None or server.cseq != ack.headers.cseq.sequence:
            return False
        server.acknowledge(ack, now)
        return True

    def _begin_invited(self, transaction: Transaction, flow: Flow, now: float) -> None:
        self.phase = Phase.INVITED
        self.dialog = Dialog.of_server(transaction.request, new_tag(), flow)
        self._core.sessions.add(self, self.dialog)
        replaced = self._core.sessions.find_replaced(transaction.request)
        self._be_invited(
            self.dialog, transaction, flow, partial(events.InviteReceived, replaces=replaced), now
        )

    def _receive_reinvite(self, transaction: Transaction, flow: Flow, now: float) -> None:
        """Sort out what overlaps (14.2, RFC 5407 3.1) before the user hears of it."""
        if (fault := self._offers.find_reinvite_fault()) is not None:
            self._core.respond(transaction, fault.status, headers=fault.headers, now=now)
            return
        assert self.dialog is not None, "until our INVITE is answered there is a fault"
        if self._offers.server is not None:
            self._offers.server.presume_acknowledged(now)
        if self._is_given_up:
            self._core.respond(transaction, 481, now=now)
            return
        self._be_invited(self.dialog, transaction, flow, events.Reoffered, now)

    def _be_invited(
        self,
        dialog: Dialog,
        transaction: Transaction,
        flow: Flow,
        event: Callable[["Session", Request, bytes | None], events.Event],
        now: float,
    ) -> None:
        request = transaction.request
        self._offers.server = ServerInvitation(
            self._core, dialog, transaction, flow, invited=self, now=now
        )
        try:
            offer = session_description(request)
        except SipSyntaxError as error:
            self.reject(error.status, str(error), headers=(ACCEPT,), now=now)
        else:
            self._offers.server.makes_offer = offer is None
            self._emit(event(self, request, offer))

    def _reoffer(self, request: Request, offer: bytes) -> None:
        """An UPDATE or a PRACK makes an offer."""
        self._emit(events.Reoffered(self, request, offer))

    def _receive_bye(self, transaction: Transaction, now: float) -> None:
        self._core.respond(transaction, 200, now=now)
        if self._offers.client is not None:
            self._offers.client.cancel((), now)  # a callee may not say BYE yet (15), but some do
        self._finish(events.HungUp(self, read_reasons(transaction.request.headers)), now)

    def _dialog_of(self, request: Request) -> Dialog | None:
        """The dialog of a request: until our INVITE is answered one of its branches."""
        if self.dialog is None and self._offers.client is not None:
            return self._offers.client.early_dialog(request.headers.from_.tag)
        if self.dialog is None or request.headers.from_.tag != self.dialog.id.remote_tag:
            return None
        return self.dialog

    # --- what became of the peer's INVITE --------------------------------------------------------

    def answered(self, now: float) -> None:
        """The 200 has been sent."""
        if self._offers.server is None:
            return
        self.phase = Phase.CONFIRMED if self.phase is Phase.INVITED else self.phase
        self._refresh.accept(self._offers.server.request, now)

    def acknowledged(self, answer: bytes | None, now: float) -> None:
        """The ACK of our 200 came."""
        self.is_acknowledged = True
        if self._is_given_up and self.phase is Phase.CONFIRMED:
            self._send_bye(now)
        else:
            self._emit(events.Acknowledged(self, answer))
            self._open_requests(now)

    def unacknowledged(self, now: float) -> None:
        """No ACK came for our 200, or no PRACK before: the call is over (13.3.1.4, RFC 3262 3)."""
        if self.phase is Phase.INVITED:
            self._finish(events.AckMissing(self), now)
        else:
            self._lose(events.AckMissing(self), now)

    def cancelled(self, cancel: Request, now: float) -> None:
        """The peer withdrew a pending INVITE; a re-INVITE leaves the session as it was (14.1)."""
        if self.phase is Phase.INVITED:
            self._finish(events.Cancelled(self, read_reasons(cancel.headers)), now)

    def expired(self, now: float) -> None:
        """A pending INVITE was to be answered until now; a re-INVITE changes nothing then."""
        if self.phase is Phase.INVITED:
            self._finish(events.Cancelled(self, (Reason("SIP", 487, "Expired"),)), now)

    def unreachable(self, now: float) -> None:
        """A pending INVITE cannot be answered any more."""
        if self.phase is Phase.INVITED:
            self._finish(events.Cancelled(self, ()), now)

    # --- what became of our INVITE ---------------------------------------------------------------

    def branched(self, dialog: Dialog) -> None:
        """Somebody it has reached has begun an early dialog."""
        self._core.sessions.add(self, dialog)

    def progressed(self, response: Response, sdp: bytes | None, now: float) -> None:
        """A provisional response came."""
        self._emit(events.Provisional(self, response.status, response.phrase, sdp))

    def accepted(
        self, request: Request, dialog: Dialog, response: Response, sdp: bytes | None, now: float
    ) -> None:
        """Our INVITE was accepted; with an offer in it, the ACK has been sent."""
        self.phase = Phase.CONFIRMED
        self.dialog = dialog
        self.is_acknowledged = self._offers.is_confirmed = self._made_offer
        self._core.sessions.add(self, dialog)
        self._refresh.accepted(request, response, now)
        self._emit(events.Answered(self, response, sdp))
        if self.is_acknowledged:
            self._open_requests(now)

    def failed(self, status: int, phrase: str, response: Response | None, now: float) -> None:
        """Our INVITE came to nothing."""
        self._finish(events.Failed(self, status, phrase, response), now)

    # --- how long it lasts -----------------------------------------------------------------------

    def answered_again(self, answer: bytes, now: float) -> None:
        """The peer has answered our description anew."""
        self._emit(events.OfferAnswered(self, answer))

    def vanished(self, now: float) -> None:
        """Nobody has refreshed the session, or nobody knows of it any more (RFC 4028 10)."""
        if not self._is_given_up:
            self._core.counters.sessions_expired += 1
            self._reasons = (Reason("SIP", 408, "Session Timer Expired"),)
        self._lose(events.SessionExpired(self), now)

    def _open_requests(self, now: float) -> None:
        """The dialog is confirmed: our INFOs and MESSAGEs may go."""
        if self.dialog is not None and self.phase is Phase.CONFIRMED and not self._is_given_up:
            self._requests.open(self.dialog, now)

    # --- the end ---------------------------------------------------------------------------------

    def _lose(self, event: events.Event, now: float) -> None:
        """End a call whose peer does not play its part any more (12.2.1.2, 13.3.1.4)."""
        if self.phase is Phase.CONFIRMED:
            self._emit(event)
            self._is_given_up = True
            self._send_bye(now)

    def _send_bye(self, now: float) -> None:
        assert self.dialog is not None
        self.phase = Phase.ENDING
        self._stop(now)
        self._farewell = Farewell(
            self._core,
            self.dialog,
            self._reasons,
            digest=self._digest,
            over=partial(self._finish, None),
            now=now,
        )

    def _finish(self, event: events.Event | None, now: float) -> None:
        if self.phase is Phase.OVER:
            return
        self.phase = Phase.OVER
        self._stop(now)
        if self._farewell is not None:
            self._farewell.stop()
        self._core.sessions.remove(self)
        if event is not None:
            self._emit(event)
        self._core.events.append(events.Ended(self))

    def _stop(self, now: float) -> None:
        """Refuse what is pending (15.1.2), and ask no more than, perhaps, to take our BYE."""
        self.updates.reject(487, now)
        self.referrals.reject(487, now)
        if self._offers.server is not None:
            self._offers.server.reject(487, now=now)
            self._offers.server.stop()
        self._requests.close()
        self._refresh.stop()

    def _emit(self, event: events.Event) -> None:
        if not self._is_given_up:
            self._core.events.append(event)
