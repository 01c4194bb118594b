"""The focus leaves, and comes back."""

import pytest

from gateway.conference.events import (
    Ended,
    LeaveCause,
    MediaDown,
    MutedByModerator,
)
from gateway.conference.recovery import RETURN_PATIENCE
from gateway.conference.stay import FOCUS_PATIENCE
from tests.conference.participants import mute, now
from tests.conference.world import (
    INSTALLATION,
    Call,
    Media,
    connected,
    error,
    offer,
    settle,
    terminate,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_focus_that_leaves_is_called_back_after_a_while_and_media_goes_on() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        left = now()
        world.presence("focus", gone=True)
        await settle(FOCUS_PATIENCE - 0.1)
        assert len(world.stream.of("conference")) == 1
        await settle(0.2)
        again = world.stream.of("conference")[1]
        assert again.time - left == pytest.approx(FOCUS_PATIENCE, abs=0.01)
        world.presence("focus")
        await settle(60)
        assert call.told() == [] and media.open_sessions == ["s1"]
        await settle(0.1)
        world.request(offer("s2"))
        await settle(0.1)
        assert call.told() == [] and media.open_sessions == ["s2"]


@in_virtual_time
async def test_a_focus_that_comes_back_by_itself_is_not_called() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await connected(call)
        for _ in range(2):
            world.presence("focus", gone=True)
            await settle(FOCUS_PATIENCE - 1)
            world.presence("focus")
            await settle(FOCUS_PATIENCE + 1)
        assert len(world.stream.of("conference")) == 1
        assert call.told() == []


@in_virtual_time
async def test_who_takes_the_nick_of_a_focus_that_is_away_is_no_focus() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.presence("focus", jid="focus@auth.meet.test/focus")
        await connected(call)
        world.presence("focus", gone=True, jid="focus@auth.meet.test/focus")
        world.presence("focus", jid="eve@meet.test/x")
        world.request(mute())
        world.request(terminate("s1", "success"))
        world.request(offer("eve"))
        world.request("<hangup xmlns='urn:xmpp:rayo:1'/>")
        await settle(FOCUS_PATIENCE + 0.1)
        assert len(world.stream.of("conference")) == 2  # the focus itself is called
        assert call.told() == [] and media.open_sessions == ["s1"]
        world.presence("focus", gone=True, jid="eve@meet.test/x")
        world.presence("focus", jid="focus@auth.meet.test/focus")
        world.request(mute())
        await settle()
        assert call.told() == [MutedByModerator("Alice")]


@in_virtual_time
async def test_a_focus_that_was_not_there_when_we_came_is_called() -> None:
    world = with_alice(focus_present=False)
    async with Call(world, Media()):
        await settle(FOCUS_PATIENCE + 0.1)
        assert len(world.stream.of("conference")) == 2


@in_virtual_time
async def test_a_focus_that_is_away_for_a_minute_and_a_half_costs_no_call() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.conference = [error("cancel", "service-unavailable")] * 100
        world.presence("focus", gone=True)
        await settle(90)
        world.conference.clear()
        await settle(20)
        assert len(world.stream.of("conference")) > 2
        world.presence("focus")
        world.request(offer("s2"))
        await settle(RETURN_PATIENCE)
        assert call.told() == [] and media.open_sessions == ["s2"]


@in_virtual_time
async def test_a_focus_that_is_back_and_wants_a_host_first_is_asked_until_there_is_one() -> None:
    # A secure domain: a Jicofo that was restarted knows of no conference, and we are guests.
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.conference = [error("auth", "not-authorized")] * 100
        world.presence("focus", gone=True)
        await settle(60)
        assert call.told() == [] and media.open_sessions == ["s1"]
        world.presence("focus")  # whom a host has called
        await settle(RETURN_PATIENCE)
        assert call.told() == []


@in_virtual_time
async def test_without_a_focus_the_call_ends_in_the_end() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await connected(call)
        world.conference = [error("cancel", "service-unavailable")] * 100
        world.presence("focus", gone=True)
        await settle(FOCUS_PATIENCE + RETURN_PATIENCE + INSTALLATION.join_timeout)
        down, ended = call.told()
        assert isinstance(down, MediaDown)
        assert isinstance(ended, Ended) and ended.cause is LeaveCause.FOCUS_LOST
    assert world.stream.kinds()[-2:] == ["session-terminate", "unavailable"]
