"""Who was in a room a moment ago comes back without a PIN. No IO and no clock.

A caller is known by its number and the number it called, so this trusts the trunk with the caller's
number, for a short time only. Withheld numbers are never known.
"""

from typing import Generic, TypeVar

from gateway.ivr.remembered import Remembered

REDIAL_WITHIN = 120.0  # seconds
MOST_CALLERS = 10_000

Place = TypeVar("Place")


class RedialMemory(Generic[Place]):
    """The places that callers have left lately; the one that was left first makes room."""

    def __init__(self, within: float = REDIAL_WITHIN, most: int = MOST_CALLERS) -> None:
        self._within = within
        self._left: Remembered[tuple[str, str], Place] = Remembered(most)

    def left(self, caller: str | None, called: str, place: Place, now: float) -> None:
        """A caller whose PIN was right has left this place, not because it was removed from it."""
        if caller:
            self._left.put((caller, called), place, now + self._within)

    def returning(self, caller: str | None, called: str, now: float) -> Place | None:
        """Where a caller that calls the same number again was; it is told once."""
        if not caller:
            return None
        place = self._left.get((caller, called), now)
        self._left.pop((caller, called))
        return place
