"""How long to wait before trying again."""


class Backoff:
    """Waits that double from `first` to `longest` seconds."""

    def __init__(self, first: float, longest: float) -> None:
        self._next = first
        self._longest = longest

    def wait(self) -> float:
        """Seconds until the next attempt."""
        wait = self._next
        self._next = min(2 * wait, self._longest)
        return wait
