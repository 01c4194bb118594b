"""Calls whose sound is carried by processes of their own, and what becomes of them if one dies."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.calls.end_reason import EndReason
from gateway.control.health import health
from gateway.lab.calm import in_calm
from gateway.lab.phone import NotAnswered, PhoneCall
from gateway.media.clock import Clock
from gateway.media.load import LATENESS_BOUNDS, together
from gateway.media.workers import MediaWorkers
from tests.behaviour.stage import PULSE, Stage, eventually, heard_in, names_in, stage

pytestmark = pytest.mark.behaviour

HOLE = 0.040  # seconds: what measuring leaves, and a packet
REPORTED = 1.2  # seconds until the workers have told how they are
BOUNDS = (0.0, 0.0, 0.0, *LATENESS_BOUNDS[3:], 1.0)  # above 5 ms it is a stall


class Clocks:
    """How late media is: in the workers, by what they report, and in the lab of this process."""

    def __init__(self, engine: MediaWorkers) -> None:
        self._engine = engine
        self._own = Clock(lambda slot, now: None)
        self._own.start()
        self._before = self._late()

    def stop(self) -> None:
        self._own.stop()

    @property
    def longest_stall(self) -> float:
        """Seconds; what stands still in the one may come on top of what does in the other."""
        new = [late - before for late, before in zip(self._late(), self._before, strict=True)]
        far = max((bound for bound, ticks in zip(BOUNDS, new, strict=True) if ticks), default=0.0)
        return self._own.longest_stall + far

    @longest_stall.setter
    def longest_stall(self, _: float) -> None:
        self._own.longest_stall = 0.0
        self._before = self._late()

    def _late(self) -> tuple[int, ...]:
        """Ticks of the workers that were so late."""
        return together(self._engine.loads).lateness


@asynccontextmanager
async def two_rooms() -> AsyncIterator[tuple[Stage, MediaWorkers, PhoneCall, PhoneCall]]:
    """Ann with a phone, and Bob with another; afterwards the workers are gone."""
    async with stage(media={"workers": 2}) as scene:
        engine = scene.gateway.engine
        assert isinstance(engine, MediaWorkers)
        pids = engine.pids
        await scene.speakers("room1", "ann")
        await scene.speakers("room2", "bob")
        first = await scene.dial("71", "phone")
        second = await scene.dial("72", "phone 2")
        await scene.media_up(first, second)
        await asyncio.sleep(1.0)
        yield scene, engine, first, second
        pids += engine.pids
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def hears(call: PhoneCall, name: str, clocks: Clocks) -> None:
    """The phone has heard `name` alone, and without a hole that is not the machine's."""
    samples = call.media.recording()
    assert names_in(samples) == {name}
    assert heard_in(samples)[name].longest_absence <= PULSE + HOLE + clocks.longest_stall


async def test_two_rooms_are_carried_by_two_workers() -> None:
    async with two_rooms() as (scene, engine, first, second):
        clocks = Clocks(engine)

        async def listen() -> None:
            first.media.frames.clear()
            second.media.frames.clear()
            await asyncio.sleep(2.0)
            await asyncio.sleep(REPORTED)
            hears(first, "ann", clocks)
            hears(second, "bob", clocks)

        await in_calm(clocks, listen)
        clocks.stop()
        assert [load.calls for load in engine.loads] == [1, 1]
        assert all(load.is_ticking and load.down_since is None for load in engine.loads)
        again = await scene.dial("71", "phone 2")
        assert [load.calls for load in engine.loads] == [2, 1], "calls of a room are together"
        for call in (first, second, again):
            call.hang_up()
        await scene.over()
        assert {record.end.reason for record in scene.records} == {EndReason.CALLER_HUNG_UP}
        reports = [record.report.from_phone.packets for record in scene.records]
        assert sorted(reports)[1] > 50, "the two that have listened have said something too"
        assert engine.calls == 0


async def test_a_worker_that_dies_ends_its_own_calls_and_is_replaced() -> None:
    async with two_rooms() as (scene, engine, first, second):
        clocks = Clocks(engine)

        async def listen() -> None:
            """Bob is heard on the one worker while the other dies and is replaced."""
            second.media.frames.clear()
            dead = engine.pids[0]
            assert dead is not None
            os.kill(dead, signal.SIGKILL)
            await eventually(lambda: engine.loads[0].down_since is not None, "its death")
            await eventually(lambda: engine.loads[0].down_since is None, "another worker")
            await asyncio.sleep(REPORTED)
            hears(second, "bob", clocks)

        await in_calm(clocks, listen)
        clocks.stop()
        async with asyncio.timeout(5):
            assert [reason.cause for reason in await first.ended()] == [503]
        assert [record.end.reason for record in scene.records] == [EndReason.MEDIA_LOST]
        assert engine.loads[0].deaths > 0 == engine.loads[1].deaths
        assert health(scene.gateway.snapshot())[1] == {}

        again = await scene.dial("71", "phone")
        await eventually(lambda: "ann" in names_in(again.media.recording()), "Ann's voice")
        assert [load.calls for load in engine.loads] == [1, 1]
        again.hang_up()
        second.hang_up()
        await scene.over()


async def test_a_call_that_comes_while_every_worker_is_too_busy_is_to_come_later() -> None:
    async with stage(media={"workers": 1}, sip={"max_stress": 1e-9}) as scene:
        await eventually(lambda: scene.gateway.snapshot().stress > 1e-9, "work for the worker")
        with pytest.raises(NotAnswered) as refusal:
            await scene.dial("71")
        assert refusal.value.status == 503
        assert scene.gateway.engine.calls == 0
