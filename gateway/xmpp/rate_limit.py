"""A rate that is never exceeded: at most so many in any period. Time comes in as `now`."""

from collections import deque


class RateLimit:
    """At most `most` within any `period` of seconds."""

    def __init__(self, most: int, period: float) -> None:
        self._period = period
        self._taken: deque[float] = deque(maxlen=most)

    def wait(self, now: float) -> float:
        """Seconds until there may be another."""
        if len(self._taken) < (self._taken.maxlen or 0):
            return 0.0
        return max(self._taken[0] + self._period - now, 0.0)

    def take(self, now: float) -> None:
        """There is another now."""
        self._taken.append(now)
