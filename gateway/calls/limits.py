"""How long a call may last, and without people: forgotten phones cost money."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gateway.calls.end_reason import CallEnd, EndReason, Over
from gateway.conference import events as conference

WARNED = (5, 1)  # minutes before the call has lasted as long as it may


@dataclass(frozen=True, slots=True)
class Limits:
    """In seconds, None without a limit: of a call from its answer on, and of being alone.

    `only_phones` is how long it may have nobody but phones for company, `callers_per_room` how many
    calls of this gateway a room may have, None for any number.
    """

    duration: float | None = None
    alone: float | None = None
    only_phones: float | None = None
    callers_per_room: int | None = None


class LimitWatch:
    """Follows the participant's events while it is `run`; raises `Over` when a limit is reached."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._answered_at: float | None = None
        self._alone_since: float | None = None
        self._only_phones_since: float | None = None
        self._changed = asyncio.Event()
        self._begun = asyncio.Event()

    def answered(self) -> None:
        """The call lasts from now on."""
        self._answered_at = _now()
        self._begun.set()
        self._changed.set()

    def moved(self) -> None:
        """The call is in another room, whose company is not known yet."""
        self._alone_since = self._only_phones_since = None
        self._changed.set()

    def told(self, event: conference.Event) -> None:
        """Take an event of the participant."""
        match event:
            case conference.Alone() if self._alone_since is None:
                self._alone_since = _now()
            case conference.OccupantJoined() | conference.Moved() | conference.Rejoined():
                self._alone_since = None
            case conference.CompanyChanged(only_phones=only_phones):
                if only_phones is (self._only_phones_since is not None):
                    return
                self._only_phones_since = _now() if only_phones else None
            case _:
                return
        self._changed.set()

    async def run(self) -> None:
        """Wait, without end, for a limit to be reached."""
        while True:
            self._changed.clear()
            due, end = self._next()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
                    continue
            raise Over(end)

    async def warn(self, tell: Callable[[int], None]) -> None:
        """Tell, some minutes before, that the call will have lasted as long as it may."""
        if self._limits.duration is None:
            return
        await self._begun.wait()
        assert self._answered_at is not None
        end = self._answered_at + self._limits.duration
        for minutes in WARNED:
            left = end - minutes * 60 - _now()
            if left > 0:  # a call that may not last for so long is not told
                await asyncio.sleep(left)
                tell(minutes)

    def _next(self) -> tuple[float | None, CallEnd]:
        """When the first limit is reached, and the end of the call then."""
        found: list[tuple[float, CallEnd]] = []
        if self._limits.duration is not None and self._answered_at is not None:
            text = f"{self._limits.duration:g} s have passed"
            end = CallEnd(EndReason.TOO_LONG, text)
            found.append((self._answered_at + self._limits.duration, end))
        if self._limits.alone is not None and self._alone_since is not None:
            text = f"nobody came for {self._limits.alone:g} s"
            found.append((self._alone_since + self._limits.alone, CallEnd(EndReason.ALONE, text)))
        if self._limits.only_phones is not None and self._only_phones_since is not None:
            text = f"nobody but phones for {self._limits.only_phones:g} s"
            end = CallEnd(EndReason.ONLY_PHONES, text)
            found.append((self._only_phones_since + self._limits.only_phones, end))
        if not found:
            return None, CallEnd(EndReason.INTERNAL_ERROR, "no limit")
        return min(found, key=lambda each: each[0])


def _now() -> float:
    return asyncio.get_running_loop().time()
