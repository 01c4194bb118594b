"""How many stanzas a client sends: Jitsi's rate limit (mod_rate_limit), as a rule to be kept."""

from collections import deque

LIMITS = {"presence": 4, "iq": 10}
"""Stanzas of a kind in one second."""


class Window:
    """How often something has happened within the last second."""

    def __init__(self) -> None:
        self._seen: deque[float] = deque()

    def count(self, now: float) -> int:
        """It happens; how often it has, this time included."""
        self._seen.append(now)
        return self.so_far(now)

    def so_far(self, now: float) -> int:
        """How often it has happened."""
        while self._seen and now - self._seen[0] >= 1.0:
            self._seen.popleft()
        return len(self._seen)


class StanzaRate:
    """One client's stanzas within the last second."""

    def __init__(self) -> None:
        self._seen = {kind: Window() for kind in LIMITS}
        self._blamed_at = float("-inf")

    def count(self, kind: str, now: float) -> str | None:
        """Take one in; what is wrong, at most once a second."""
        if kind not in LIMITS:
            return None
        count = self._seen[kind].count(now)
        if count <= LIMITS[kind] or now - self._blamed_at < 1.0:
            return None
        self._blamed_at = now
        return f"{count} <{kind}/> within a second"
