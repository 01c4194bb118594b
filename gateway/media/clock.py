"""The 20 ms clock: ten slots of 2 ms, each on its absolute deadline."""

import asyncio
import contextvars
import math
import time
from collections.abc import Callable

from gateway.media.load import EngineLoad, Lateness

SLOTS = 10
SLOT = 0.002
_GIVE_UP = 0.200  # this late, time is not made up for any more


class Clock:
    """Calls `tick(slot, now)` for slots 0 to 9 in turn, one every 2 ms.

    Waking up costs more than many a tick does, so slots without work are slept through, but for the
    first. A tick that is late is made up for at once; after a stall of more than 200 ms the lost
    time is skipped, by whole rounds: `lost` is told how many seconds. `late` counts ticks later
    than 5 ms, `longest_stall` is the worst, in seconds; `last_tick` is when the last tick was,
    `rounds` how often 20 ms have begun.
    """

    def __init__(
        self,
        tick: Callable[[int, float], None],
        has_work: Callable[[int], bool] = lambda slot: True,
        lost: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.ticks = 0
        self.rounds = 0
        self.late = 0
        self.skipped = 0
        self.longest_stall = 0.0
        self.lateness = Lateness()
        self.last_tick = 0.0
        self._tick = tick
        self._has_work = has_work
        self._lost = lost
        self._slot = 0
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._context = contextvars.copy_context()  # not of the call that happens to start it

    @property
    def is_running(self) -> bool:
        return self._timer is not None

    def load(self, late_share: float) -> EngineLoad:
        """How well time has been kept; `late_share` is what the engine has seen lately."""
        return EngineLoad(
            is_ticking=self.is_running,
            last_tick=self.last_tick,
            late_share=late_share,
            late=self.late,
            skipped=self.skipped,
            longest_stall=self.longest_stall,
            lateness=self.lateness.counts,
            lateness_sum=self.lateness.sum,
        )

    def start(self) -> None:
        """Begin ticking, or go on."""
        self.last_tick = time.monotonic()
        self._deadline = self.last_tick + SLOT
        self._arm()

    def stop(self) -> None:
        """Stop ticking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self) -> None:
        loop = asyncio.get_running_loop()
        # uvloop's timers count whole milliseconds and would fire early, again and again.
        delay = math.ceil(max(0.0, self._deadline - time.monotonic()) * 1000) / 1000
        self._timer = loop.call_later(delay, self._run, context=self._context)

    def _run(self) -> None:
        now = time.monotonic()
        lateness = now - self._deadline
        self.longest_stall = max(self.longest_stall, lateness)
        if lateness > _GIVE_UP:
            behind = int(lateness / SLOT) // SLOTS * SLOTS
            self.skipped += behind
            self._deadline += behind * SLOT
            self._lost(behind * SLOT)
        while self._deadline <= now and self._timer is not None:
            self.ticks += 1
            self.rounds += self._slot == 0
            self.late += now - self._deadline > 0.005
            self.lateness.add(now - self._deadline)
            self._tick(self._slot, now)
            self._advance()
            self.last_tick = now
        if self._timer is not None:  # else it was stopped by a tick
            self._arm()

    def _advance(self) -> None:
        """Go on to the next slot in which there is anything to do."""
        while True:
            self._slot = (self._slot + 1) % SLOTS
            self._deadline += SLOT
            if self._slot == 0 or self._has_work(self._slot):
                return
