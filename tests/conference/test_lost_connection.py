"""A participant's connection breaks, and is made again."""

import pytest

from gateway.conference.events import (
    Ended,
    LeaveCause,
    MediaDown,
    Rejoined,
)
from gateway.conference.recovery import RETURN_PATIENCE, RETURN_PAUSE
from gateway.xmpp.connection import ConnectionFailed, FailureCause
from tests.conference.participants import now
from tests.conference.world import (
    Call,
    Media,
    connected,
    error,
    offer,
    settle,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_connection_that_breaks_is_made_again_as_another_endpoint() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        lost = now()
        world.lose()
        await settle(1.1)
        assert call.told() == [Rejoined()]
        assert world.streams[0].closed_at == pytest.approx(lost, abs=0.01)
        assert world.streams[1].sent[0].time - lost == pytest.approx(1.0, abs=0.05)
        assert call.participant.endpoint == "1a2b3c41"
        assert media.open_sessions == ["s1"]
        world.request(offer("s2"))
        await settle(0.1)
        assert call.told() == [] and media.open_sessions == ["s2"]


@in_virtual_time
async def test_a_server_that_does_not_answer_pings_is_gone() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await connected(call)
        await settle(600)
        assert call.told() == []
        world.pings = False
        await settle(31)
        world.pings = True
        await settle(2)
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_audio_goes_on_without_the_connection_until_there_is_another_session() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.lose()
        await settle(10)
        assert call.told() == [Rejoined()]
        assert media.log == [("open", "s1")]
        world.request(offer("s2"))
        await settle(0.1)
        assert call.told() == []
        assert media.log == [("open", "s1"), ("open", "s2"), ("left", "s1")]
    assert media.open_sessions == []


@in_virtual_time
async def test_audio_that_went_on_without_the_connection_may_break_as_well() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.lose()
        for wait in (0.5, 5.0):  # before we are back, or after: it is told once
            await settle(wait)
            media.down("s1")
        await settle()
        assert sorted(map(str, call.told())) == sorted(
            map(str, [MediaDown("consent expired"), Rejoined()])
        )
        assert media.open_sessions == []
        assert world.stream.of("session-terminate") == []  # nobody knows that session here
        await connected(call, "s2")


@in_virtual_time
async def test_audio_does_not_go_on_for_who_hangs_up_or_cannot_come_back() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.lose()
        await settle(0.5)
    assert media.open_sessions == []
    world, media = with_alice(joins=["", error("auth", "forbidden")]), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.lose()
        await settle(2)
        down, ended = call.told()
        assert down == MediaDown("left the conference") and isinstance(ended, Ended)
        assert media.open_sessions == []


@in_virtual_time
async def test_a_session_that_was_not_up_yet_does_not_go_on_without_the_connection() -> None:
    world, media = with_alice(), Media(connects=False)
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(1)
        world.lose()
        await settle(2)
        assert call.told() == [Rejoined()]
        assert media.open_sessions == []


@in_virtual_time
async def test_a_connection_that_breaks_again_and_again_ends_the_call() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        begun = now()
        for _ in range(4):
            world.lose(text="cut")
            await settle(11)
        assert call.told() == [Rejoined()] * 3 + [Ended(LeaveCause.CONNECTION_LOST, "stream: cut")]
        assert now() - begun < 60
    assert len(world.streams) == 4


@in_virtual_time
async def test_a_server_that_is_away_for_a_moment_is_tried_again() -> None:
    away = ConnectionFailed(FailureCause.UNREACHABLE, "refused")
    world = with_alice()
    async with Call(world, Media()) as call:
        world.login_failures = [away] * 20
        world.lose()
        await settle(1 + 20 * RETURN_PAUSE[1] + 1)
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_who_still_fills_the_room_itself_comes_back_once_the_server_has_noticed() -> None:
    full = error("wait", "service-unavailable")
    world = with_alice()
    async with Call(world, Media()) as call:
        world.joins = [full] * 20
        world.lose()
        await settle(1 + 20 * RETURN_PAUSE[1] + 1)
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_a_room_that_stays_full_ends_the_call_in_the_end() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.joins = [error("wait", "service-unavailable")] * 1000
        world.lose()
        await settle(RETURN_PATIENCE - 1)
        assert call.told() == []
        await settle(6)
        (ended,) = call.told()
        assert isinstance(ended, Ended) and ended.cause is LeaveCause.CONNECTION_LOST


@in_virtual_time
async def test_a_server_that_stays_away_ends_the_call_in_the_end() -> None:
    away = ConnectionFailed(FailureCause.UNREACHABLE, "refused")
    world = with_alice()
    async with Call(world, Media()) as call:
        world.login_failures = [away] * 1000
        world.lose()
        await settle(RETURN_PATIENCE - 1)
        assert call.told() == []
        await settle(6)
        (ended,) = call.told()
        assert isinstance(ended, Ended) and ended.cause is LeaveCause.CONNECTION_LOST


@in_virtual_time
async def test_a_room_that_does_not_let_us_in_again_ends_the_call() -> None:
    world = with_alice(joins=["", error("auth", "not-authorized")])
    async with Call(world, Media()) as call:
        world.lose()
        await settle(60)
        (ended,) = call.told()
        assert isinstance(ended, Ended) and ended.cause is LeaveCause.CONNECTION_LOST
        assert "password" in ended.text
    assert len(world.streams) == 2


@in_virtual_time
async def test_who_hangs_up_while_we_come_back_leaves_nothing_open() -> None:
    for seconds in (0.5, 1.005, 1.5):  # while waiting, logging in, asking for the conference
        world = with_alice()
        async with Call(world, Media()):
            world.conference = [None]
            world.lose()
            await settle(seconds)
        assert all(stream.closed_at is not None for stream in world.streams if stream.sink)


@in_virtual_time
async def test_the_name_and_the_password_are_the_same_when_we_come_back() -> None:
    world = with_alice()
    async with Call(world, Media(), password="geheim", name="Ann"):
        world.lose()
        await settle(2)
    for stream in world.streams:
        (join,) = stream.of("join")
        assert join.stanza.findtext(".//{http://jabber.org/protocol/muc}password") == "geheim"
        assert join.stanza.findtext("{http://jabber.org/protocol/nick}nick") == "Ann"
