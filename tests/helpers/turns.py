"""How much is done in one turn of the event loop."""

import asyncio
from collections import Counter
from typing import Self


class Turns:
    """Counts the turns of the loop within `with`; `note` takes down that something is done now."""

    def __init__(self) -> None:
        self.noted: list[int] = []
        self._turn = 0
        self._next: asyncio.Handle

    def __enter__(self) -> Self:
        self._count()
        return self

    def __exit__(self, *_: object) -> None:
        self._next.cancel()

    def note(self, *_: object) -> None:
        self.noted.append(self._turn)

    @property
    def most(self) -> int:
        """How much was done in one turn."""
        return max(Counter(self.noted).values())

    def _count(self) -> None:
        self._turn += 1
        self._next = asyncio.get_running_loop().call_soon(self._count)
