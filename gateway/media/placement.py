"""Which worker a call goes to: calls of one room together, while their worker can bear more.

A call stays where it was placed, since its phone's ports are there, also if it moves to another
room later. No IO and no clock.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

EXPECTED = 0.01
"""The stress that a call adds until the worker has told how it really is."""


@dataclass(slots=True)
class _Worker:
    """`stress` as told last, or None for one that is down; `fresh` calls came after that."""

    stress: float | None = None
    fresh: int = 0
    calls: dict[str, str | None] = field(default_factory=dict)  # each with its room
    rooms: Counter[str] = field(default_factory=Counter)

    @property
    def expected(self) -> float:
        assert self.stress is not None
        return self.stress + self.fresh * EXPECTED


class Placement:
    """Where each call is, among workers 0 to `workers` - 1. All are down until they have told."""

    def __init__(self, workers: int) -> None:
        self._workers = [_Worker() for _ in range(workers)]
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def told(self, worker: int, stress: float) -> None:
        """A worker is up, and so busy: at 1 it can bear no more."""
        self._workers[worker].stress = stress
        self._workers[worker].fresh = 0

    def lost(self, worker: int) -> tuple[str, ...]:
        """A worker is down; the calls that were there."""
        calls = tuple(self._workers[worker].calls)
        for call in calls:
            del self._places[call]
        self._workers[worker] = _Worker()
        return calls

    def calls_at(self, worker: int) -> int:
        """How many calls it has."""
        return len(self._workers[worker].calls)

    def place_of(self, call: str) -> int | None:
        """The worker that has a call."""
        return self._places.get(call)

    def place(self, call: str, room: str | None) -> int | None:
        """The worker for a new call, which has it from now on. None if all are down."""
        up = [at for at, worker in enumerate(self._workers) if worker.stress is not None]
        if not up:
            return None
        together = [at for at in up if room is not None and self._takes(at, room)]
        if together:
            chosen = max(together, key=lambda at: self._workers[at].rooms[room or ""])
        else:
            chosen = min(up, key=self._load)
        worker = self._workers[chosen]
        worker.fresh += 1
        worker.calls[call] = room
        if room is not None:
            worker.rooms[room] += 1
        self._places[call] = chosen
        return chosen

    def ended(self, call: str) -> None:
        """Nothing of a call is left."""
        at = self._places.pop(call, None)
        if at is None:
            return
        worker = self._workers[at]
        room = worker.calls.pop(call)
        if room is not None:
            worker.rooms -= Counter([room])

    def _takes(self, at: int, room: str) -> bool:
        worker = self._workers[at]
        return worker.rooms[room] > 0 and worker.expected < 1

    def _load(self, at: int) -> tuple[int, int]:
        # Nearly as busy is equally busy: what is told of a second wavers.
        worker = self._workers[at]
        return int(worker.expected * 10), len(worker.calls)
