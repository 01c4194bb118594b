"""The timers of a user agent: their lengths, and a queue of those that run.

No clock: times are seconds of whatever clock the caller uses.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

_SWEEP = 1024


@dataclass(frozen=True, slots=True)
class Timers:
    """Base values in seconds (RFC 3261 table 4); tests make them small.

    `provisional` is how often a pending INVITE is answered provisionally again, lest a proxy ends
    it after three minutes (13.3.1.1).
    """

    t1: float = 0.5
    t2: float = 4.0
    t4: float = 5.0
    provisional: float = 60.0

    @property
    def silence(self) -> float:
        """How long a request may stay without any answer where there is another way to try.

        By then a datagram has been sent four times.
        """
        return 8 * self.t1

    @property
    def transaction(self) -> float:
        """How long a transaction lasts at most: timers B, F, H, J, L and M."""
        return 64 * self.t1


class Timer:
    """A timer that runs until it fires or is cancelled."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[float], None]) -> None:
        self._callback: Callable[[float], None] | None = callback

    @property
    def is_running(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        self._callback = None

    def fire(self, now: float) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(now)


class TimerQueue:
    """All running timers of a stack, by the time they are due."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._sweep_at = _SWEEP  # cancelled timers must not pile up until they would be due
        self._order = count()  # of two timers due together the one started first fires first

    def start(self, due: float, callback: Callable[[float], None]) -> Timer:
        """Start a timer that calls `callback(now)` when `due` has come."""
        if len(self._heap) >= self._sweep_at:
            self._heap = [entry for entry in self._heap if entry[2].is_running]
            heapq.heapify(self._heap)
            self._sweep_at = max(_SWEEP, 2 * len(self._heap))
        timer = Timer(callback)
        heapq.heappush(self._heap, (due, next(self._order), timer))
        return timer

    def next(self) -> float | None:
        """When the next timer is due, None if none runs."""
        while self._heap and not self._heap[0][2].is_running:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def fire_due(self, now: float) -> None:
        """Fire every timer that is due; those started meanwhile too, if they are."""
        while (due := self.next()) is not None and due <= now:
            heapq.heappop(self._heap)[2].fire(now)
