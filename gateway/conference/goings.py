"""Who comes to the room and who leaves it, told when it is certain.

Who has left is gone a second later: a server that goes down puts out one after the other, and what
it says of others then is no news as soon as it is our turn, and the bridge has them still. For the
same reason the first who comes back gives others time to come back as well, before it is alone.
"""

import asyncio
from collections.abc import Callable, Coroutine

from gateway.conference.audio import Emit
from gateway.conference.events import Alone, OccupantJoined, OccupantLeft
from gateway.conference.room import MachineLeft, Room

GONE_AFTER = 1.0  # seconds
BACK_WITHIN = 10.0  # seconds: browsers take longer than we do

Going = OccupantLeft | MachineLeft | Alone


class Goings:
    """Those of one stay in `room`; `run` runs what takes time, as long as the stay.

    `company_at` is the room in which the caller was with others, as far as it has been told.
    """

    def __init__(
        self,
        room: Room,
        company_at: str | None,
        drop_sources: Callable[[str], None],
        emit: Emit,
        run: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
    ) -> None:
        self.company_at = company_at
        self._room = room
        self._drop_sources = drop_sources
        self._emit = emit
        self._run = run
        self._gathering: asyncio.Task[None] | None = None
        self._going: set[str] = set()  # endpoints that have left, and are not gone yet

    def entered(self) -> None:
        """We are in the room, perhaps the first of many who come back."""
        if not self._room.alone:
            self.company_at = self._room.jid
        elif self.company_at == self._room.jid:
            self._gathering = self._run(self._see(Alone(), BACK_WITHIN))
        else:
            self._tell(Alone())

    def came(self, joined: OccupantJoined) -> None:
        """Somebody has come."""
        if self._gathering is not None:
            self._gathering.cancel()
        if joined.endpoint in self._going:
            self._going.discard(joined.endpoint)
            self._drop_sources(joined.endpoint)  # it comes with others
        self.company_at = self._room.jid
        self._emit(joined)

    def went(self, going: Going) -> None:
        """Somebody has left, or everybody has."""
        if not isinstance(going, Alone):
            self._going.add(going.endpoint)
        self._run(self._see(going, GONE_AFTER))

    async def _see(self, going: Going, after: float) -> None:
        """Wait; then drop an endpoint's sources and tell of it, unless it is back."""
        await asyncio.sleep(after)
        match going:
            case Alone() if self._room.alone:
                self._tell(going)
            case OccupantLeft(endpoint) | MachineLeft(endpoint):
                if self._room.company.has(endpoint):
                    return
                self._going.discard(endpoint)
                self._drop_sources(endpoint)
                if isinstance(going, OccupantLeft):
                    self._emit(going)

    def _tell(self, alone: Alone) -> None:
        self.company_at = None
        self._emit(alone)
