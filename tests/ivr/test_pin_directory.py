"""Rooms of PINs and PINs of rooms, by all that is known; and the desk where PINs are tried."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.ivr.fixed_pins import FixedPin, FixedPins
from gateway.ivr.mapper_client import MapperClient
from gateway.ivr.mapper_search import Mapper
from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.pin_database import PinsUnavailable
from gateway.ivr.pin_desk import Clocks, PinDesk
from gateway.ivr.pin_directory import PinDirectory
from gateway.ivr.pin_guard import GuardPolicy, PinGuard, Wait
from gateway.ivr.pin_policy import NoPinLeft, PinPolicy
from gateway.ivr.pin_store import PinStore
from tests.ivr.test_mapper_client import broken, mapper, silent

DAY = 86_400.0
POLICY = PinPolicy()
ROOM = "standup@conference.meet.example.org"
FIXED = FixedPins(
    (
        FixedPin("1111", Meeting("board@conference.meet.example.org", "Ann", moderator=True)),
        FixedPin("2222", Meeting("hall@conference.meet.example.org")),
        FixedPin("3333", Meeting("early@conference.meet.example.org"), valid_from=1e12),
    )
)


def served(room: str) -> str | None:
    return room.lower() if room.lower().endswith("@conference.meet.example.org") else None


@asynccontextmanager
async def directory(
    tmp_path: Path,
    elsewhere: Callable[[web.Request], object] | None = None,
    policy: PinPolicy = POLICY,
    *,
    gives_pins: bool = False,
) -> AsyncIterator[PinDirectory]:
    """One with a database, and perhaps a mapper that answers like this."""
    async with AsyncExitStack() as parts:
        mappers: tuple[Mapper, ...] = ()
        if elsewhere is not None:
            url = await parts.enter_async_context(mapper(elsewhere))  # type: ignore[arg-type]
            mappers = (Mapper(url, timeout=2.0, retries=0, gives_pins=gives_pins),)
        client = await parts.enter_async_context(MapperClient(mappers))
        store = await parts.enter_async_context(PinStore(tmp_path / "pins", policy, 90 * DAY))
        yield PinDirectory(FIXED, store, client, served)


async def another(request: web.Request) -> web.Response:
    """A mapper with one room of ours, and one that nobody serves."""
    rooms = {"777": "Retro@conference.meet.example.org", "888": "x@elsewhere.org"}
    room = rooms.get(request.query["id"], False)
    return web.json_response({"conference": room, "id": request.query["id"]})


async def test_a_pin_that_was_given_out_is_found_until_it_expires(tmp_path: Path) -> None:
    async with directory(tmp_path) as pins:
        assert await pins.known_pin(ROOM, 0.0) is None
        pin = await pins.give_pin(ROOM, 0.0)
        assert await pins.known_pin(ROOM, 0.0) == pin
        assert await pins.find(pin, 1.0) == Meeting(ROOM)
        assert await pins.find(pin, 91 * DAY) is NoMeeting.EXPIRED
        assert await pins.find("999999999", 1.0) is NoMeeting.UNKNOWN
        assert await pins.find("no pin", 1.0) is NoMeeting.UNKNOWN


async def test_what_is_written_down_comes_first(tmp_path: Path) -> None:
    async with directory(tmp_path) as pins:
        found = await pins.find("1111", 0.0)
        assert found == Meeting("board@conference.meet.example.org", "Ann", moderator=True)
        assert await pins.find("3333", 0.0) is NoMeeting.TOO_EARLY
        assert await pins.known_pin("hall@conference.meet.example.org", 0.0) == "2222"
        assert await pins.give_pin("hall@conference.meet.example.org", 0.0) == "2222"
        personal = await pins.give_pin("board@conference.meet.example.org", 0.0)
        assert personal != "1111", "that is Ann's alone"


async def test_a_pin_that_becomes_a_persons_own_is_shown_in_its_room_no_longer(
    tmp_path: Path,
) -> None:
    async with directory(tmp_path) as pins:
        pin = await pins.give_pin(ROOM, 0)
        meeting = Meeting(ROOM, "Ann", moderator=True)
        pins.fixed = FixedPins((FixedPin(pin, meeting),))
        assert await pins.known_pin(ROOM, 1) is None
        other = await pins.give_pin(ROOM, 1)
        assert other != pin
        assert await pins.known_pin(ROOM, 2) == other
        assert await pins.find(pin, 2) == meeting


async def test_how_long_a_pin_may_be_is_known(tmp_path: Path) -> None:
    """So that one that is complete needs no key after it."""
    async with directory(tmp_path) as pins:
        assert pins.longest == 9
    async with directory(tmp_path, policy=PinPolicy(digits=4, odds=1_000)) as pins:
        assert pins.longest == 4
        for number in range(10):  # there are nine of four digits
            await pins.give_pin(f"room{number}@conference.meet.example.org", 0.0)
        assert pins.longest == 5
    async with directory(tmp_path, policy=PinPolicy(digits=4, odds=1_000)) as pins:
        assert pins.longest == 5, "after a restart, too"
    async with directory(tmp_path, another) as pins:
        assert pins.longest == 15, "others may have such"


async def test_other_mappers_come_last_and_only_rooms_that_are_served_count(
    tmp_path: Path,
) -> None:
    async with directory(tmp_path, another) as pins:
        assert await pins.find("777", 0.0) == Meeting("retro@conference.meet.example.org")
        assert await pins.find("888", 0.0) is NoMeeting.UNKNOWN
        assert await pins.find("999", 0.0) is NoMeeting.UNKNOWN


async def giver(request: web.Request) -> web.Response:
    """A mapper that gives rooms PINs; one of them it has given twice."""
    pins = {"retro": "777000777", "lost": "777000777", "taken": "1111"}
    if (room := request.query.get("conference")) is not None:
        pin = pins.get(room.partition("@")[0])
        return web.json_response({"conference": room if pin else False, "id": pin})
    room = "retro@conference.meet.example.org" if request.query["id"] == "777000777" else False
    return web.json_response({"conference": room, "id": request.query["id"]})


async def test_where_another_mapper_gives_pins_none_are_given_out_here(tmp_path: Path) -> None:
    at = "conference.meet.example.org"
    async with directory(tmp_path, giver, gives_pins=True) as pins:
        assert await pins.known_pin(f"retro@{at}", 0.0) is None
        assert await pins.give_pin(f"retro@{at}", 0.0) == "777000777"
        assert await pins.known_pin(f"retro@{at}", 0.0) == "777000777"
        assert await pins.give_pin(f"hall@{at}", 0.0) == "2222", "what is written down comes first"
        for room in (f"lost@{at}", f"taken@{at}"):
            with pytest.raises(PinsUnavailable, match="of no use here"):
                await pins.give_pin(room, 0.0)
            assert await pins.known_pin(room, 0.0) is None
        with pytest.raises(NoPinLeft):
            await pins.give_pin(f"other@{at}", 0.0)
    async with directory(tmp_path, broken, gives_pins=True) as pins:
        with pytest.raises(PinsUnavailable, match="could say"):
            await pins.give_pin(f"retro@{at}", 0.0)


async def test_that_nobody_can_say_is_told_as_that(tmp_path: Path) -> None:
    async with directory(tmp_path, broken) as pins:
        assert await pins.find("777", 0.0) is NoMeeting.UNAVAILABLE


class Time:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def desk(
    tmp_path: Path, elsewhere: Callable[[web.Request], object] | None = None
) -> AsyncIterator[tuple[PinDesk, Time]]:
    time = Time()
    async with directory(tmp_path, elsewhere) as pins:
        yield PinDesk(pins, PinGuard(GuardPolicy()), Clocks(time, time)), time


async def test_who_guesses_has_to_wait_even_with_a_right_pin(tmp_path: Path) -> None:
    async with desk(tmp_path) as (pins, time):
        for _ in range(3):
            assert await pins.present("9999", "+431", "sip") is NoMeeting.UNKNOWN
        wait = await pins.present("1111", "+431", "sip")
        assert isinstance(wait, Wait)
        time.now += wait.seconds
        assert isinstance(await pins.present("1111", "+431", "sip"), Meeting)
        outcomes = {outcome: count for (_, outcome), count in pins.tries.items()}
        assert outcomes == {"unknown": 3, "delayed": 1, "found": 1}


async def test_guessing_is_told_once_and_without_pins(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with desk(tmp_path) as (pins, time):
            for number in range(60):
                time.now += 7.0
                await pins.present("987650", f"+1{number}", "sip")
            assert pins.alarms == {"sip"}
            time.now += 3_600.0
            assert pins.alarms == frozenset()
    assert [entry["event"] for entry in logs] == ["somebody guesses PINs"]
    assert "98765" not in str(logs)


async def test_a_mapper_that_is_down_is_nobodys_mistake(tmp_path: Path) -> None:
    async with desk(tmp_path, broken) as (pins, _):
        for _ in range(10):
            assert await pins.present("777", "+431", "sip") is NoMeeting.UNAVAILABLE
        assert isinstance(await pins.present("1111", "+431", "sip"), Meeting)


async def test_who_hangs_up_while_a_mapper_thinks_has_learned_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path, silent) as (pins, _):
        for _ in range(10):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await pins.present("777", "+431", "sip")
        assert isinstance(await pins.present("1111", "+431", "sip"), Meeting)
        assert pins.tries == {("sip", "found"): 1}  # and nobody was unavailable
