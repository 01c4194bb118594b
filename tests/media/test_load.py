"""How the engine's lateness is counted."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from gateway.media.clock import Clock
from gateway.media.load import LATENESS_BOUNDS, EngineLoad, Lateness


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
