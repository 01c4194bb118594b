"""The database in its thread."""

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.ivr.pin_database import Asked, GivenRoom, PinsUnavailable
from gateway.ivr.pin_policy import PinPolicy
from gateway.ivr.pin_store import PinStore

LIFETIME = 86_400.0


async def test_many_who_ask_at_once_get_one_pin_a_room(tmp_path: Path) -> None:
    async with PinStore(tmp_path / "pins", PinPolicy(), LIFETIME) as store:
        rooms = [f"{number % 100}@c.d" for number in range(300)]
        pins = await asyncio.gather(*(store.give(Asked(room, 0.0)) for room in rooms))
        by_room = dict(zip(rooms, pins, strict=True))
        assert pins == [by_room[room] for room in rooms]
        assert len(set(by_room.values())) == await store.count() == 100
        assert await store.find(pins[7], 1.0) == GivenRoom("7@c.d", False)


async def test_the_thread_ends_with_it(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    async with PinStore(tmp_path / "pins", PinPolicy(), LIFETIME) as store:
        await store.give(Asked("a@c.d", 0.0))
        (thread,) = set(threading.enumerate()) - before
    thread.join(5.0)
    assert not thread.is_alive()


async def test_a_mistake_leaves_nobody_waiting(tmp_path: Path) -> None:
    def mistaken(_: str) -> bool:
        raise LookupError("a mistake")

    async with PinStore(tmp_path / "pins", PinPolicy(), LIFETIME) as store:
        with pytest.raises(LookupError):
            await store.give(Asked("a@c.d", 0.0, mistaken))
        pin = await store.give(Asked("a@c.d", 0.0))
        assert await store.known("a@c.d", 0.0) == pin


async def test_who_stops_waiting_is_no_harm_to_others(tmp_path: Path) -> None:
    async with PinStore(tmp_path / "pins", PinPolicy(), LIFETIME) as store:
        asking = [
            asyncio.create_task(store.give(Asked(f"{number}@c.d", 0.0))) for number in range(20)
        ]
        await asyncio.sleep(0)
        for task in asking[::2]:
            task.cancel()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(each, str) for each in answers[1::2])


async def test_a_file_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(PinsUnavailable, match=r"Is a directory|unable to open"):
        async with PinStore(tmp_path, PinPolicy(), LIFETIME):
            pass


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_a_hundred_thousand_pins_of_nine_digits_have_no_collision(tmp_path: Path) -> None:
    policy = PinPolicy(digits=9, odds=9_000, most_rooms=100_000)
    async with PinStore(tmp_path / "pins", policy, LIFETIME) as store:
        asking = (store.give(Asked(f"room{number}@c.d", 0.0)) for number in range(100_000))
        pins = await asyncio.gather(*asking)
        assert await store.count() == 100_000
    assert len(set(pins)) == 100_000
    assert {len(pin) for pin in pins} == {9}
    async with PinStore(tmp_path / "pins", policy, LIFETIME) as store:
        assert await store.give(Asked("room99999@c.d", 1.0)) == pins[-1]
