"""Who comes as a visitor: to hear the meeting, and to ask for the floor.

A meeting that has visitors may let nobody else in whom no moderator has let speak; one with a lobby
takes no visitors, nor does one whose node for them is away: the focus goes on sending them there.
Who is refused for that may come the other way.
"""

from collections.abc import Awaitable
from enum import Enum, auto
from typing import Protocol, TypeVar

import structlog

from gateway.conference.address import RoomAddress
from gateway.conference.allocation import Redirected
from gateway.conference.component_orders import Demoted
from gateway.conference.departure import PASSING
from gateway.conference.installation import Installation
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.visitors import Promotion

log = structlog.get_logger(__name__)

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Visiting(Enum):
    """Whether a caller comes as a visitor."""

    NEVER = auto()
    IF_NEEDED = auto()  # where it is let in as nothing else
    WANTED = auto()  # it only wants to listen


class Arrive(Protocol[T_co]):
    """Goes to one room of one installation; Redirected if visitors of that room are elsewhere."""

    def __call__(
        self, site: Installation, address: RoomAddress, room: str, *, as_visitor: bool
    ) -> Awaitable[T_co]: ...


class Visit:
    """A caller's ways to the meeting at `address`, in its main room or at a node for visitors."""

    def __init__(self, site: Installation, address: RoomAddress, visiting: Visiting) -> None:
        self._site = site
        self._address = address
        self._visiting = visiting
        self._promoted_as: str | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the caller only wants to listen."""
        return self._visiting is Visiting.WANTED

    def told_to(self, order: Promotion | Demoted) -> None:
        """It may speak from now on, and by its name, if there is one, the main room expects it; or
        it is to listen only."""
        match order:
            case Promotion(username=username):
                self._visiting, self._promoted_as = Visiting.IF_NEEDED, username
            case Demoted():
                self._visiting, self._promoted_as = Visiting.WANTED, None

    def may_come_later(self, refusal: ConferenceError) -> bool:
        """Whether it is refused for the want of a node for visitors, which may come back soon."""
        return self._visiting is not Visiting.NEVER and refusal.cause in _OTHER_WAY.values()

    async def go(self, room: str, arrive: Arrive[T]) -> T:
        """To the main room, or one that belongs to it, as it lets us in; ConferenceError if not."""
        as_visitor = self.is_wanted
        try:
            return await self._go(room, arrive, as_visitor=as_visitor)
        except ConferenceError as refusal:
            if self._visiting is Visiting.NEVER or refusal.cause is not _OTHER_WAY[as_visitor]:
                raise
            log.info("coming the other way", as_visitor=not as_visitor, reason=refusal.text)
        return await self._go(room, arrive, as_visitor=not as_visitor)

    async def _go(self, room: str, arrive: Arrive[T], *, as_visitor: bool) -> T:
        site, name = self._site, self._promoted_as
        main = site.for_promoted(name) if name is not None else site
        try:
            return await arrive(main, self._address, room, as_visitor=as_visitor)
        except Redirected as redirected:
            log.info("redirected", node=redirected.node)
            node = site.for_visitors(redirected.node)
        address = site.at_node(self._address, node)
        try:
            return await arrive(node, address, address.jid, as_visitor=as_visitor)
        except ConferenceError as refusal:
            if refusal.cause not in PASSING:
                raise
            raise ConferenceError(JoinFailure.NO_VISITORS, refusal.text) from refusal


_OTHER_WAY = {True: JoinFailure.NO_VISITORS, False: JoinFailure.ONLY_VISITORS}
