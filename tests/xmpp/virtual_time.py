"""Coroutines in virtual time: nothing sleeps, and a program that waits for nothing is found out."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

Result = TypeVar("Result")


class WaitsForNothing(AssertionError):
    """Every task waits for something that will never happen."""


class _Selector(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise WaitsForNothing
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer whenever nothing else is to be done."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        self.unhandled: list[str] = []
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    def timers(self) -> list[asyncio.TimerHandle]:
        return [timer for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]

    def call_exception_handler(self, context: Mapping[str, Any]) -> None:
        self.unhandled.append(f"unhandled in the loop: {context}")  # nobody may see it raised
        raise AssertionError(self.unhandled[-1])


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end; no task and no timer may be left then."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        result = runner.run(main)
        loop = runner.get_loop()
        assert isinstance(loop, VirtualTimeLoop)
        assert not (left := asyncio.all_tasks(loop)), f"tasks left behind: {left}"
        assert not loop.timers(), "timers left behind"
        assert not loop.unhandled, loop.unhandled
        return result


def in_virtual_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a test of a coroutine that is one."""

    @functools.wraps(test)
    def in_virtual_time_(*args: Any, **kwargs: Any) -> None:
        run(test(*args, **kwargs))

    return in_virtual_time_
