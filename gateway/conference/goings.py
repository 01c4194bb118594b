"""Who has left the room is gone a second later.

A server that goes down puts out one after the other. What it says of others then is no news as soon
as it is our turn, and the bridge has them still.
"""

import asyncio
from collections.abc import Callable

from gateway.conference.audio import Emit
from gateway.conference.events import Alone, OccupantLeft
from gateway.conference.room import MachineLeft, Room

GONE_AFTER = 1.0  # seconds

Going = OccupantLeft | MachineLeft | Alone


async def see_gone(
    going: Going, room: Room, drop_sources: Callable[[str], None], emit: Emit
) -> None:
    """Wait for that second; then drop an endpoint's sources and tell of it, unless it is back."""
    await asyncio.sleep(GONE_AFTER)
    match going:
        case Alone() if room.alone:
            emit(going)
        case OccupantLeft(endpoint) | MachineLeft(endpoint) if not room.company.has(endpoint):
            drop_sources(endpoint)
            if isinstance(going, OccupantLeft):
                emit(going)
