"""How well the media engine keeps its time, in numbers; no IO and no clock."""

from bisect import bisect_left
from dataclasses import dataclass

LATENESS_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Seconds: upper bounds of the histogram of how late ticks were; the last bucket has none."""

TOLERABLE_LATE_SHARE = 0.02
"""Of all ticks, later than 5 ms; beyond it callers hear it."""


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """An engine at one moment.

    `is_ticking` is whether it has anything to do, `last_tick` when it last did (of the monotonic
    clock). `late_share` is the share of late ticks in the last ten seconds, 0 at rest. The others
    count since the start: `lateness` by LATENESS_BOUNDS, `lateness_sum` and `longest_stall` in
    seconds.
    """

    is_ticking: bool = False
    last_tick: float = 0.0
    late_share: float = 0.0
    late: int = 0
    skipped: int = 0
    longest_stall: float = 0.0
    lateness: tuple[int, ...] = (0,) * (len(LATENESS_BOUNDS) + 1)
    lateness_sum: float = 0.0

    @property
    def stress(self) -> float:
        """1 where callers begin to hear that ticks are late."""
        return self.late_share / TOLERABLE_LATE_SHARE


class Lateness:
    """A histogram of how late ticks were."""

    def __init__(self) -> None:
        self.sum = 0.0
        self._counts = [0] * (len(LATENESS_BOUNDS) + 1)

    @property
    def counts(self) -> tuple[int, ...]:
        """By LATENESS_BOUNDS, each tick in one bucket."""
        return tuple(self._counts)

    def add(self, seconds: float) -> None:
        """A tick was so late."""
        self.sum += seconds
        self._counts[bisect_left(LATENESS_BOUNDS, seconds)] += 1
