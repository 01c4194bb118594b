"""A phone that has called us."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from gateway.calls.caller_identity import CallerIdentity
from gateway.calls.end_reason import Over
from gateway.calls.media_session import MediaSession
from gateway.calls.parties import asserted_user
from gateway.calls.phone import Listener, Phone, end_of, of_description
from gateway.calls.record import CallRecord
from gateway.calls.routing import Route
from gateway.calls.services import Services
from gateway.calls.trunk import Trunk
from gateway.errors import ConferenceError, SdpError
from gateway.media.messages import Direction, PhoneMedia
from gateway.sip.call import Call, CallEnded
from gateway.sip.referral import ReferTo

log = structlog.get_logger(__name__)

_ONLY_SENT = {
    Direction.SENDRECV: Direction.SENDONLY,
    Direction.SENDONLY: Direction.SENDONLY,
    Direction.RECVONLY: Direction.INACTIVE,
    Direction.INACTIVE: Direction.INACTIVE,
}


class Referred(Exception):
    """Raised within a call: the phone is to be in another room."""

    def __init__(self, route: Route) -> None:
        super().__init__(route.room.jid)
        self.route = route


class CallingPhone(Phone):
    """A phone at which `party` has called us; `prepare` its call before anything else.

    Where its `trunk` wants that, it hears us before it is answered. `find` finds the room for where
    it wants to be sent, if it is allowed to; ConferenceError otherwise.
    """

    def __init__(
        self,
        call: Call,
        session: MediaSession,
        services: Services,
        record: CallRecord,
        trunk: Trunk,
        on_answered: Callable[[], None],
        *,
        party: CallerIdentity,
        find: Callable[[ReferTo], Route] | None = None,
    ) -> None:
        super().__init__(session, services, record, trunk, on_answered, party=party)
        self._call = self._owned.enter_context(call)
        self._first = call
        self._asserted = asserted_user(call.request.headers)
        self._early_media = trunk.early_media
        self._find = find
        self._description: bytes | None = None  # ours: an answer, or an offer if it makes none
        self._agreed_before: PhoneMedia | None = None  # it has acknowledged our answer
        self._answering = asyncio.Lock()

    async def prepare(self) -> None:
        """Take a port and work out our answer, before anybody is bothered."""
        await self._open()
        self._negotiation = self._describe(self._port, self._first.source)
        if self._first.offer is not None:
            try:
                agreement = self._negotiation.answer(self._first.offer)
                self._description, self._agreed_before = agreement
            except SdpError as error:
                raise Over(of_description(error)) from error

    @property
    def is_heard_early(self) -> bool:
        """Whether it hears us before it is answered."""
        return self._early_media and self._agreed_before is not None

    def ring(self) -> None:
        """Let it ring, or let it hear us already."""
        if self._early_media and self._agreed_before is not None:
            self._connect_early(self._agreed_before)
            self._first.progress(183, sdp=self._description)
        elif self._first.wants_early_offer:
            self._description = self._negotiation.offer()
            self._first.progress(180, sdp=self._description)
        else:
            self._first.ring()
        log.info("ringing")

    def _apply(self, agreed: PhoneMedia, listener: Listener) -> None:
        self._agreed_before = agreed
        if self.is_answered:
            super()._apply(agreed, listener)
        elif self._early_media:
            self._connect_early(agreed)

    def _understood(self, answer: bytes) -> PhoneMedia | None:
        """The first answer to our offer, in a PRACK, is what the call has: it does not go on
        without, though the PRACK itself is to be answered by 200 (RFC 3262 3)."""
        return self._agreed(answer) if self._agreed_before is None else super()._understood(answer)

    async def _refer(self, target: ReferTo) -> None:
        try:
            route = self._find(target) if self._find is not None else None
        except ConferenceError as error:
            log.info("not sent elsewhere", reason=error.text)
            route = None
        if route is None:
            self._current.reject_referral(603)
            return
        self._current.accept_referral()
        async with self._answering:  # who is sent elsewhere first would never be answered
            raise Referred(route)

    def referred(self, status: int) -> None:
        """Tell the phone what has come of being sent elsewhere, if it has been."""
        self._current.report_referral(status)

    def _connect_early(self, agreed: PhoneMedia) -> None:
        """Before it is answered nobody hears the phone."""
        self._session.connect_phone(replace(agreed, direction=_ONLY_SENT[agreed.direction]))

    async def answer(self) -> None:
        """Answer, unless that has been done; return when the phone has acknowledged it."""
        async with self._answering:
            if self.is_answered:
                return
            self.is_answered = True
            try:
                if self._description is None:
                    self._description = self._negotiation.offer()
                if self._agreed_before is not None:
                    self._session.connect_phone(self._agreed_before)
                acknowledged = await self._first.answer(self._description)
                if self._agreed_before is None:  # nor by a PRACK that crossed our answer
                    self._agreed_before = self._agreed(acknowledged)
                    self._session.connect_phone(self._agreed_before)
            except CallEnded as ended:
                raise Over(end_of(ended.event)) from ended
            self._answered()


def first_referred(group: BaseExceptionGroup[Any]) -> Route:
    """Where the phone is to be, of a group of nothing but `Referred`."""
    first = group.exceptions[0]
    return first.route if isinstance(first, Referred) else first_referred(first)
