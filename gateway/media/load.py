"""How well media engines keep their time and how busy they are, in numbers; no IO and no clock."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

LATENESS_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Seconds: upper bounds of the histogram of how late ticks were; the last bucket has none."""

TOLERABLE_LATE_SHARE = 0.02
"""Of all ticks, later than 5 ms; beyond it callers hear it."""

TOLERABLE_CPU_SHARE = 0.85
"""Of a core; beyond it there is nothing left for a burst."""


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """An engine at one moment.

    `is_ticking` is whether it has anything to do, `last_tick` when it last did (of the monotonic
    clock). `late_share` is the share of late ticks in the last ten seconds, 0 at rest. `calls` is
    how many it has. `cpu_share` is how much of a core its process uses, 0 where it shares one with
    the gateway; `down_since` is when it lost its process, None while it is up. The others count
    since the start: `lateness` by LATENESS_BOUNDS, `lateness_sum` and `longest_stall` in seconds,
    `deaths` of its processes.
    """

    is_ticking: bool = False
    last_tick: float = 0.0
    late_share: float = 0.0
    late: int = 0
    skipped: int = 0
    longest_stall: float = 0.0
    lateness: tuple[int, ...] = (0,) * (len(LATENESS_BOUNDS) + 1)
    lateness_sum: float = 0.0
    calls: int = 0
    cpu_share: float = 0.0
    down_since: float | None = None
    deaths: int = 0

    @property
    def stress(self) -> float:
        """1 where callers begin to hear that it is too much, or there is nobody to carry them."""
        if self.down_since is not None:
            return 1.0
        return max(self.late_share / TOLERABLE_LATE_SHARE, self.cpu_share / TOLERABLE_CPU_SHARE)

    def is_too_busy(self, max_stress: float) -> bool:
        """Whether no more calls should come, where so much stress is too much; 0: none is."""
        return 0 < max_stress <= self.stress

    def after(self, past: "EngineLoad") -> "EngineLoad":
        """The same, with what `past` has counted: totals never fall."""
        return replace(
            self,
            late=self.late + past.late,
            skipped=self.skipped + past.skipped,
            longest_stall=max(self.longest_stall, past.longest_stall),
            lateness=tuple(map(sum, zip(self.lateness, past.lateness, strict=True))),
            lateness_sum=self.lateness_sum + past.lateness_sum,
            deaths=self.deaths + past.deaths,
        )


def together(loads: Sequence[EngineLoad]) -> EngineLoad:
    """Several engines as one.

    The next call goes to the least loaded, so what that one can bear they all can. All have
    counted what each has.
    """
    least, *others = sorted(loads, key=lambda load: load.stress)
    for other in others:
        least = least.after(other)
    return replace(least, calls=sum(load.calls for load in loads))


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


class LateShare:
    """The share of ticks that were late, each time since it was asked before."""

    def __init__(self) -> None:
        self._before = (0, 0)

    def since_then(self, late: int, ticks: int) -> float:
        """`late` and `ticks` count since the start; 0 if there were no ticks."""
        (late_before, ticks_before), self._before = self._before, (late, ticks)
        return (late - late_before) / max(1, ticks - ticks_before)
