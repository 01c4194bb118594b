"""When a worker that has died is replaced; no clock."""

LONG = 60.0
"""Seconds: who lived as long did not die of what it began with."""

_LONGEST = 30.0  # seconds


class Restarts:
    """At once, but with growing pauses for as long as each dies young."""

    def __init__(self) -> None:
        self._next = 0.0

    def wait(self, lived: float) -> float:
        """Seconds to wait after the death of one that lived so many."""
        wait = 0.0 if lived >= LONG else self._next
        self._next = min(max(1.0, 2 * wait), _LONGEST)
        return wait
