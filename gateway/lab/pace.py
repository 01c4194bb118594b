"""20 ms of real time, again and again, for everything in the lab that speaks."""

import asyncio
import time
from collections.abc import Callable

FRAME = 0.020


class Pace:
    """Calls `tick(now)` every 20 ms on absolute deadlines, from `start` to `stop`.

    What was missed during a stall is made up for, so that media time and real time agree.
    """

    def __init__(self, tick: Callable[[float], None]) -> None:
        self._tick = tick
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; a mistake in `tick` shows here."""
        task, self._task = self._task, None
        if task is None:
            return
        if not task.done():
            task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _run(self) -> None:
        deadline = time.monotonic()
        while True:
            deadline += FRAME
            await asyncio.sleep(max(0.0, deadline - time.monotonic()))
            self._tick(time.monotonic())
