"""From an order to dial, as Jicofo gives it, to a call and its answer."""

import asyncio
import secrets
import time
from collections.abc import Callable
from xml.etree.ElementTree import Element

import structlog

from gateway.calls.caller_identity import CallerIdentity
from gateway.calls.dial_rules import (
    DialLedger,
    DialLimits,
    DialRefusal,
    DialRefused,
    choose_trunk,
    read_number,
)
from gateway.calls.end_reason import CallEnd, EndReason
from gateway.calls.outgoing import OutgoingCall
from gateway.calls.record import CallRecord, Direction
from gateway.calls.services import Services
from gateway.calls.switchboard import Switchboard
from gateway.calls.trunk import Trunk
from gateway.conference.address import RoomAddress
from gateway.conference.brewery import BreweryAccount, Dial
from gateway.conference.installation import Installation, find_room
from gateway.errors import ConferenceError, JoinFailure

log = structlog.get_logger(__name__)

JOIN_WITHIN = 10.0  # seconds; Jicofo waits for fifteen
INITIATOR_HEADER = "X-outbound-call-initiator-user"
TRANSCRIBER = "jitsi_meet_transcribe"

_TYPES = {
    DialRefusal.NOT_A_NUMBER: "modify",
    DialRefusal.NOT_ALLOWED: "auth",
    DialRefusal.TOO_MANY: "wait",
}
_FULL = (JoinFailure.FULL, JoinFailure.FOCUS_UNAVAILABLE, JoinFailure.UNREACHABLE)


class Dialler:
    """Makes the calls that are ordered; `is_draining` says that there are to be no more.

    A trunk that `is_down`, by its name, is not called through.
    """

    def __init__(
        self,
        switchboard: Switchboard,
        services: Services,
        trunks: tuple[Trunk, ...],
        limits: DialLimits,
        is_draining: Callable[[], bool],
        is_down: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self._switchboard = switchboard
        self._services = services
        self._trunks = trunks
        self._ledger = DialLedger(limits)
        self._is_draining = is_draining
        self._is_down = is_down

    async def dial(self, account: BreweryAccount, dial: Dial) -> Element:
        """Begin the call; the answer names its participant, or says why there is none."""
        try:
            occupant = await self._begin(account, dial)
        except DialRefused as refused:
            log.warning("not dialled", room=dial.room, reason=refused.text)
            return dial.refusal(_TYPES.get(refused.refusal, "cancel"), refused.refusal.value)
        return dial.reference(occupant)

    async def _begin(self, account: BreweryAccount, dial: Dial) -> str:
        if dial.to == TRANSCRIBER:
            raise DialRefused(DialRefusal.NOT_IMPLEMENTED, "no transcriber here")
        number = read_number(dial.to)
        trunk = choose_trunk(number, self._trunks, self._is_usable)
        installation, room = self._find_room(account, dial.room)
        self._refuse_what_is_too_much(trunk)
        initiator = dial.headers.get(INITIATOR_HEADER)
        ticket = self._ledger.begin(room.jid, initiator, time.monotonic())
        record = CallRecord(
            id=secrets.token_hex(4),
            sip_call_id="",
            trunk=trunk.name,
            caller=initiator or room.name,
            called=number,
            direction=Direction.OUT,
            room=room.jid,
        )
        call = OutgoingCall(
            number,
            trunk,
            installation,
            room,
            self._services,
            record,
            shown_as=CallerIdentity("", number).shown(trunk.show_caller),
            password=dial.password,
            headers=dial.headers,
            inviter=initiator,
        )
        self._switchboard.begin(call, record, lambda: self._ledger.ended(ticket))
        return await self._joined(call)

    def _find_room(self, account: BreweryAccount, room: str) -> tuple[Installation, RoomAddress]:
        """The room that is dialled for: one of the installation of its brewery."""
        named = (i for i in self._services.installations if i.name == account.installation)
        try:
            return find_room(named, room)
        except ConferenceError as error:
            raise DialRefused(DialRefusal.NO_SUCH_ROOM, error.text) from error

    def _refuse_what_is_too_much(self, trunk: Trunk) -> None:
        if self._is_draining() or self._switchboard.is_full:
            raise DialRefused(DialRefusal.NOT_NOW, "no more calls now")
        if (limit := self._switchboard.exceeded(trunk)) is not None:
            raise DialRefused(DialRefusal.NOT_NOW, f"too many calls of {trunk.name} ({limit})")

    async def _joined(self, call: OutgoingCall) -> str:
        """Who the call is in its room, once it is there; it is given up if that takes too long."""
        try:
            async with asyncio.timeout(JOIN_WITHIN):
                return await asyncio.shield(call.joined)
        except TimeoutError:
            text = f"not in the room within {JOIN_WITHIN:g} s"
            call.stop(CallEnd(EndReason.CONFERENCE_TIMEOUT, text))
            raise DialRefused(DialRefusal.NOT_JOINED, text) from None
        except ConferenceError as error:
            refusal = DialRefusal.NOT_NOW if error.cause in _FULL else DialRefusal.NOT_JOINED
            raise DialRefused(refusal, str(error)) from error

    def _is_usable(self, trunk: Trunk) -> bool:
        if self._is_down(trunk.name):
            return False
        return trunk.max_calls is None or self._switchboard.calls_of(trunk) < trunk.max_calls
