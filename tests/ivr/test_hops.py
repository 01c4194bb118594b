"""Gateways that ask each other for PINs and rooms find an end to it."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from aiohttp import ClientSession

from gateway.ivr.dial_in import DialIn
from gateway.ivr.dial_in_http import DialInHttpConfig
from gateway.ivr.hops import MOST, new_hop, read_via, write_via
from gateway.ivr.mapper_client import MapperClient
from gateway.ivr.mapper_search import Mapper
from gateway.ivr.meeting import Meeting, NoMeeting
from tests.ivr.test_dial_in_http import HTTP, MUC, Client, config, served
from tests.ivr.test_mapper_client import PIN, ROOM, Good, mapper


def test_gateways_are_read_as_they_were_written_wherever_others_have_passed_it_on() -> None:
    first, second = new_hop(), new_hop()
    assert read_via([write_via((first, second))]) == (first, second)
    assert read_via([f"1.1 nginx, {write_via((first,))}", write_via((second,))]) == (first, second)
    assert read_via([f"1.1 sip-gateway-{first} (a comment)"]) == (first,)
    assert read_via(["", ",,", "1.1 sip-gateway-", "HTTP/1.1 x", "1.1 sip-gateway-xyz"]) == ()


async def test_a_question_says_whom_it_has_passed_and_is_asked_no_further_than_once_round() -> None:
    good = Good()
    async with mapper(good.answer) as url, MapperClient((Mapper(url, gives_pins=True),)) as client:
        assert await client.find("999", ("a" * 16,)) is None
        (*before, own) = read_via(good.asked[0].headers.getall("Via"))
        assert before == ["a" * 16]
        for hops in ((own,), ("a" * 16, own, "b" * 16), ("c" * 16,) * MOST):
            assert await client.find(PIN, hops) is None
            assert await client.pin_of(ROOM, hops) is None
            assert not client.gives_pins(hops)
        assert len(good.asked) == 1
        assert await client.find(PIN) is not None  # what was not asked is not remembered


@asynccontextmanager
async def circle(tmp_path: Path) -> AsyncIterator[tuple[DialIn, DialIn]]:
    """Two gateways that name each other as mappers that give PINs."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
    second_url = f"http://127.0.0.1:{port}"

    def gateway(name: str, other: str, http: DialInHttpConfig = HTTP) -> DialIn:
        mappers = (Mapper(f"{other}/conferenceMapper", timeout=3.0, retries=0, gives_pins=True),)
        values = config(tmp_path, http, database=tmp_path / name, mappers=mappers, fixed=())
        return DialIn(values, served)

    async with gateway("first", second_url) as first:
        listen = replace(HTTP, listen=("127.0.0.1", port))
        async with gateway("second", first.server.url, listen) as second:
            yield first, second


async def test_two_gateways_that_want_each_other_s_pins_agree_on_one(tmp_path: Path) -> None:
    async with circle(tmp_path) as (first, second), ClientSession() as session:
        pins = [
            await Client(session, each.server.url).pin_of("standup") for each in (first, second)
        ]
        assert pins[0] == pins[1]
        for gateway in (first, second):
            found = await gateway.desk.present(str(pins[0]), "4311", "trunk")
            assert isinstance(found, Meeting) and found.room == f"standup@{MUC}"
        statuses = {status for _, status in (first.server.answers + second.server.answers)}
        assert statuses == {200}


async def test_nor_do_they_ask_each_other_without_end_for_a_pin_that_nobody_has(
    tmp_path: Path,
) -> None:
    async with circle(tmp_path) as (first, second):
        assert await first.desk.present("4711471", "4311", "trunk") is NoMeeting.UNKNOWN
        asked = [sum(gateway.server.answers.values()) for gateway in (first, second)]
        assert asked == [1, 1]
