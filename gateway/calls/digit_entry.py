"""A number that a caller types: `#` ends it, `*` starts it over.

What is typed may be a PIN: nothing here is logged.
"""

import asyncio
from collections.abc import Callable

from gateway.ivr.typed_number import MAX_LENGTH, TypedNumber

FIRST_WITHIN = 20.0  # seconds until the first key
NEXT_WITHIN = 5.0  # seconds after which a number is complete


class DigitEntry:
    """One number that is waited for: `pressed` takes keys while `read` runs.

    A pause ends it as well. `begun` is told of each key: what asks for the number may fall silent.
    """

    def __init__(self, begun: Callable[[], None] = lambda: None) -> None:
        self._begun = begun
        self._keys: asyncio.Queue[str] = asyncio.Queue(maxsize=MAX_LENGTH)

    def pressed(self, key: str) -> None:
        """The caller has pressed a key: 0-9, `*`, `#`, A-D."""
        if not self._keys.full():
            self._keys.put_nowait(key)

    async def read(self) -> str | None:
        """The number; None if nothing was typed in time."""
        typed = TypedNumber()
        while True:
            patience = NEXT_WITHIN if typed.digits else FIRST_WITHIN
            try:
                async with asyncio.timeout(patience):
                    key = await self._keys.get()
            except TimeoutError:
                return typed.digits or None
            self._begun()
            number = typed.pressed(key)
            if number is not None:
                return number or None
