"""Calls that last too long, or are alone for too long, end."""

import asyncio

import pytest

from gateway.calls.end_reason import EndReason, Over
from gateway.calls.limits import Limits, LimitWatch
from gateway.conference.events import (
    Alone,
    CompanyChanged,
    MediaUp,
    Moved,
    OccupantJoined,
    Rejoined,
)
from tests.xmpp.virtual_time import in_virtual_time

BOTH = Limits(duration=100.0, alone=30.0)


def now() -> float:
    return asyncio.get_running_loop().time()


class Watched:
    """A watch that runs; `over` says when it ended the call, and why."""

    def __init__(self, limits: Limits) -> None:
        self.watch = LimitWatch(limits)
        self.running = asyncio.create_task(self.watch.run())
        self._since = now()

    async def over(self) -> tuple[float, EndReason]:
        with pytest.raises(Over) as raised:
            await self.running
        return now() - self._since, raised.value.end.reason

    async def goes_on(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        assert not self.running.done()


@in_virtual_time
async def test_a_call_ends_when_it_has_lasted_long_enough_since_its_answer() -> None:
    watched = Watched(BOTH)
    await watched.goes_on(500)
    watched.watch.answered()
    assert await watched.over() == (600.0, EndReason.TOO_LONG)


@in_virtual_time
async def test_a_call_ends_when_it_has_been_alone_long_enough() -> None:
    watched = Watched(BOTH)
    watched.watch.answered()
    watched.watch.told(Alone())
    await watched.goes_on(10)
    watched.watch.told(MediaUp())
    watched.watch.told(Alone())  # still
    assert await watched.over() == (30.0, EndReason.ALONE)


@pytest.mark.parametrize("company", [OccupantJoined("a", "Alice"), Moved("b@c"), Rejoined()])
def test_company_ends_being_alone(company: OccupantJoined | Moved | Rejoined) -> None:
    @in_virtual_time
    async def run() -> None:
        watched = Watched(BOTH)
        watched.watch.told(Alone())
        await watched.goes_on(29)
        watched.watch.told(company)
        await watched.goes_on(60)
        watched.watch.told(Alone())
        assert await watched.over() == (119.0, EndReason.ALONE)

    run()


@in_virtual_time
async def test_a_call_ends_when_it_has_had_nobody_but_phones_for_company_long_enough() -> None:
    watched = Watched(Limits(only_phones=60.0))
    watched.watch.told(CompanyChanged(people=0, phones=1))
    await watched.goes_on(59)
    watched.watch.told(CompanyChanged(people=1, phones=1))
    await watched.goes_on(100)
    watched.watch.told(CompanyChanged(people=0, phones=1))
    await watched.goes_on(30)
    watched.watch.told(CompanyChanged(people=0, phones=2))  # still
    assert await watched.over() == (219.0, EndReason.ONLY_PHONES)


@in_virtual_time
async def test_to_be_alone_is_another_limit_than_to_have_nobody_but_phones() -> None:
    watched = Watched(Limits(alone=100.0, only_phones=60.0))
    watched.watch.told(CompanyChanged(people=0, phones=1))
    await watched.goes_on(50)
    watched.watch.told(CompanyChanged(people=0, phones=0))
    watched.watch.told(Alone())
    assert await watched.over() == (150.0, EndReason.ALONE)


@in_virtual_time
async def test_without_limits_a_call_may_last_for_ever() -> None:
    watched = Watched(Limits())
    watched.watch.answered()
    watched.watch.told(Alone())
    watched.watch.told(CompanyChanged(people=0, phones=1))
    await watched.goes_on(1e7)
    watched.running.cancel()


@in_virtual_time
async def test_of_the_end_a_call_is_told_five_minutes_and_one_before() -> None:
    told: list[tuple[float, int]] = []
    watch = LimitWatch(Limits(duration=1000.0))
    begun = now()
    warning = asyncio.create_task(watch.warn(lambda minutes: told.append((now() - begun, minutes))))
    await asyncio.sleep(100)
    watch.answered()
    await warning
    assert told == [(100 + 1000 - 300, 5), (100 + 1000 - 60, 1)]


@pytest.mark.parametrize(("duration", "minutes"), [(300.0, [1]), (60.0, []), (None, [])])
def test_a_call_that_may_not_last_for_so_long_is_not_told(
    duration: float | None, minutes: list[int]
) -> None:
    @in_virtual_time
    async def run() -> None:
        told: list[int] = []
        watch = LimitWatch(Limits(duration=duration))
        watch.answered()
        await watch.warn(told.append)
        assert told == minutes

    run()
