"""The database of PINs, in a thread of its own: a slow disk must not hold up the calls."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from gateway.ivr.pin_database import Asked, GivenRoom, PinDatabase
from gateway.ivr.pin_policy import NoPinLeft, PinPolicy

AT_ONCE = 200  # rooms that get PINs in one transaction

Result = TypeVar("Result")


class PinStore:
    """`async with` it. PinsUnavailable whenever the file cannot be used, from the beginning on."""

    def __init__(self, file: Path, policy: PinPolicy, lifetime: float) -> None:
        self._open = lambda: PinDatabase(file, policy, lifetime)
        self.longest = policy.digits
        """How many digits the longest PIN has that was given out, or the next one has."""
        self._waiting: deque[tuple[Asked, Future[str]]] = deque()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pins")

    async def __aenter__(self) -> Self:
        try:
            self._database = await self._run(self._open)
        except BaseException:
            self._thread.shutdown(wait=False)
            raise
        self.longest = max(self.longest, await self._run(lambda: self._database.longest))
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

    async def give(self, asked: Asked) -> str:
        """The room's PIN, a new one if it has none; NoPinLeft if there may be no more.

        `is_taken` is asked in that thread. Who asks while others wait is served together with them.
        """
        answer: Future[str] = Future()
        self._waiting.append((asked, answer))
        self._thread.submit(self._give)
        return await asyncio.wrap_future(answer)

    async def find(self, pin: str, now: float) -> GivenRoom | None:
        """Whose PIN it is."""
        return await self._run(lambda: self._database.find(pin, now))

    async def count(self) -> int:
        """How many PINs there are."""
        return await self._run(lambda: self._database.count)

    def _give(self) -> None:
        """In the thread: serve those who wait, if somebody still does."""
        count = min(len(self._waiting), AT_ONCE)
        waiting = [self._waiting.popleft() for _ in range(count)]
        served = [each for each in waiting if each[1].set_running_or_notify_cancel()]
        try:
            given = self._database.give(asked for asked, _ in served) if served else []
        except Exception as error:  # PinsUnavailable, or a mistake of ours: nobody waits for ever
            for _, answer in served:
                answer.set_exception(error)
            return
        for (_, answer), pin in zip(served, given, strict=True):
            if isinstance(pin, NoPinLeft):
                answer.set_exception(pin)
            else:
                answer.set_result(pin)
                self.longest = max(self.longest, len(pin))

    async def _run(self, job: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, job)
