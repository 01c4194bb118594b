"""What happens, told to everybody who watches: the console, the web page. No IO."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

_REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class StepTaken:
    """`who` did `what`, `at` seconds after the beginning."""

    at: float
    who: str
    what: str


Watcher = Callable[[StepTaken], None]


class Steps:
    """Tells each step to all who watch; `past` is for those who come later. `clock` is seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.past: deque[StepTaken] = deque(maxlen=_REMEMBERED)
        self._watchers: list[Watcher] = []
        self._clock = clock
        self._start = clock()

    def tell(self, who: str, what: str) -> None:
        """Something has happened."""
        step = StepTaken(self._clock() - self._start, who, what)
        self.past.append(step)
        for watcher in list(self._watchers):
            watcher(step)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Be told from now on; returns how to be told no longer."""
        self._watchers.append(watcher)
        return lambda: self._watchers.remove(watcher)
