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
_HOUSEKEEPING = 0.010  # seconds between two looks at what happens by time


class Pacing:
    """Reads and sends. `slots` and `late` (by more than 10 ms) count the slots so far."""

    def __init__(self) -> None:
        self.slots = 0
        self.late = 0
        self._epoll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._due: list[list[Callable[[], None]]] = [[] for _ in range(PERIOD)]
        self._watch: list[Callable[[float], None]] = []
        self._next = time.monotonic()
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
        end = time.monotonic() + timeout
        while not done():
            if self._turn() > end:
                return False
        return True

    def run_for(self, seconds: float) -> None:
        """Go on for a while."""
        end = time.monotonic() + seconds
        while self._turn() < end:
            pass

    def close(self) -> None:
        """Give back what was taken; the sockets are their owners'."""
        self._epoll.close()

    def _turn(self) -> float:
        wait = self._next - time.monotonic()
        for descriptor, _ in self._epoll.poll(max(0.0, wait)):
            self._readers[descriptor]()
        now = time.monotonic()
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
