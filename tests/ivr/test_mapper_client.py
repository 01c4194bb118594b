"""Asking mappers on real sockets that answer this and that."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from gateway.host_addresses import HostAddresses
from gateway.ivr.mapper_client import MAX_ANSWER, MapperClient, MapperUnavailable
from gateway.ivr.mapper_search import Mapper

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ROOM = "standup@conference.meet.example.org"
PIN = "482613059"


@asynccontextmanager
async def mapper(handler: Handler) -> AsyncIterator[str]:
    """Where such a mapper is."""
    application = web.Application()
    application.router.add_get("/conferenceMapper", handler)
    runner = web.AppRunner(application, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/conferenceMapper"
    finally:
        await runner.cleanup()


class Good:
    """A mapper that has one room."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        known = request.query.get("id") == PIN or request.query.get("conference") == ROOM
        told = {"message": "", "id": int(PIN), "conference": ROOM if known else False}
        return web.json_response(told)


async def silent(_: web.Request) -> web.Response:
    await asyncio.sleep(60)
    raise AssertionError


async def broken(_: web.Request) -> web.Response:
    return web.Response(status=502, text="<html>")


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(10):
        await response.write(b" " * MAX_ANSWER)
    return response


async def elsewhere(_: web.Request) -> web.Response:
    raise web.HTTPFound("http://127.0.0.1:9/")


async def test_a_room_and_a_pin_are_found() -> None:
    good = Good()
    async with (
        mapper(good.answer) as url,
        MapperClient((Mapper(url, token="t0ken", gives_pins=True),)) as client,
    ):
        mapping = await client.find(PIN)
        assert mapping is not None and mapping.room == ROOM
        assert await client.pin_of(ROOM) == PIN
        assert await client.find("999") is None
        assert await client.pin_of("other@conference.meet.example.org") is None
    assert good.asked[0].headers["Authorization"] == "Bearer t0ken"


async def test_a_mapper_that_has_a_name_is_found_while_dns_fails() -> None:
    dns = [("127.0.0.1",)]

    async def ask(host: str) -> tuple[str, ...]:
        if not dns:
            raise OSError(f"DNS does not say where {host} is")
        return dns.pop()

    hosts, good = HostAddresses(ask), Good()
    async with mapper(good.answer) as url:
        named = Mapper(url.replace("127.0.0.1", "mapper.test"), retries=0)
        for _ in range(2):
            async with MapperClient((named,), hosts) as client:
                assert await client.find(PIN) is not None
    assert len(good.asked) == 2 and not dns


async def test_only_who_gives_pins_is_asked_for_one_and_not_again_soon() -> None:
    finder, giver = Good(), Good()
    async with mapper(finder.answer) as first, mapper(giver.answer) as second:
        async with MapperClient((Mapper(first),)) as client:
            assert not client.gives_pins() and await client.pin_of(ROOM) is None
        async with MapperClient((Mapper(first), Mapper(second, gives_pins=True))) as client:
            assert client.gives_pins() and client.remembered_pin(ROOM) is None
            for _ in range(2):
                assert await client.pin_of(ROOM) == client.remembered_pin(ROOM) == PIN
            client.forget_pin(ROOM)
            assert client.remembered_pin(ROOM) is None
    assert (len(finder.asked), len(giver.asked)) == (0, 1)


async def test_what_was_answered_is_not_asked_for_again_at_once() -> None:
    good = Good()
    async with mapper(good.answer) as url, MapperClient((Mapper(url),)) as client:
        for _ in range(3):
            await client.find(PIN)
            await client.find("999")
    assert len(good.asked) == 2


@pytest.mark.parametrize("bad", [silent, broken, endless, elsewhere])
async def test_a_mapper_that_is_of_no_use_is_passed_over(bad: Handler) -> None:
    async with mapper(bad) as first, mapper(Good().answer) as second:
        mappers = (Mapper(first, timeout=0.1, retries=0), Mapper(second))
        with capture_logs() as logs:
            async with MapperClient(mappers) as client:
                mapping = await client.find(PIN)
        assert mapping is not None and mapping.room == ROOM
        assert len(logs) == 1
        assert PIN not in str(logs)


async def test_that_nobody_can_say_is_not_that_there_is_no_room() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/m"
        with capture_logs() as logs:
            async with MapperClient((Mapper(url, retries=0),)) as client:
                with pytest.raises(MapperUnavailable):
                    await client.find(PIN)
        assert PIN not in str(logs)


async def test_a_mapper_that_is_away_is_a_few_lines_of_the_log_however_many_ask() -> None:
    async with mapper(broken) as url, MapperClient((Mapper(url, retries=0),)) as client:
        with capture_logs() as logs:
            for number in range(60):
                with pytest.raises(MapperUnavailable):
                    await client.find(str(number))
    assert 0 < len(logs) < 50


async def test_who_asks_may_stop_waiting() -> None:
    async with mapper(silent) as url, MapperClient((Mapper(url, timeout=30.0),)) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.find(PIN)
