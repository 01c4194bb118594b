"""Who comes to the room and who leaves it, told when it is certain.

Who has left is gone a second later: a server that goes down puts out one after the other, and what
it says of others then is no news as soon as it is our turn, and the bridge has them still. For the
same reason the first who comes back gives others time to come back as well, before it is alone.
"""

import asyncio
from collections.abc import Callable

from gateway.conference.audio import Emit
from gateway.conference.awaited_offer import Spawn
from gateway.conference.events import Alone, OccupantJoined, OccupantLeft
from gateway.conference.room import MachineLeft, Room

GONE_AFTER = 1.0  # seconds
BACK_WITHIN = 10.0  # seconds: browsers take longer than we do

Going = OccupantLeft | MachineLeft | Alone


class Goings:
    """Those of one stay in `room`; `spawn` runs what takes time, as long as the stay.

    `company_at` is the room in which the caller was with others, as far as it has been told.
    """

    def __init__(
        self,
        room: Room,
        company_at: str | None,
        drop_sources: Callable[[str], None],
        emit: Emit,
        spawn: Spawn,
    ) -> None:
        self.company_at = company_at
        self._room = room
        self._drop_sources = drop_sources
        self._emit = emit
        self._spawn = spawn
        self._alone: asyncio.Task[None] | None = None  # about to be told
        self._going: dict[str, asyncio.Task[None]] = {}  # those who have left, and are not gone yet

    def entered(self) -> None:
        """We are in the room, perhaps the first of many who come back."""
        if not self._room.alone:
            self.company_at = self._room.jid
        elif self.company_at == self._room.jid:
            self._alone = self._spawn(self._tell_alone(after=BACK_WITHIN))
        else:
            self._tell()

    def came(self, joined: OccupantJoined) -> None:
        """Somebody has come."""
        if self._alone is not None:
            self._alone.cancel()
        if self._is_back(joined.endpoint):
            self._drop_sources(joined.endpoint)  # it comes with others
        self.company_at = self._room.jid
        self._emit(joined)

    def went(self, going: Going) -> None:
        """Somebody has left, or everybody has."""
        if isinstance(going, Alone):
            self._alone = self._spawn(self._tell_alone(after=GONE_AFTER))
        else:
            self._is_back(going.endpoint)  # a machine comes back untold
            self._going[going.endpoint] = self._spawn(self._see_off(going))

    def _is_back(self, endpoint: str) -> bool:
        """Whether it had left, and was not gone yet: then that does not count any more."""
        going = self._going.pop(endpoint, None)
        return going is not None and going.cancel()

    async def _see_off(self, going: OccupantLeft | MachineLeft) -> None:
        """Wait; then drop an endpoint's sources and tell of it, unless it is back."""
        await asyncio.sleep(GONE_AFTER)
        del self._going[going.endpoint]
        if self._room.company.has(going.endpoint):
            return
        self._drop_sources(going.endpoint)
        if isinstance(going, OccupantLeft):
            self._emit(going)

    async def _tell_alone(self, after: float) -> None:
        await asyncio.sleep(after)
        if self._room.alone:
            self._tell()

    def _tell(self) -> None:
        self.company_at = None
        self._emit(Alone())
