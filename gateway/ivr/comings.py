"""Who comes and goes, told seldom enough to be bearable. Pure.

The first is told at once. Whoever comes or goes within the next seconds is told together; somebody
who has come and gone meanwhile is not told at all. In a large meeting nobody is.
"""

from dataclasses import dataclass, field

from gateway.ivr.phrasebook import Phrasebook, Speech
from gateway.ivr.prompt import Counted, Prompt

_MOST = 100  # people who are told of together; nobody counts more


@dataclass(frozen=True, slots=True)
class Movement:
    """People who have joined, or who have left. Named is only a single one, by its endpoint."""

    joined: bool
    people: tuple[str, ...]

    def speech(self, book: Phrasebook, name: Speech = ()) -> Speech:
        """In words; `name` is how a single one is called, if that is known."""
        if len(self.people) > 1:
            what = Counted.SEVERAL_JOINED if self.joined else Counted.SEVERAL_LEFT
            return book.count(what, len(self.people))
        if name:
            return book.say(Prompt.NAME_JOINED if self.joined else Prompt.NAME_LEFT, name)
        return book.say(Prompt.SOMEBODY_JOINED if self.joined else Prompt.SOMEBODY_LEFT)


@dataclass(slots=True)
class Comings:
    """Told every `every` seconds at most, and only while no more than `up_to` people are there."""

    every: float = 8.0
    up_to: int = 12
    _joined: dict[str, None] = field(default_factory=dict)
    _left: dict[str, None] = field(default_factory=dict)
    _told: float | None = None

    def joined(self, endpoint: str, company: int) -> None:
        """Somebody has joined; `company` is how many are there now, besides the caller."""
        self._moved(endpoint, company, self._joined, self._left)

    def left(self, endpoint: str, company: int) -> None:
        """Somebody has left."""
        self._moved(endpoint, company, self._left, self._joined)

    def _moved(
        self, endpoint: str, company: int, here: dict[str, None], opposite: dict[str, None]
    ) -> None:
        if company > self.up_to:
            self._joined.clear()
            self._left.clear()
        elif endpoint in opposite:
            del opposite[endpoint]
        elif len(here) < _MOST:
            here[endpoint] = None

    def due(self) -> float | None:
        """When there will be something to tell; None as long as nobody moves."""
        if not self._joined and not self._left:
            return None
        return float("-inf") if self._told is None else self._told + self.every

    def take(self, now: float) -> tuple[Movement, ...]:
        """What is to be told now."""
        due = self.due()
        if due is None or now < due:
            return ()
        self._told = now
        found = [(True, tuple(self._joined)), (False, tuple(self._left))]
        self._joined.clear()
        self._left.clear()
        return tuple(Movement(joined, people) for joined, people in found if people)
