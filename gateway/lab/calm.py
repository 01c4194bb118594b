"""Listening on a machine that may be busy with something else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")

# Seconds. A clock that has nothing to do but every 20 ms sees a stall shorter by as much, and each
# buffer on the way, the gateway's and the listener's, makes a pause as much longer as it has grown.
STALL = 0.010
ATTEMPTS = 4
SETTLING = 1.0  # seconds until what a stall has left in the buffers is over


class StallClock(Protocol):
    """What ticks the media; `longest_stall` is how many seconds it was late at worst."""

    longest_stall: float


async def in_calm(clock: StallClock, listen: Callable[[], Awaitable[T]]) -> T:
    """Listen and judge; again, if that fails while the media clock itself has stood still.

    A gateway that stalls by its own fault does so in every attempt, and the last one counts.
    """
    for _ in range(ATTEMPTS - 1):
        clock.longest_stall = 0.0
        try:
            return await listen()
        except AssertionError:
            if clock.longest_stall <= STALL:
                raise
        await asyncio.sleep(SETTLING)
    return await listen()
