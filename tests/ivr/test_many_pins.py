"""PINs for many rooms from two gateways over one file, one of which is killed meanwhile."""

import asyncio
import time
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, TCPConnector

from gateway.ivr.pin_database import PinDatabase
from tests.ivr.pin_service import MUC, POLICY, PinService, pin_service

AT_ONCE = 100  # requests that are under way
SHARED = 10  # each tenth room is asked for at both gateways at the same moment
DAY = 86_400.0


class Askers:
    """Browsers: they ask again as long as they get no answer."""

    def __init__(self, session: ClientSession, services: list[PinService]) -> None:
        self.services = services
        self.given: list[dict[str, int]] = [{}, {}]
        self.unanswered = 0
        """Requests that a killed gateway, or one that was not there, has not answered."""
        self._session = session

    async def ask(self, number: int, at: int) -> None:
        """One room's PIN, at one of the gateways."""
        room = f"room{number}@{MUC}"
        while True:
            told = await self._answer(f"{self.services[at].url}/conferenceMapper?conference={room}")
            if told is not None:
                break
            self.unanswered += 1
            await asyncio.sleep(0.01)
        assert told["conference"] == room
        self.given[at][room] = told["id"]

    async def ask_all(self, rooms: range) -> None:
        """Those of the rooms that are to be asked for here or there, or at both."""
        waiting = iter(
            (number, at)
            for number in rooms
            for at in (0, 1)
            if number % 2 == at or number % SHARED == 0
        )

        async def work() -> None:
            for number, at in waiting:
                await self.ask(number, at)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())

    async def _answer(self, url: str) -> Any:
        try:
            async with self._session.get(url) as response:
                assert response.status in (200, 503), await response.text()
                return await response.json() if response.status == 200 else None
        except (ClientError, OSError):
            return None


async def give_and_kill(file: Path, rooms: int) -> str:
    """Have PINs given, kill a gateway half-way and both in the end; tell how it was."""
    async with AsyncExitStack() as running:
        session = await running.enter_async_context(
            ClientSession(connector=TCPConnector(limit=AT_ONCE))
        )

        async def start() -> PinService:
            return await running.enter_async_context(pin_service(file))

        askers = Askers(session, list(await asyncio.gather(start(), start())))
        begun = time.monotonic()
        asking = asyncio.create_task(askers.ask_all(range(rooms)))
        while len(askers.given[0]) < rooms // 4:
            await asyncio.sleep(0.001)
            assert not asking.done()
        await askers.services[0].kill()
        before = dict(askers.given[0])
        askers.services[0] = await start()
        await asking
        took = time.monotonic() - begun

        here, there = askers.given
        together = here | there
        assert len(together) == rooms
        assert all(here[room] == there[room] for room in here.keys() & there.keys())
        assert here.keys() & there.keys(), "asked for at both"
        assert len(set(together.values())) == rooms, "a PIN was given twice"
        assert {len(str(pin)) for pin in together.values()} == {9}

        for service in askers.services:
            await service.kill()
        askers.services = [await start()]
        askers.given = [{}, {}]
        sample = range(0, rooms, max(1, rooms // 1_000))
        for number in sample:
            await askers.ask(number, 0)
        assert askers.given[0].items() <= together.items(), "a restart has lost a PIN"
    with closing(PinDatabase(file, POLICY, DAY)) as database:
        assert database.count == rooms
        kept = {room: database.known(room, time.time()) for room in together}
    assert kept == {room: str(pin) for room, pin in together.items()}
    return (
        f"{rooms} PINs of 9 digits, {AT_ONCE} requests at a time to two gateways over one file: "
        f"{took:.0f} s, no PIN twice; killed after {len(before)} answers of one, "
        f"{askers.unanswered} requests asked again, all {len(kept)} PINs kept"
    )


@pytest.mark.behaviour
async def test_gateways_that_are_killed_keep_every_pin_that_they_have_told(tmp_path: Path) -> None:
    await give_and_kill(tmp_path / "pins", 200)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
async def test_a_hundred_thousand_rooms_get_pins_at_once_from_two_gateways(tmp_path: Path) -> None:
    print("\n" + await give_and_kill(tmp_path / "pins", 100_000))
