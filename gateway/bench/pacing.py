"""The load generator's loop: sockets that are read, and packets that are due, in slots of 1 ms.

One thread, no event loop of Python's: twenty thousand packets a second have to leave half a core
for nothing but themselves.
"""

import select
import time
from collections.abc import Callable

PERIOD = 20
"""Slots of 1 ms after which everything comes round."""

_SLOT = 0.001
_LATE = 0.010
_GIVE_UP = 0.200  # this late, time is not made up for: more at once would only make it worse
_HOUSEKEEPING = 0.010  # seconds between two looks at what happens by time


class Pacing:
    """Reads and sends. `slots` and `late` (by more than 10 ms) count the slots so far."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.slots = 0
        self.late = 0
        self._clock = clock
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._due: list[list[Callable[[], None]]] = [[] for _ in range(PERIOD)]
        self._watch: list[Callable[[float], None]] = []
        self._next = self._clock()
        self._watched = 0.0

    def read(self, descriptor: int, receive: Callable[[], None]) -> None:
        """Call `receive` whenever something can be read."""
        self._readers[descriptor] = receive
        self._epoll.register(descriptor, select.EPOLLIN)

    def every_20_ms(self, slot: int, send: Callable[[], None]) -> None:
        """Call `send` in slot 0 to 19 of every 20 ms."""
        self._due[slot % PERIOD].append(send)

    def watch(self, look: Callable[[float], None]) -> None:
        """Call `look` with the time about every 10 ms."""
        self._watch.append(look)

    def run_until(self, done: Callable[[], bool], timeout: float) -> bool:
        """Go on until `done`, which is asked after every slot; False if that took too long."""
        end = self._clock() + timeout
        while not done():
            if self._turn() > end:
                return False
        return True

    def run_for(self, seconds: float) -> None:
        """Go on for a while."""
        end = self._clock() + seconds
        while self._turn() < end:
            pass

    def close(self) -> None:
        """Give back what was taken; the sockets are their owners'."""
        self._epoll.close()

    def _turn(self) -> float:
        wait = self._next - self._clock()
        for descriptor, _ in self._epoll.poll(max(0.0, wait)):
            self._readers[descriptor]()
        now = self._clock()
        if now - self._next > _GIVE_UP:
            self._skip(now)
        while self._next <= now:
            self.late += now - self._next > _LATE
            for send in self._due[self.slots % PERIOD]:
                send()
            self.slots += 1
            self._next += _SLOT
        if now - self._watched >= _HOUSEKEEPING:
            self._watched = now
            for look in self._watch:
                look(now)
        return now

    def _skip(self, now: float) -> None:
        behind = int((now - self._next) / _SLOT)
        self.slots += behind
        self.late += behind
        self._next += behind * _SLOT
