"""All the breweries in which this gateway waits."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from gateway.conference.brewery import Brewery, BreweryAccount, BreweryStats, PlaceCall
from gateway.conference.login import Connect
from gateway.xmpp.client import connect as connect_by_tcp

log = structlog.get_logger(__name__)


class Breweries:
    """Runs them between `async with` and its end; they may come and go meanwhile."""

    def __init__(
        self,
        dial: PlaceCall,
        stats: Callable[[], BreweryStats],
        connect: Connect = connect_by_tcp,
    ) -> None:
        self._dial = dial
        self._stats = stats
        self._connect = connect
        self._breweries: dict[str, Brewery] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._is_open = False

    async def __aenter__(self) -> Self:
        self._is_open = True
        for id_ in self._breweries:
            self._run(id_)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_open = False
        for task in self._running.values():
            task.cancel()
        if self._running:
            await asyncio.wait(self._running.values())
        self._running.clear()

    def add(self, account: BreweryAccount) -> None:
        """Wait in one more; ValueError if there is one of that id."""
        if account.id in self._breweries:
            raise ValueError(f"there is a brewery {account.id!r} already")
        self._breweries[account.id] = Brewery(account, self._stats, self._dial, self._connect)
        if self._is_open:
            self._run(account.id)

    async def remove(self, id_: str) -> bool:
        """Leave one; calls that it has ordered go on. False if there is none of that id."""
        if self._breweries.pop(id_, None) is None:
            return False
        task = self._running.pop(id_, None)
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        log.info("brewery left", id=id_)
        return True

    @property
    def present(self) -> dict[str, bool]:
        """Each by its id, and whether we are in it just now."""
        return {id_: brewery.is_present for id_, brewery in self._breweries.items()}

    def _run(self, id_: str) -> None:
        task = asyncio.create_task(self._breweries[id_].run(), name=f"brewery {id_}")
        task.add_done_callback(_report)
        self._running[id_] = task


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("a brewery is waited in no more", exc_info=task.exception())
