"""Dialling in, composed: what PINs stand for, the desk that guards them, the public services."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.ivr.dial_in_counts import DialInCounts
from gateway.ivr.dial_in_http import DialInHttpConfig, DialInServer
from gateway.ivr.fixed_pins import FixedPin, FixedPins
from gateway.ivr.mapper_client import MapperClient
from gateway.ivr.mapper_search import Mapper
from gateway.ivr.phone_numbers import PhoneNumber
from gateway.ivr.pin_desk import Clocks, PinDesk
from gateway.ivr.pin_directory import PinDirectory, Served
from gateway.ivr.pin_entry import PinRules
from gateway.ivr.pin_guard import GuardPolicy, PinGuard
from gateway.ivr.pin_policy import PinPolicy
from gateway.ivr.pin_store import PinStore
from gateway.ivr.pins_watch import watch_pins
from gateway.reloading import Reloading


@dataclass(frozen=True, slots=True)
class DialInConfig:
    """PINs are in `database`, and expire `lifetime` seconds after they were last asked for.

    `fixed` are those that the operator has written down: their rooms may be names without a domain.
    """

    database: Path
    http: DialInHttpConfig
    policy: PinPolicy = field(default_factory=PinPolicy)
    lifetime: float = 90 * 86_400.0
    numbers: tuple[PhoneNumber, ...] = ()
    fixed: tuple[FixedPin, ...] = ()
    mappers: tuple[Mapper, ...] = ()


class DialIn:
    """Serves between `async with` and its end. `served` tells the rooms that may be joined,
    `reread` has the PINs that are written down as they are now, or raises ConfigError.

    OSError if it cannot listen, PinsUnavailable if the database cannot be used.
    """

    def __init__(
        self,
        config: DialInConfig,
        served: Served,
        reread: Callable[[], tuple[FixedPin, ...]] = tuple,
    ) -> None:
        clocks = Clocks(steady=lambda: asyncio.get_running_loop().time(), utc=time.time)
        self._store = PinStore(config.database, config.policy, config.lifetime)
        self._mappers = MapperClient(config.mappers)
        self._served = served
        self._reread = reread
        self._watch: Reloading | None = None
        fixed = FixedPins(_at_served_rooms(config.fixed, served))
        self.directory = PinDirectory(fixed, self._store, self._mappers, served)
        self.desk = PinDesk(self.directory, PinGuard(GuardPolicy()), clocks)
        self.server = DialInServer(config.http, config.numbers, self.directory, self.desk, clocks)
        self._parts = AsyncExitStack()

    @property
    def rules(self) -> PinRules:
        """How PINs are typed now: one that is as long as the longest needs no `#`."""
        return PinRules(longest=self.directory.longest)

    @property
    def counts(self) -> DialInCounts:
        """How it is now."""
        return DialInCounts(self.server.answers, self.desk.tries, self.desk.alarms)

    def reload(self) -> None:
        """Read the PINs that are written down anew; what is wrong with them is told in the log."""
        if self._watch is not None:
            self._watch.reload()

    def _use(self, fixed: tuple[FixedPin, ...]) -> None:
        self.directory.fixed = FixedPins(_at_served_rooms(fixed, self._served))

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as parts:
            self._watch = watch_pins(self._reread, self._use)
            parts.push_async_callback(self._watch.close)
            await parts.enter_async_context(self._mappers)
            await parts.enter_async_context(self._store)
            await parts.enter_async_context(self.server)
            self._parts = parts.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._parts.aclose()


def _at_served_rooms(pins: tuple[FixedPin, ...], served: Served) -> tuple[FixedPin, ...]:
    """With the JIDs of their rooms; that they are served was checked with the configuration."""
    return tuple(
        replace(pin, meeting=replace(pin.meeting, room=served(pin.meeting.room) or ""))
        for pin in pins
    )
