"""How long the audio of a session goes on, and what else ends it."""

import pytest

from gateway.conference.events import Ended, MediaDown, MediaUp, Moved, Rejoined
from tests.conference.world import (
    BREAKOUT,
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
async def test_a_session_that_moves_goes_on_until_the_next_is_up() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.request(terminate("s1", "success", "moving"))
        await settle(1)
        world.request(offer("s2", bridge_session="bridge-2"))
        await settle(60)
        assert call.told() == []
        assert media.log == [("open", "s1"), ("linger", "s1"), ("open", "s2"), ("left", "s1")]


@in_virtual_time
async def test_a_session_goes_on_if_the_one_that_is_to_replace_it_never_comes_up() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.connects = False
        world.request(offer("s2"))
        await settle(0.1)
        media.down("s2", "unreachable")
        await settle(0.1)
        assert call.told() == [] and media.in_use == "s1"
        (restart,) = world.stream.of("session-terminate")
        assert restart.jingle.sid == "s2"
        media.connects = True
        world.request(offer("s3"))
        await settle(0.1)
        assert call.told() == [] and media.open_sessions == ["s3"]


@in_virtual_time
async def test_a_replacement_that_is_refused_leaves_the_old_audio_until_we_are_back() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.accepts, media.connects = [error("modify", "bad-request")], False
        world.request(offer("s2"))
        await settle(2)
        assert call.told() == [Rejoined()] and media.open_sessions == ["s1"]
        media.down("s1", "the endpoint is gone")

        await settle()
        media.connects = True
        world.request(offer("s3"))
        await settle(0.1)
        assert media.open_sessions == ["s3"]


@pytest.mark.parametrize("reason", ["expired", "gone", "general-error", "success"])
@in_virtual_time
async def test_any_other_end_of_a_session_ends_audio_at_once(reason: str) -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.connects = False
        world.request(offer("s2"))  # of which nothing comes; the first goes on
        await settle(0.1)
        assert media.in_use == "s1"
        world.request(terminate("s2", reason))
        await settle()
        assert call.told() == [MediaDown(reason)] and media.open_sessions == []


@pytest.mark.parametrize("with_next", [False, True])
@in_virtual_time
async def test_who_is_kicked_is_heard_no_more(with_next: bool) -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        if with_next:
            media.connects = False
            world.request(offer("s2"))
            await settle(0.1)
        world.removes_us("<status code='307'/>")
        await settle()
        assert media.open_sessions == []
        down, ended = call.told()
        assert isinstance(down, MediaDown) and isinstance(ended, Ended)


@in_virtual_time
async def test_who_goes_to_another_room_is_heard_no_more_in_the_one_it_leaves() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.sends_us_to(BREAKOUT)
        await settle(0.1)
        assert media.open_sessions == []
        assert [type(event) for event in call.told()] == [MediaDown, Moved]


@in_virtual_time
async def test_a_session_that_comes_up_after_we_have_done_with_it_counts_for_nothing() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.connects = False
        world.request(offer("s2"))
        await settle(0.1)
        world.request(offer("s3"))
        await settle(0.1)
        # The engine had connected it, and left the first, before it was told to close it.
        call.participant.bridge_connected("s2")
        call.participant.bridge_lost("s1", "replaced")
        await settle()
        assert call.told() == [MediaDown("replaced")]
        media.up("s3")
        await settle()
        assert call.told() == [MediaUp()]
