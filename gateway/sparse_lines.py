"""Lines of the log that strangers can bring about: not too many of them. No clock."""

from typing import Self


class SparseLines:
    """One line in `between` seconds at most, with how often there was something to tell.

    After a while without any, `at_once` of them may come as fast as they like.
    """

    def __init__(self, between: float, at_once: int = 1) -> None:
        self._between = between
        self._early = (at_once - 1) * between
        self._due = float("-inf")
        self._untold = 0

    @classmethod
    def one_a_second(cls) -> Self:
        """After thirty at once: whoever types a PIN finds each key of it in the log."""
        return cls(1.0, at_once=30)

    def count(self, now: float) -> int | None:
        """Something is to be told: how often since the last line, or None if it is too early."""
        self._untold += 1
        if now < self._due - self._early:
            return None
        untold, self._untold = self._untold, 0
        self._due = max(self._due, now) + self._between
        return untold
