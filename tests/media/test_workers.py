"""Media workers, without a conference: what they answer, and what is answered for dead ones."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.errors import MediaError
from gateway.media import messages as m
from gateway.media.engine_config import EngineConfig
from gateway.media.worker_messages import Begin
from gateway.media.workers import MediaWorkers

pytestmark = pytest.mark.behaviour  # processes are started in every one of them

WHOLE = EngineConfig(phone_hosts=("127.0.0.1",), first_port=26000, last_port=26007)


@dataclass
class Stage:
    """Workers, and the events they have reported."""

    workers: MediaWorkers
    events: list[m.Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def emit(self, event: m.Event) -> None:
        self.events.append(event)
        self.changed.set()

    async def event(self, kind: type[m.Event], call: str) -> m.Event:
        """Wait for an event of a call, and take it."""
        await self.until(lambda: self._find(kind, call) is not None)
        found = self._find(kind, call)
        assert found is not None
        self.events.remove(found)
        return found

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def open(self, call: str, room: str) -> m.Address:
        self.workers.execute(m.OpenPhone(call, room))
        opened = await self.event(m.PhoneOpened, call)
        assert isinstance(opened, m.PhoneOpened)
        return opened.address

    async def up(self) -> None:
        """Return when all workers are there."""
        async with asyncio.timeout(20):
            while any(load.down_since is not None for load in self.workers.loads):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def stop(self, worker: int) -> None:
        """Have it stand still: it neither reads nor says anything, and is not dead."""
        pid = self.workers.pids[worker]
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)

    def kill(self, worker: int) -> None:
        pid = self.workers.pids[worker]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def _find(self, kind: type[m.Event], call: str) -> m.Event | None:
        named = (each for each in self.events if isinstance(each, kind) and each.call == call)
        return next(named, None)


@asynccontextmanager
async def stage(workers: int) -> AsyncIterator[Stage]:
    begins = tuple(
        Begin(part, number, log_level="error", log_format="json")
        for number, part in enumerate(WHOLE.divided(workers))
    )
    made = Stage(MediaWorkers(begins, lambda event: made.emit(event)))  # noqa: PLW0108
    await made.workers.start()
    try:
        yield made
    finally:
        await made.workers.close()
    assert made.workers.calls == 0


async def test_a_worker_has_no_thread_for_each_core() -> None:
    async with stage(workers=1) as scene:
        pid = scene.workers.pids[0]
        assert len(os.listdir(f"/proc/{pid}/task")) <= 2  # itself, and its log's


async def test_each_worker_has_ports_of_its_own() -> None:
    async with stage(2) as scene:
        ports = [(await scene.open(room, room))[1] for room in ("red", "green")]
        assert [load.calls for load in scene.workers.loads] == [1, 1]
        half = WHOLE.first_port + 4
        assert [port >= half for port in ports] == [False, True]  # the first may be taken
        for room in ("red", "green"):
            scene.workers.execute(m.Close(room))
            closed = await scene.event(m.Closed, room)
            assert isinstance(closed, m.Closed)
        scene.workers.execute(m.Close("nobody"))
        assert scene.events.pop() == m.Closed("nobody", m.CallReport())
        scene.workers.execute(m.Mute("nobody", True))
        with pytest.raises(ValueError, match="is open already"):
            for _ in range(2):
                scene.workers.execute(m.OpenPhone("twice"))
        await scene.event(m.PhoneOpened, "twice")


async def test_what_a_dead_worker_cannot_answer_is_answered_for_it() -> None:
    async with stage(1) as scene:
        address = await scene.open("goes on", "red")
        await scene.open("closes", "red")
        scene.stop(0)
        scene.workers.execute(m.Close("closes"))
        scene.workers.execute(m.OpenPhone("begins", "red"))
        scene.kill(0)
        await scene.event(m.Closed, "closes")
        await scene.event(m.EngineLost, "begins")
        await scene.event(m.EngineLost, "goes on")
        assert scene.events == []
        assert scene.workers.calls == 0

        scene.workers.execute(m.OpenPhone("too early"))
        assert scene.events.pop() == m.Failed("too early", "OpenPhone", "no media worker is up")
        scene.workers.execute(m.Close("too early"))
        assert scene.events.pop() == m.Closed("too early", m.CallReport())

        await scene.up()
        assert await scene.open("later", "red") == address, "its ports are free again"


async def test_a_worker_that_hangs_is_as_good_as_dead_and_is_replaced(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.media.worker_process._SILENT_FOR", 2)
    async with stage(2) as scene:
        await scene.open("hangs", "red")
        await scene.open("goes on", "green")
        scene.stop(0)
        await scene.event(m.EngineLost, "hangs")
        assert scene.workers.loads[1].calls == 1
        await scene.up()
        assert [load.deaths for load in scene.workers.loads] == [1, 0]
        await scene.open("later", "red")
        assert [load.calls for load in scene.workers.loads] == [1, 1]
        scene.workers.execute(m.Close("goes on"))
        await scene.event(m.Closed, "goes on")


async def test_a_worker_that_does_not_read_is_as_good_as_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.media.worker_process._SILENT_FOR", 1000)
    async with stage(1) as scene:
        await scene.open("call", "red")
        scene.stop(0)
        many = tuple(m.Source(number, f"endpoint {number}") for number in range(10_000))
        for _ in range(80):
            scene.workers.execute(m.SetSources("call", "sid", many))
        await scene.event(m.EngineLost, "call")


async def test_an_order_that_fails_by_our_mistake_ends_its_call_only(
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with stage(1) as scene:
        await scene.open("call", "red")
        nothing = m.PhoneMedia(None, None, "127.0.0.1", payloads=())
        scene.workers.execute(m.ConnectPhone("call", nothing))
        failed = await scene.event(m.Failed, "call")
        assert failed == m.Failed("call", "ConnectPhone", "internal error")
        assert await scene.open("another", "red")
    told = json.loads(capfd.readouterr().err)
    assert (told["event"], told["call"], told["worker"]) == ("order failed", "call", 0)


async def test_a_new_level_of_the_log_holds_in_workers_and_in_who_takes_their_place(
    capfd: pytest.CaptureFixture[str],
) -> None:
    told: list[str] = []

    async def address_too_late(scene: Stage, call: str) -> None:
        await scene.open(call, "red")
        scene.workers.execute(m.Close(call))
        scene.workers.execute(m.Mute(call, True))
        await scene.event(m.Closed, call)

    async def until_told_of(call: str) -> None:
        async with asyncio.timeout(20):
            while call not in told:
                await asyncio.sleep(0.01)
                lines = capfd.readouterr().err.splitlines()
                entries = [json.loads(line) for line in lines if line.startswith("{")]
                told.extend(entry["call"] for entry in entries if entry["level"] == "debug")

    async with stage(1) as scene:
        await address_too_late(scene, "before")
        scene.workers.set_log_level("debug")
        await address_too_late(scene, "after")
        await until_told_of("after")
        await scene.open("lost", "red")
        scene.kill(0)
        await scene.event(m.EngineLost, "lost")
        await scene.up()
        await address_too_late(scene, "later")
        await until_told_of("later")
    assert told == ["after", "later"]


async def test_workers_that_cannot_begin_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    monkeypatch.setattr("gateway.media.workers._START_WITHIN", 0.2)
    with pytest.raises(MediaError, match="do not start"):
        async with stage(2):
            raise AssertionError("they have begun")


@pytest.mark.soak  # it takes as long as a worker is waited for
async def test_a_gateway_that_stood_still_itself_does_not_take_its_workers_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.media.worker_process._SILENT_FOR", 2)
    async with stage(1) as scene:
        await scene.open("call", "red")
        pids = scene.workers.pids
        await asyncio.sleep(1.5)  # a report has come, and counts
        time.sleep(3.0)  # noqa: ASYNC251 - the stall
        await asyncio.sleep(2.5)
        assert scene.workers.pids == pids
        assert scene.events == []


async def test_a_long_name_for_a_room_full_of_callers_ends_nobody_s_call() -> None:
    name = m.Sampled(bytes(2 * 16000 * 6))
    async with stage(1) as there:
        for number in range(4):
            await there.open(f"call{number}", "room")
        for number in range(12):
            there.workers.execute(m.Say(f"call{number % 4}", number, (name,)))
        await there.event(m.Played, "call0")  # each ends the one before
        assert not any(isinstance(event, m.EngineLost) for event in there.events)
