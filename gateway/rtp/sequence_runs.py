"""Sequence numbers that have come, of which most follow one another: a few runs hold many."""

from collections import deque
from dataclasses import dataclass, field

from gateway.rtp.sequence import distance

_RUNS = 64
_LONGEST = 0x3FFF  # numbers of a run: far from where numbers wrap


@dataclass(slots=True)
class SequenceRuns:
    """The latest of them: of each run the first number, and how many there are."""

    _runs: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=_RUNS))

    def add(self, sequence: int) -> None:
        """This one has come; more than once does no harm."""
        if sequence in self:
            return
        if self._runs:
            first, count = self._runs[-1]
            if sequence == (first + count) & 0xFFFF and count < _LONGEST:
                self._runs[-1] = first, count + 1
                return
        self._runs.append((sequence, 1))

    def __contains__(self, sequence: int) -> bool:
        return any(0 <= distance(sequence, first, 16) < count for first, count in self._runs)

    def between(self, later: int, earlier: int) -> int:
        """How many of them lie between two others."""
        last = distance(later, earlier, 16) - 1
        found = 0
        for first, count in self._runs:
            begin = distance(first, earlier, 16)
            found += max(0, min(begin + count - 1, last) - max(begin, 1) + 1)
        return found
