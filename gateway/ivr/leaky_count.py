"""Counts that leak: how often something happened lately. A table with a size. No clock."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class LeakyCount(Generic[Key]):
    """One count a key; each grows smaller by one in `forgets_one` seconds.

    At most `most` keys are known; the one that has not been counted for the longest makes room.
    """

    def __init__(self, forgets_one: float, most: int) -> None:
        self._forgets_one = forgets_one
        self._most = most
        self._counts: OrderedDict[Key, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def count(self, key: Key, now: float) -> float:
        """How often lately."""
        count, at = self._counts.get(key, (0.0, now))
        return max(0.0, count - max(0.0, now - at) / self._forgets_one)

    def add(self, key: Key, now: float) -> float:
        """Once more; how often that is."""
        count = self.count(key, now) + 1.0
        self._counts[key] = (count, now)
        self._counts.move_to_end(key)
        if len(self._counts) > self._most:
            self._counts.popitem(last=False)
        return count

    def take_back(self, key: Key, now: float, share: float = 1.0) -> None:
        """Once less, or a share of that."""
        if key in self._counts:
            self._counts[key] = (max(0.0, self.count(key, now) - share), now)
