"""How the engine's lateness is counted."""

import asyncio
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import bound_contextvars, get_contextvars

from gateway.media.clock import Clock
from gateway.media.load import LATENESS_BOUNDS, EngineLoad, Lateness, LateShare, together


@given(st.lists(st.floats(0, 1)))
def test_every_tick_is_in_the_bucket_of_its_lateness(seconds: list[float]) -> None:
    lateness = Lateness()
    for each in seconds:
        lateness.add(each)
    assert sum(lateness.counts) == len(seconds)
    for at, bound in enumerate(LATENESS_BOUNDS):
        assert sum(lateness.counts[: at + 1]) == sum(each <= bound for each in seconds)


def test_stress_is_1_where_callers_begin_to_hear_it() -> None:
    assert EngineLoad(late_share=0.02).stress == 1
    assert EngineLoad().stress == 0


async def test_a_clock_tells_of_its_ticks_and_of_its_rest() -> None:
    ticked = asyncio.Event()
    clock = Clock(lambda slot, now: ticked.set() if clock.ticks >= 3 else None)
    assert clock.load(0.0) == EngineLoad()
    clock.start()
    started = clock.load(0.0)
    assert started.is_ticking
    await ticked.wait()
    load = clock.load(0.25)
    assert load.last_tick > started.last_tick
    assert sum(load.lateness) == clock.ticks
    assert load.late_share == 0.25
    clock.stop()
    assert not clock.load(0.0).is_ticking


async def test_slots_without_work_are_slept_through() -> None:
    ticked: list[int] = []
    done = asyncio.Event()

    def tick(slot: int, now: float) -> None:
        ticked.append(slot)
        if len(ticked) == 12:
            done.set()

    clock = Clock(tick, lambda slot: slot in (3, 7))
    clock.start()
    await done.wait()
    clock.stop()
    assert ticked[:12] == [0, 3, 7] * 4
    assert clock.ticks == len(ticked)


async def test_lost_time_is_told_by_whole_rounds() -> None:
    lost: list[float] = []
    ticked = asyncio.Event()
    clock = Clock(lambda slot, now: ticked.set(), lost=lost.append)
    clock.start()
    await ticked.wait()
    lost.clear()
    skipped = clock.skipped
    time.sleep(0.255)  # noqa: ASYNC251 - the stall
    ticked.clear()
    await ticked.wait()
    clock.stop()
    assert len(lost) == 1
    assert lost[0] >= 0.2
    assert lost[0] / 0.02 == pytest.approx(round(lost[0] / 0.02))
    assert clock.skipped - skipped == round(lost[0] / 0.002)


def test_the_share_of_late_ticks_is_that_since_it_was_asked_before() -> None:
    share = LateShare()
    told = [
        share.since_then(late, ticks) for late, ticks in [(0, 0), (5, 100), (5, 200), (15, 210)]
    ]
    assert told == [0.0, 0.05, 0.0, 1.0]


async def test_what_a_clock_logs_has_no_calls_id() -> None:
    ticked: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def tick(slot: int, now: float) -> None:
        if not ticked.done():
            ticked.set_result(get_contextvars())

    clock = Clock(tick)
    with bound_contextvars(call="the first"):
        clock.start()
    assert "call" not in await ticked
    clock.stop()


async def test_a_clock_that_a_mistake_has_stopped_seems_to_tick_but_does_not() -> None:
    failed = asyncio.Event()

    def fail(slot: int, now: float) -> None:
        failed.set()
        raise AssertionError

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    clock = Clock(fail)
    clock.start()
    await failed.wait()
    stalled_at = clock.load(0.0).last_tick
    await asyncio.sleep(0.01)
    assert clock.load(0.0).is_ticking
    assert clock.load(0.0).last_tick == stalled_at


def test_stress_is_that_of_what_is_scarcer() -> None:
    assert EngineLoad(late_share=0.01, cpu_share=0.85).stress == 1
    assert EngineLoad(late_share=0.04, cpu_share=0.85).stress == 2
    assert EngineLoad(down_since=5.0).stress == 1


def counted(late: int, stall: float, bucket: int, **others: Any) -> EngineLoad:
    lateness = [0] * (len(LATENESS_BOUNDS) + 1)
    lateness[bucket] = late
    return EngineLoad(
        late=late,
        skipped=1,
        longest_stall=stall,
        lateness=tuple(lateness),
        lateness_sum=late * 0.01,
        deaths=1,
        **others,
    )


def test_what_a_dead_process_has_counted_stays_counted() -> None:
    past = counted(3, 0.5, 2, late_share=0.9, cpu_share=0.9, calls=4)
    load = counted(2, 0.1, 3, late_share=0.01, cpu_share=0.2, calls=1).after(past)
    assert (load.late, load.skipped, load.deaths, load.longest_stall) == (5, 2, 2, 0.5)
    assert load.lateness == (0, 0, 3, 2, 0, 0, 0, 0, 0)
    assert load.lateness_sum == pytest.approx(0.05)
    assert (load.late_share, load.cpu_share, load.calls) == (0.01, 0.2, 1)


def test_several_engines_are_as_busy_as_the_least_busy_one() -> None:
    busy = counted(3, 0.5, 2, cpu_share=0.9, calls=4)
    idle = counted(2, 0.1, 3, cpu_share=0.1, calls=1)
    down = EngineLoad(down_since=7.0)
    whole = together([busy, down, idle])
    assert whole.stress == idle.stress
    assert whole.down_since is None
    assert (whole.calls, whole.late, whole.longest_stall) == (5, 5, 0.5)
    assert sum(whole.lateness) == 5


def test_without_any_engine_there_is_no_carrying_more() -> None:
    assert together([EngineLoad(down_since=7.0), EngineLoad(down_since=8.0)]).stress == 1
