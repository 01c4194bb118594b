"""Simulated time: what is to happen when, in order, as fast as the machine can."""

import heapq
from collections.abc import Callable
from itertools import count


class Timeline:
    """`now` is in seconds; `at` says what happens later, `run` lets it happen."""

    def __init__(self, now: float) -> None:
        self.now = now
        self._ahead: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, do: Callable[[], None]) -> None:
        """Do this at `when`; what is due at the same moment goes in the order it was asked for."""
        heapq.heappush(self._ahead, (when, next(self._order), do))

    def every(self, period: float, do: Callable[[], None], *, first: float) -> None:
        """Do this at `first`, and every `period` seconds after it."""

        def again(times: int) -> None:
            do()
            self.at(first + times * period, lambda: again(times + 1))

        self.at(first, lambda: again(1))

    def run(self, until: float) -> None:
        """Let everything happen that is due up to `until`."""
        while self._ahead and self._ahead[0][0] <= until:
            self.now, _, do = heapq.heappop(self._ahead)
            do()
        self.now = until
