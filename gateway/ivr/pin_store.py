"""The database of PINs, in a thread of its own: a slow disk must not hold up the calls."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from gateway.ivr.pin_database import GivenRoom, PinDatabase
from gateway.ivr.pin_policy import PinPolicy

Result = TypeVar("Result")


class PinStore:
    """`async with` it. PinsUnavailable whenever the file cannot be used, from the beginning on."""

    def __init__(self, file: Path, policy: PinPolicy, lifetime: float) -> None:
        self._open = lambda: PinDatabase(file, policy, lifetime)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pins")

    async def __aenter__(self) -> Self:
        try:
            self._database = await self._run(self._open)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._run(self._database.close)
        finally:
            self._thread.shutdown(wait=False)

    async def known(self, room: str, now: float) -> str | None:
        """The room's PIN, if it has one that is not expired."""
        return await self._run(lambda: self._database.known(room, now))

    async def give(
        self, room: str, now: float, is_taken: Callable[[str], bool] = lambda pin: False
    ) -> str:
        """The room's PIN, a new one if it has none; NoPinLeft if there may be no more.

        `is_taken` is asked in that thread whether somebody else has given a PIN out.
        """
        return await self._run(lambda: self._database.give(room, now, is_taken))

    async def find(self, pin: str, now: float) -> GivenRoom | None:
        """Whose PIN it is."""
        return await self._run(lambda: self._database.find(pin, now))

    async def count(self) -> int:
        """How many PINs there are."""
        return await self._run(lambda: self._database.count)

    async def _run(self, job: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)
