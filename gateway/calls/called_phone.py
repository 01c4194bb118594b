"""A phone that we call, through a trunk."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from gateway.calls.caller_identity import UNKNOWN, CallerIdentity
from gateway.calls.dial_out import DialOut
from gateway.calls.end_reason import CallEnd, EndReason, Over
from gateway.calls.parties import asserted_user, connected_party
from gateway.calls.phone import Listener, Phone
from gateway.calls.redirection import Redirection
from gateway.media.messages import PhoneMedia
from gateway.sdp.crypto import SrtpPolicy
from gateway.sip import events as sip
from gateway.sip.header_values import address
from gateway.sip.locate import Destination
from gateway.sip.responses import HeaderFields

log = structlog.get_logger(__name__)

_NOT_ACCEPTABLE = (488, 606)
_ATTEMPTS = {
    # FreeSWITCH wants no keys beside a plain profile, instead of passing them over; a phone that
    # takes encrypted calls only wants another profile.
    SrtpPolicy.OFFERED: (SrtpPolicy.OFFERED, SrtpPolicy.OFF, SrtpPolicy.REQUIRED),
    SrtpPolicy.OFF: (SrtpPolicy.OFF,),
    SrtpPolicy.REQUIRED: (SrtpPolicy.REQUIRED,),
}
_SPARES = 'srtp = "{}" in its trunk spares each call what was offered before, if it is always so'


class CalledPhone(Phone):
    """A phone to be called between `with` and its end; after that it neither rings nor talks.

    `prepare` before the conference is joined, `call` it before anything else.
    """

    async def prepare(self) -> None:
        """Take a port, before the bridge offers its half of the call's media."""
        await self._open()

    async def call(
        self,
        number: str,
        through: DialOut,
        *,
        headers: HeaderFields,
        ringing: Callable[[], None],
    ) -> None:
        """Have `number` ring; return when it has answered, `Over` if it does not.

        It may have its calls redirected to other numbers that may be dialled.
        """
        try:
            async with asyncio.timeout(through.ringing_timeout):
                agreed = await self._reach(number, through, headers, ringing)
        except TimeoutError:
            text = f"no answer within {through.ringing_timeout:g} s"
            raise Over(CallEnd(EndReason.NO_ANSWER, text)) from None
        self.is_answered = True
        self._session.connect_phone(agreed)
        self._answered()

    async def _reach(
        self, number: str, through: DialOut, headers: HeaderFields, ringing: Callable[[], None]
    ) -> PhoneMedia:
        redirection = Redirection(number, through)
        srtp, *others = _ATTEMPTS[self._trunk.srtp]
        while True:
            await self._invite(number, through, headers, srtp)
            outcome = await self._answer(through, ringing)
            if isinstance(outcome, PhoneMedia):
                return outcome
            if others and outcome.status in _NOT_ACCEPTABLE:
                srtp = others.pop(0)
                remedy = _SPARES.format(srtp)
                log.info("offered anew", status=outcome.status, srtp=str(srtp), remedy=remedy)
                continue
            redirection.name(outcome.contacts)
            following = redirection.next() if outcome.status < 600 else None
            if following is None:
                raise Over(_failure(outcome))
            log.info("tried elsewhere", status=outcome.status)
            number = following

    async def _invite(
        self, number: str, through: DialOut, headers: HeaderFields, srtp: SrtpPolicy
    ) -> None:
        destination = Destination(through.transport, through.host, through.port)
        by = self._services.service_route(self._trunk.name)
        if by is not None:
            destination = by.next_hop
            headers = (*(("Route", route) for route in by.routes), *headers)
        try:
            flows = await self._services.user_agent.find_flows(destination)
            self._negotiation = self._describe(self._port, flows[0])
            call = await self._services.user_agent.invite(
                through.target(number),
                self._negotiation.offer(srtp),
                from_=address(through.caller_uri, through.caller_name),
                headers=(*through.identity_headers, *headers),
                flows=flows,
                credentials=self._trunk.credentials,
                label=self._record.id,
            )
        except OSError as error:
            raise Over(CallEnd(EndReason.CALL_FAILED, f"trunk not reached: {error}")) from error
        self._call = self._owned.enter_context(call)
        self._record.sip_call_id = call.call_id

    async def _answer(
        self, through: DialOut, ringing: Callable[[], None]
    ) -> PhoneMedia | sip.Failed:
        """What holds when it has answered; `ringing` is told when it rings.

        Of several phones that speak before, the last is heard.
        """
        early: PhoneMedia | None = None
        heard: PhoneMedia | None = None
        said: bytes | None = None  # early; without `early` it cannot be served
        is_ringing = False
        async for event in self._current.events:
            match event:
                case sip.Provisional():
                    if not is_ringing:
                        is_ringing = True
                        log.info("ringing", status=event.status)
                        ringing()
                    if event.sdp is not None:
                        said = event.sdp
                        early = self._understood(said) or early
                case sip.Reoffered():
                    early = await self._renegotiate(event.offer) or early
                case sip.Answered():
                    if self._trunk.trust_identity:
                        stated = connected_party(event.response.headers)
                        self.party = stated or UNKNOWN
                        self._asserted = asserted_user(event.response.headers)
                    if event.sdp is None and early is not None:
                        return early
                    return self._agreed(event.sdp or said)
                case sip.Failed():
                    return event
            if through.early_media and early is not None and early is not heard:
                heard = early
                self._session.connect_phone(replace(early, is_early=True))
        raise Over(CallEnd(EndReason.CALL_FAILED, "the call ended before it was answered"))

    def _stated(self, party: CallerIdentity, listener: Listener) -> None:
        """Who has answered is shown by the name it was called by, whatever the network's is."""
        if self.party is UNKNOWN:
            self.party = party
        super()._stated(party, listener)

    def _refuse(self, end: CallEnd) -> None:
        if self._call is not None:
            self._call.hang_up(end.sip_reason)


_FAILURES = {
    EndReason.BUSY: {486, 600},
    EndReason.DECLINED: {603, 607, 608},  # RFC 8197, RFC 8688
    EndReason.NO_ANSWER: {408, 480, 487},
    EndReason.NO_SUCH_NUMBER: {404, 410, 484, 604},
}
_CAUSES = {  # of Q.850
    EndReason.BUSY: {17},
    EndReason.DECLINED: {21},
    EndReason.NO_ANSWER: {18, 19, 20},
    EndReason.NO_SUCH_NUMBER: {1, 22, 28},
}
_UNAVAILABLE = 480  # which stands for whatever has no status of its own
_NETWORK_TROUBLE = 34  # and what follows it in Q.850: no circuit, not subscribed, interworking, ...
_OURS = {
    401: "user and password in [trunk.dial_out] are missing, or wrong",
    403: "the trunk takes no calls from this address, with this caller, or without a login",
    407: "user and password in [trunk.dial_out] are missing, or wrong",
}


def _failure(failed: sip.Failed) -> CallEnd:
    """What a final response other than 2xx says of the call, or that there was none."""
    if failed.response is None:
        silent = failed.status == 408
        text = "the trunk does not answer" if silent else "the trunk is not reached"
        return CallEnd(EndReason.CALL_FAILED, text)
    said = ", ".join(reason.serialize() for reason in failed.reasons)
    text = f"{failed.status} {failed.phrase}" + (f" ({said})" if said else "")
    reason = _reason(failed)
    if reason is EndReason.CALL_FAILED and failed.status in _OURS:
        text = f"{text}: {_OURS[failed.status]}"
    return CallEnd(reason, text)


def _reason(failed: sip.Failed) -> EndReason:
    """A cause of the telephone network counts before the status that a PBX has made of it: Asterisk
    says 403 for a phone that declines."""
    causes = {each.cause or 0 for each in failed.reasons if each.protocol.upper() == "Q.850"}
    for reason, known in _CAUSES.items():
        if causes & known:
            return reason
    if failed.status == _UNAVAILABLE and max(causes, default=0) >= _NETWORK_TROUBLE:
        return EndReason.CALL_FAILED
    for reason, known in _FAILURES.items():
        if failed.status in known:
            return reason
    return EndReason.CALL_FAILED
