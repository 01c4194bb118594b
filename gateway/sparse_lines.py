"""Lines of the log that strangers can bring about: not too many of them. No clock."""


class SparseLines:
    """One line in `between` seconds at most, with how often there was something to tell."""

    def __init__(self, between: float) -> None:
        self._between = between
        self._told_at = float("-inf")
        self._untold = 0

    def count(self, now: float) -> int | None:
        """Something is to be told: how often since the last line, or None if it is too early."""
        self._untold += 1
        if now - self._told_at < self._between:
            return None
        untold, self._untold, self._told_at = self._untold, 0, now
        return untold
