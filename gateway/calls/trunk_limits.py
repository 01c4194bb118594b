"""How many calls a trunk may have, and how many a second. Pure: `now` in seconds of any clock."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from gateway.calls.trunk import Trunk


class TrunkLimit(StrEnum):
    """What a call was one too many for."""

    CALLS = "calls"
    RATE = "rate"


@dataclass(slots=True)
class _Bucket:
    """Tokens for calls; as many as a second brings, and at least one, may be saved up."""

    tokens: float
    at: float

    def take(self, rate: float, now: float) -> bool:
        self.tokens = min(max(1.0, rate), self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class TrunkLimits:
    """Holds calls against the limits of their trunks, and counts those that are refused."""

    def __init__(self) -> None:
        self.refused: Counter[tuple[str, TrunkLimit]] = Counter()
        self._buckets: dict[str, _Bucket] = {}

    def check(self, trunk: Trunk, calls: int, now: float) -> TrunkLimit | None:
        """Count one more call of a trunk that has `calls`; the limit that it is above, if one."""
        limit = self._find(trunk, calls, now)
        if limit is not None:
            self.refused[trunk.name, limit] += 1
        return limit

    def _find(self, trunk: Trunk, calls: int, now: float) -> TrunkLimit | None:
        if trunk.is_full_with(calls):
            return TrunkLimit.CALLS
        rate = trunk.max_calls_per_second
        if rate is None:
            return None
        bucket = self._buckets.setdefault(trunk.name, _Bucket(max(1.0, rate), now))
        return None if bucket.take(rate, now) else TrunkLimit.RATE
