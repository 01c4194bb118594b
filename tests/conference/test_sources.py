"""The sources of others, as the focus tells a participant of them."""

import pytest

from gateway.conference.events import (
    MediaUp,
    OccupantJoined,
)
from tests.conference.world import (
    CANDIDATE,
    Call,
    Media,
    connected,
    offer,
    settle,
    sources,
    transport,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time


@pytest.mark.parametrize("in_xml", [False, True])
@in_virtual_time
async def test_sources_come_and_go(in_xml: bool) -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, in_xml=in_xml)
        world.request(sources("source-add", "s1", {"bob": 3001}, in_xml=in_xml))
        await settle()
        assert media.heard == {2001: "alice", 3001: "bob"}
        told = len(media.sources)
        world.request(sources("source-add", "s1", {"bob": 3001}, in_xml=in_xml))
        await settle()
        assert len(media.sources) == told  # known already
        world.request(sources("source-remove", "s1", {"alice": 2001}, in_xml=in_xml))
        await settle()
        assert media.heard == {3001: "bob"}


@in_virtual_time
async def test_what_is_encrypted_end_to_end_is_not_decoded() -> None:
    encrypting = "<jitsi_participant_e2ee.enabled>true</jitsi_participant_e2ee.enabled>"
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.presence("bob", "Bob", extra=encrypting)
        await connected(call)
        world.request(sources("source-add", "s1", {"bob": 3001}))
        await settle()
        assert media.heard == {2001: "alice", 3001: "bob"}
        assert media.encrypted == {3001}
        world.presence("alice", "Alice", extra=encrypting)
        await settle()
        assert media.encrypted == {2001, 3001}
        told = len(media.sources)
        world.presence("alice", "Alice", extra=encrypting)
        await settle()
        assert len(media.sources) == told  # known already
        world.presence("bob", "Bob")
        await settle()
        assert media.encrypted == {2001}


@in_virtual_time
async def test_the_sources_of_who_leaves_are_dropped() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, sources={"alice": 2001, "bob": 3001})
        world.comes("bob")
        world.goes("alice")
        await settle(1.5)
        assert media.heard == {3001: "bob"}


@in_virtual_time
async def test_who_leaves_and_is_back_at_once_is_heard() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, sources={"alice": 2001})
        world.goes("alice")
        await settle(0.5)
        world.comes("alice", "Alice")
        world.request(sources("source-add", "s1", {"alice": 2002}))
        await settle(10)
        assert media.heard[2002] == "alice"
        assert call.told() == [OccupantJoined("alice", "Alice")]


@in_virtual_time
async def test_who_leaves_and_is_back_at_once_leaves_no_sources_behind() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        for ssrc in range(3001, 3004):
            world.goes("alice")
            world.comes("alice", "Alice")
            world.request(sources("source-add", "s1", {"alice": ssrc}))
            await settle(0.2)
        await settle(2)
        assert media.heard == {3003: "alice"}


@in_virtual_time
async def test_sources_that_change_while_the_engine_is_busy_are_not_forgotten() -> None:
    world, media = with_alice(), Media(opening_takes=1.0)
    world.occupants["carol"] = "Carol"
    async with Call(world, media) as call:
        world.request(offer("s1", {"alice": 2001, "carol": 4001}))
        await settle()
        world.request(sources("source-add", "s1", {"bob": 3001}))
        world.goes("carol")
        assert media.sources == []
        await settle(2)
        assert media.heard == {2001: "alice", 3001: "bob"}
        assert MediaUp() in call.told()


@in_virtual_time
async def test_the_bridges_own_source_and_ours_are_not_played() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.request(sources("source-add", "s1", {"1a2b3c40": 9, "jvb": 10}))
        await settle()
        assert media.heard == {2001: "alice"}


@in_virtual_time
async def test_sources_of_another_session_change_nothing() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        answered = world.request(sources("source-add", "gone", {"bob": 3001}))
        await settle()
        assert media.heard == {2001: "alice"}
        assert world.answers(answered)[0].get("type") == "result"


@in_virtual_time
async def test_candidates_that_come_later_are_passed_on() -> None:
    info = (
        "<jingle xmlns='urn:xmpp:jingle:1' action='transport-info' sid='s1'>"
        f"<content name='audio' creator='initiator'>{transport(CANDIDATE)}</content></jingle>"
    )
    world, media = with_alice(), Media(opening_takes=1.0)
    async with Call(world, media) as call:
        world.request(offer("s1", transport=transport()))
        await settle()
        world.request(info)
        assert media.candidates == []  # the engine has no such session yet
        await settle(2)
        assert [(sid, part.host) for sid, (part,) in media.candidates] == [("s1", "10.99.0.1")]
        world.request(info)
        await settle()
        assert len(media.candidates) == 2
        assert call.told() == [MediaUp()]
