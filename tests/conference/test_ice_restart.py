"""A path to the videobridge that is gone, or is to be another, within one session."""

import pytest

from gateway.conference.bridge_session import ICE_RESTART_PATIENCE
from gateway.conference.events import MediaDown, MediaUp
from gateway.media.messages import IceParameters
from tests.conference.world import (
    CANDIDATE,
    Call,
    Media,
    connected,
    error,
    ice_restart,
    offer,
    settle,
    transport,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time

DOWN = MediaDown("no path")


@in_virtual_time
async def test_the_focus_restarts_ice_and_is_told_our_new_credentials() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.request(ice_restart("s1", 1))
        await settle()
        (remote,) = media.restarts
        assert (remote.generation, remote.ufrag, remote.pwd) == (1, "uf-1", "pw1")
        assert [candidate.host for candidate in remote.candidates] == ["10.99.0.1"]
        call.participant.ice_restarted("s1", IceParameters(1, "newufrag", "newpwd", ()))
        await settle()
        (answer,) = world.stream.of("transport-info")
        (content,) = answer.jingle.contents
        told = content.transport
        assert answer.jingle.sid == "s1" and content.name == "audio" and told is not None
        assert (told.ufrag, told.pwd, told.ice_generation) == ("newufrag", "newpwd", 1)
        assert [(part.value, part.setup) for part in told.fingerprints] == [("11:22", "active")]
        await settle(60)
        assert call.told() == [] and media.open_sessions == ["s1"]


@in_virtual_time
async def test_an_ice_restart_that_was_overtaken_changes_nothing_and_candidates_still_come() -> (
    None
):
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        for generation in (2, 1, 2):
            world.request(ice_restart("s1", generation))
        world.request(
            "<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='s1'>"
            f"<content name='audio'>{transport(CANDIDATE)}</content></jingle>"
        )
        await settle()
        assert [remote.generation for remote in media.restarts] == [2]
        assert len(media.candidates) == 1


@in_virtual_time
async def test_who_has_lost_the_path_asks_for_another_and_keeps_the_session() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.interrupt("s1")
        await settle()
        assert call.told() == [DOWN]
        (asked,) = world.stream.of("session-info")
        bridge = asked.jingle.bridge_session
        assert asked.jingle.sid == "s1" and bridge is not None and bridge.id == "bridge-1"
        assert bridge.ice_restart and not bridge.restart
        world.request(ice_restart("s1", 1))
        await settle()
        call.participant.ice_restarted("s1", IceParameters(1, "newufrag", "newpwd", ()))
        await settle(12)  # the bridge may take its time, the engine tells if it takes too long
        assert len(world.stream.of("transport-info")) == 1
        media.up("s1")
        await settle(60)
        assert call.told() == [MediaUp()]
        assert world.stream.of("session-terminate") == [] and len(world.streams) == 1


REFUSALS = ["feature-not-implemented", "item-not-found", "resource-constraint"]


@pytest.mark.parametrize("condition", REFUSALS)
@in_virtual_time
async def test_a_focus_that_does_not_restart_ice_is_asked_for_another_session(
    condition: str,
) -> None:
    world, media = with_alice(infos=[error("cancel", condition)]), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.interrupt("s1")
        await settle()
        assert world.stream.kinds()[-2:] == ["session-info", "session-terminate"]
        assert media.open_sessions == []
        await connected(call, "s2")
        await settle(10)
        media.interrupt("s2")
        await settle()
        asked_again = condition != "feature-not-implemented"
        assert len(world.stream.of("session-info")) == (2 if asked_again else 1)
        assert len(world.stream.of("session-terminate")) == (1 if asked_again else 2)


@in_virtual_time
async def test_a_focus_that_grants_an_ice_restart_and_does_nothing_is_not_asked_again() -> None:
    world, media = with_alice(infos=[""]), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.interrupt("s1")
        await settle(ICE_RESTART_PATIENCE + 0.1)
        assert len(world.stream.of("session-terminate")) == 1
        await connected(call, "s2")
        await settle(10)
        media.interrupt("s2")
        await settle()
        assert len(world.stream.of("session-info")) == 1
        assert len(world.stream.of("session-terminate")) == 2


@pytest.mark.parametrize("answer", ["", None])
@in_virtual_time
async def test_an_ice_restart_of_which_nothing_comes_is_given_up_after_a_while(
    answer: str | None,
) -> None:
    world, media = with_alice(infos=[answer]), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.interrupt("s1")
        await settle(ICE_RESTART_PATIENCE - 0.1)
        assert world.stream.of("session-terminate") == []
        await settle(0.2)
        (restart,) = world.stream.of("session-terminate")
        assert restart.jingle.bridge_session is not None and restart.jingle.bridge_session.restart
        await connected(call, "s2")
        assert media.open_sessions == ["s2"]


@in_virtual_time
async def test_an_ice_restart_that_fails_is_followed_by_another_session() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.interrupt("s1")
        await settle()
        world.request(ice_restart("s1", 1))
        await settle(1)
        media.down("s1", "ICE not restarted")
        await settle()
        assert call.told() == [DOWN]
        assert len(world.stream.of("session-terminate")) == 1
        await connected(call, "s2")


@in_virtual_time
async def test_ice_restarts_are_asked_for_twice_a_minute_and_then_it_is_another_session() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        for number in (1, 2, 3):
            media.interrupt("s1")
            await settle(0.1)
            world.request(ice_restart("s1", number))
            media.up("s1")
            await settle(8)
        assert len(world.stream.of("session-info")) == 2
        assert len(world.stream.of("session-terminate")) == 1


@in_virtual_time
async def test_media_that_has_never_been_up_is_not_restarted_in_place() -> None:
    world, media = with_alice(), Media(connects=False)
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(0.1)
        media.down("s1", "not connected")
        await settle(0.1)
        assert world.stream.of("session-info") == []
        assert len(world.stream.of("session-terminate")) == 1
        assert call.told() == []
