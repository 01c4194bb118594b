"""Keeping a session alive, and noticing that it is not: our refreshes (RFC 4028 7.4, 10).

By UPDATE where the peer takes it, else by a re-INVITE that offers what we have described before:
its version says that nothing has changed (RFC 3264 8).
"""

import random
from typing import Protocol

from gateway.sip.admission import ALLOW, SUPPORTED, SUPPORTED_WITHOUT_PRACK
from gateway.sip.bodies import read_session_description
from gateway.sip.client_request import ClientRequest, Order, Outcome
from gateway.sip.core import Core, content_type
from gateway.sip.dialog import Dialog
from gateway.sip.digest import DigestClient
from gateway.sip.message import Request, Response
from gateway.sip.offers import Offers
from gateway.sip.responses import HeaderFields
from gateway.sip.session_timer import (
    MAX_LENGTHENED,
    TIMER,
    Refresher,
    SessionExpires,
    SessionTimer,
    Wanted,
    agree,
    agreed_by,
    asked_for_more,
    min_se_of,
    request_fields,
    response_fields,
)

_BUSY = 2.0  # seconds until we look again whether an INVITE of the peer is through


class Refreshed(Protocol):
    """The session that is kept alive."""

    @property
    def dialog(self) -> Dialog | None: ...

    def answered_again(self, answer: bytes, now: float) -> None:
        """The peer has answered our description anew."""

    def vanished(self, now: float) -> None:
        """Nobody has refreshed the session, or nobody knows of it any more: it is over."""


class SessionRefresh:
    """Follows what each 2xx says about the session's timer."""

    def __init__(
        self, core: Core, session: Refreshed, offers: Offers, digest: DigestClient
    ) -> None:
        self._core = core
        self._session = session
        self._offers = offers
        self._digest = digest
        self._timer = SessionTimer(core.queue, self._refresh, self._session.vanished)
        self._interval = 0
        self._min_se = core.config.session_timer.min_se
        self._lengthened = 0  # times in a row that a 422 has had the interval so
        self._has_begun = False
        self._peer_knows = False
        self._takes_update = True
        self._is_refreshing = False
        self._is_stopped = False

    def offered_to(self, request: Request) -> HeaderFields:
        """What our 2xx to a request says."""
        return response_fields(agree(request, self._core.config.session_timer))

    def accept(self, request: Request, now: float) -> None:
        """Begin anew: our 2xx to a request has been sent."""
        self._peer_knows = _knows(request)
        self._begin(agree(request, self._core.config.session_timer), Refresher.UAS, now)

    def accept_update(self, request: Request, now: float) -> HeaderFields:
        """Begin anew, unless the session is not there yet; what our 2xx says."""
        if not self._has_begun:
            return ()
        self.accept(request, now)
        return self.offered_to(request)

    def accepted(self, request: Request, response: Response, now: float) -> None:
        """Begin anew: our INVITE has been accepted, after others perhaps that asked for less."""
        self._min_se = max(self._min_se, min_se_of(request.headers))
        self._peer_knows = _knows(response)
        self._begin(agreed_by(response), Refresher.UAC, now)

    def _begin(self, agreed: SessionExpires | None, part: Refresher, now: float) -> None:
        """A 2xx says how long the session lasts; `part` was ours in that exchange."""
        self._has_begun = True
        self._timer.stop()
        if agreed is None or self._is_stopped:
            return
        self._interval = agreed.interval
        self._lengthened = 0
        self._timer.start(agreed.interval, is_ours=agreed.refresher is part, now=now)

    def stop(self) -> None:
        """The session ends."""
        self._is_stopped = True
        self._timer.stop()

    def _refresh(self, now: float) -> None:
        dialog, description = self._session.dialog, self._offers.description
        if dialog is None or self._is_stopped or self._is_refreshing:
            return
        by_update = self._takes_update and "UPDATE" in dialog.allows
        if not by_update and (description is None or not self._offers.are_settled):
            self._timer.again(now, _BUSY)
            return
        wanted = Wanted(self._interval, self._min_se)
        fields = request_fields(wanted, Refresher.UAC)
        self._is_refreshing = True
        if by_update:
            order = Order("UPDATE", self._updated, (ALLOW, SUPPORTED, *fields))
        else:
            self._offers.is_reinviting = True
            headers = (ALLOW, SUPPORTED_WITHOUT_PRACK, *fields, *content_type(description))
            order = Order("INVITE", self._reinvited, headers, description or b"")
        ClientRequest(self._core, dialog, order, digest=self._digest, now=now)

    def _updated(self, outcome: Outcome, now: float) -> None:
        self._is_refreshing = False
        is_refused = outcome.response is not None and 400 <= outcome.status < 600
        if is_refused and outcome.status not in (408, 422, 481, 491, 500, 503):
            self._takes_update = False
            self._refresh(now)
        else:
            self._told(outcome, now)

    def _reinvited(self, outcome: Outcome, now: float) -> None:
        self._is_refreshing = self._offers.is_reinviting = False
        if self._is_stopped:
            return
        if outcome.is_success and outcome.response is not None:
            answer = read_session_description(outcome.response)
            if answer is not None:
                self._session.answered_again(answer, now)
        self._told(outcome, now)

    def _told(self, outcome: Outcome, now: float) -> None:
        response = outcome.response
        if self._is_stopped:
            return
        if response is None:
            if outcome.status == 408:
                self._session.vanished(now)
            else:
                self._timer.again(now)
        elif outcome.is_success or (outcome.status not in _SAYING_MORE and not self._peer_knows):
            # For a peer without timers, ours only asks whether it is there: it is.
            self._go_on(agreed_by(response), now)
        elif outcome.status in (408, 481):
            self._session.vanished(now)
        elif outcome.status == 491:
            self._timer.again(now, _after_glare(made_by_us=self._offers.client is not None))
        elif (
            outcome.status == 422
            and self._lengthened < MAX_LENGTHENED
            and (more := asked_for_more(self._interval, response))
        ):
            self._lengthened += 1
            self._interval = self._min_se = more  # to be told again from now on (7.4)
            self._refresh(now)
        else:
            self._timer.again(now, response.headers.retry_after or None)  # 0 says nothing

    def _go_on(self, agreed: SessionExpires | None, now: float) -> None:
        if agreed is None and not self._peer_knows:
            agreed = SessionExpires(self._interval, Refresher.UAC)
        self._begin(agreed, Refresher.UAC, now)


_SAYING_MORE = (408, 422, 481, 491)


def _knows(message: Request | Response) -> bool:
    """Whether its sender has session timers."""
    return TIMER in message.headers.tokens("Supported") + message.headers.tokens("Require")


def _after_glare(*, made_by_us: bool) -> float:
    """Seconds to wait after a 491, in steps of 10 ms: longer if the Call-ID is ours (14.1)."""
    return random.randint(210, 400) / 100 if made_by_us else random.randint(0, 200) / 100
