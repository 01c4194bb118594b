"""What has been read at the start is read anew: when somebody says so, or when it has changed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

log = structlog.get_logger(__name__)


class Reloading:
    """Has things taken up by `take_up` when told to. `close` it.

    With an `interval`, in seconds, it also looks that often whether that `is_due`.
    """

    def __init__(
        self,
        take_up: Callable[[], Awaitable[None]],
        *,
        name: str,
        interval: float | None = None,
        is_due: Callable[[], bool] = lambda: False,
    ) -> None:
        self._take_up = take_up
        self._interval = interval
        self._is_due = is_due
        self._asked = asyncio.Event()
        self._name = name
        self._task = asyncio.create_task(self._watch(), name=name)

    def reload(self) -> None:
        """Take them up soon; what is wrong with them is told in the log."""
        self._asked.set()

    async def close(self) -> None:
        """Take up nothing more."""
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def _watch(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._asked.wait()
            if self._asked.is_set() or self._is_due():
                self._asked.clear()
                try:
                    await self._take_up()
                except Exception:  # a mistake of ours is not to be the last that is taken up
                    log.exception("nothing was taken up", what=self._name)
