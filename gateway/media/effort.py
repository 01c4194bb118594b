"""How much work is spent on each Opus frame: less while the engine is late. No IO and no clock.

At complexity 0 an encoder needs half the time it needs at 5; callers hear a late engine much
sooner than that difference.
"""

from gateway.media.load import TOLERABLE_LATE_SHARE

_LESS = (3, 1, 0)
_CALM_SHARE = 0.002  # of ticks late: the engine has time to spare
_CALM_FOR = 30  # seconds of that until more is tried


class Effort:
    """Opus' complexity, `most` at best; it is told once a second how the engine keeps its time."""

    def __init__(self, most: int) -> None:
        self._steps = (most, *(less for less in _LESS if less < most))
        self._step = 0
        self._calm = 0

    @property
    def complexity(self) -> int:
        """What encoders are to be set to, 0 to 10."""
        return self._steps[self._step]

    def observe(self, late_share: float) -> bool:
        """Take the share of ticks that were late in the last second; whether anything changes."""
        before = self._step
        self._calm = self._calm + 1 if late_share <= _CALM_SHARE else 0
        if late_share > TOLERABLE_LATE_SHARE:
            self._step = min(self._step + 1, len(self._steps) - 1)
        elif self._calm >= _CALM_FOR and self._step:
            self._step -= 1
            self._calm = 0
        return self._step != before
