"""PINs that an operator has written down are read anew when somebody says so. [io]"""

import asyncio
from collections.abc import Callable

import structlog

from gateway.errors import ConfigError
from gateway.ivr.fixed_pins import FixedPin

log = structlog.get_logger(__name__)

Pins = tuple[FixedPin, ...]


class PinsWatch:
    """Has PINs `read` when told to and `use`d from then on; `read` may raise ConfigError, the
    former then stay. `close` it."""

    def __init__(self, read: Callable[[], Pins], use: Callable[[Pins], None]) -> None:
        self._read = read
        self._use = use
        self._asked = asyncio.Event()
        self._task = asyncio.create_task(self._watch(), name="PINs")

    def reload(self) -> None:
        """Read them; what is wrong with them is told in the log."""
        self._asked.set()

    async def close(self) -> None:
        """Read no more."""
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def _watch(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                pins = await asyncio.to_thread(self._read)  # thousands would stall all calls
            except ConfigError as error:
                log.error("PINs cannot be used, the former stay", problems=error.problems)
            else:
                self._use(pins)
                log.info("PINs taken up", pins=len(pins))
