"""Which room a PIN is of, and which PIN a room has: by all that is known here and elsewhere.

In this order: PINs that the operator has written down, those given out here, those of other
conference mappers. Where one of these gives rooms their PINs none are given out here.
"""

from collections.abc import Callable

import structlog

from gateway.ivr.conference_mapping import is_pin
from gateway.ivr.fixed_pins import FixedPins
from gateway.ivr.hops import Hops
from gateway.ivr.mapper_client import MapperClient, MapperUnavailable
from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.pin_database import Asked, PinsUnavailable
from gateway.ivr.pin_policy import LONGEST, NoPinLeft
from gateway.ivr.pin_store import PinStore

log = structlog.get_logger(__name__)

Served = Callable[[str], str | None]
"""The JID of a room that may be joined, in the form that browsers have; None if it is none."""


class PinDirectory:
    """Only rooms that are `served` have PINs. Times are seconds since 1970.

    Asking for a room's PIN may end in PinsUnavailable. Others may take the place of the `fixed`.
    What another gateway asks has `hops` (`gateway.ivr.hops`).
    """

    def __init__(
        self, fixed: FixedPins, store: PinStore, mappers: MapperClient, served: Served
    ) -> None:
        self.fixed = fixed
        self._store = store
        self._mappers = mappers
        self._served = served

    async def find(self, pin: str, now: float, hops: Hops = ()) -> Meeting | NoMeeting:
        """What a PIN stands for."""
        if not is_pin(pin):
            return NoMeeting.UNKNOWN
        found = self.fixed.find(pin, now)
        if found is NoMeeting.UNKNOWN:
            found = await self._given(pin, now)
        if found is NoMeeting.UNKNOWN:
            found = await self._elsewhere(pin, hops)
        if isinstance(found, NoMeeting):
            return found
        room = self._served(found.room)
        if room is None:
            log.warning("a PIN is of a room that is not served", room=found.room)
            return NoMeeting.UNKNOWN
        return Meeting(room, found.display_name, found.moderator)

    @property
    def longest(self) -> int:
        """How many digits a PIN may have; those of other mappers may have many."""
        elsewhere = LONGEST if self._mappers.has_mappers else 0
        return max(self.fixed.longest, self._store.longest, elsewhere)

    def served(self, room: str) -> str | None:
        """The JID of a room that can have a PIN, as browsers have it; None if it cannot."""
        return self._served(room)

    async def known_pin(self, room: str, now: float) -> str | None:
        """The PIN that a served room has already; the operator may have given it to somebody."""
        if (shown := self.fixed.shown_pin(room)) is not None:
            return shown
        given = await self._store.known(room, now)
        if given is not None and not self.fixed.has(given):
            return given
        return self._mappers.remembered_pin(room)

    async def give_pin(self, room: str, now: float, hops: Hops = ()) -> str:
        """The PIN of a served room, a new one if it has none; NoPinLeft if there may be no more."""
        if (shown := self.fixed.shown_pin(room)) is not None:
            return shown
        if self._mappers.gives_pins(hops):
            return await self._given_elsewhere(room, now, hops)
        return await self._store.give(Asked(room, now, self.fixed.has))

    async def _given_elsewhere(self, room: str, now: float, hops: Hops) -> str:
        """A room's PIN by another mapper, if who types it here comes into that room."""
        try:
            pin = await self._mappers.pin_of(room, hops)
        except MapperUnavailable as error:
            raise PinsUnavailable(str(error)) from error
        if pin is None:
            raise NoPinLeft("no conference mapper gives this room a PIN")
        found = await self.find(pin, now)
        if not isinstance(found, Meeting) or found.room != room:
            self._mappers.forget_pin(room)
            raise PinsUnavailable("a conference mapper has given a PIN that is of no use here")
        return pin

    async def _given(self, pin: str, now: float) -> Meeting | NoMeeting:
        try:
            given = await self._store.find(pin, now)
        except PinsUnavailable as error:
            log.error("PINs cannot be looked up", reason=str(error))
            return NoMeeting.UNAVAILABLE
        if given is None:
            return NoMeeting.UNKNOWN
        return NoMeeting.EXPIRED if given.is_expired else Meeting(given.room)

    async def _elsewhere(self, pin: str, hops: Hops) -> Meeting | NoMeeting:
        try:
            mapping = await self._mappers.find(pin, hops)
        except MapperUnavailable:
            return NoMeeting.UNAVAILABLE
        if mapping is None or mapping.room is None:
            return NoMeeting.UNKNOWN
        return Meeting(mapping.room, mapping.display_name, mapping.moderator)
