"""Listening on a machine that may be busy with something else."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

T = TypeVar("T")

STALL = 0.040  # seconds: two packets; after that holes are the machine's
ATTEMPTS = 3
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
