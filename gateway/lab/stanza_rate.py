"""How many stanzas a client sends: Jitsi's rate limit (mod_rate_limit), as a rule to be kept."""

from collections import deque

LIMITS = {"presence": 4, "iq": 10}
"""Stanzas of a kind in one second."""


class StanzaRate:
    """One client's stanzas within the last second."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {kind: deque() for kind in LIMITS}
        self._blamed_at = float("-inf")

    def count(self, kind: str, now: float) -> str | None:
        """Take one in; what is wrong, at most once a second."""
        seen = self._seen.get(kind)
        if seen is None:
            return None
        seen.append(now)
        while now - seen[0] >= 1.0:
            seen.popleft()
        if len(seen) <= LIMITS[kind] or now - self._blamed_at < 1.0:
            return None
        self._blamed_at = now
        return f"{len(seen)} <{kind}/> within a second"
