"""A participant's sessions end, and others begin."""

import asyncio

import pytest

from gateway.conference.awaited_offer import FIRST_OFFER_PATIENCE, OFFER_PATIENCE
from gateway.conference.events import (
    Alone,
    LeaveCause,
    MediaDown,
    MediaUp,
    OccupantJoined,
    OccupantLeft,
    Rejoined,
)
from gateway.conference.recovery import BRIDGE_PATIENCE
from gateway.xmpp.jingle import BridgeSessionId
from tests.conference.participants import NO_BRIDGE, causes
from tests.conference.world import (
    CANDIDATE,
    Call,
    Media,
    World,
    connected,
    offer,
    settle,
    terminate,
    transport,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_session_that_expires_leaves_us_waiting_for_the_next() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.goes("alice")
        await settle(20)
        world.request(terminate("s1", "expired", "Idle session timeout"))
        await settle()
        assert call.told() == [
            OccupantLeft("alice", "Alice"),
            Alone(),
            MediaDown("expired (Idle session timeout)"),
        ]
        assert media.open_sessions == []
        await settle(3600)
        assert call.told() == [] and len(world.streams) == 1
        assert world.stream.kinds("conference", "join") == ["session-accept"]
        world.comes("bob")
        await connected(call, "s2")
        first, second = (made.ssrc for made in media.offers)
        assert first != second


@in_virtual_time
async def test_a_session_that_moves_is_followed_by_another() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.request(terminate("s1", "success", "moving"))
        await settle(9)
        assert call.told() == [] and media.in_use == "s1"
        world.presence("focus", extra=NO_BRIDGE)
        await settle(2)  # that long the bridge we were on may have lasted
        assert call.told() == [MediaDown("nothing has replaced it")]
        await settle(60)  # the only bridge comes back a minute later
        await connected(call, "s2", bridge_session="bridge-2")
        assert media.open_sessions == ["s2"]
        assert len(world.streams) == 1
    assert world.stream.of("session-terminate")[0].jingle.bridge_session is not None
    assert "bridge-2" in str(world.stream.of("session-terminate")[0].jingle.bridge_session)


@in_virtual_time
async def test_company_without_an_offer_makes_us_rejoin() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await settle(FIRST_OFFER_PATIENCE + 2)
        assert call.told() == [Rejoined()]
        await connected(call, "s2")
        assert media.open_sessions == ["s2"]


@in_virtual_time
async def test_company_that_comes_later_is_waited_with_for_an_offer() -> None:
    world = World()
    async with Call(world, Media()) as call:
        await settle(600)
        assert call.told() == [Alone()]
        world.comes("alice", "Alice")
        await settle(FIRST_OFFER_PATIENCE - 1)
        assert call.told() == [OccupantJoined("alice", "Alice")]
        await settle(3)
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_without_a_videobridge_an_offer_may_take_longer() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        first, later = BRIDGE_PATIENCE
        for patience, pause in ((first, 1.0), (later, 4.0), (later, 10.0)):
            world.presence("focus", extra=NO_BRIDGE)
            await settle(FIRST_OFFER_PATIENCE + patience - 1)
            assert call.told() == []
            await settle(pause + 1.5)
            assert call.told() == [Rejoined()]


@in_virtual_time
async def test_a_videobridge_that_is_there_again_for_others_is_not_waited_for_any_longer() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.presence("focus", extra=NO_BRIDGE)
        world.request(terminate("s1", "success", "moving"))
        await settle(40)
        world.comes("bob", "Bob")
        world.presence("focus")  # Bob has got a session, and nobody else
        await settle(OFFER_PATIENCE + 2)
        assert call.told()[-1] == Rejoined()


@in_virtual_time
async def test_a_videobridge_that_is_there_again_changes_nothing_for_who_has_a_session() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.presence("focus", extra=NO_BRIDGE)
        await settle()
        world.presence("focus")
        await settle(600)
        assert call.told() == []


@in_virtual_time
async def test_who_is_left_alone_waits_for_no_offer() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await connected(call)
        call.participant.bridge_lost("s1", "cut")  # a restart is asked for
        await settle(0.1)
        world.goes("alice")
        await settle(600)
        assert Rejoined() not in call.told()
        assert len(world.streams) == 1


@in_virtual_time
async def test_a_second_offer_replaces_the_first_session() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.request(offer("s2"))
        await settle(0.1)
        assert call.told() == []  # it was never down
        assert media.log == [("open", "s1"), ("open", "s2"), ("left", "s1")]
        assert world.stream.of("session-terminate") == []
        call.participant.bridge_lost("s1", "late")  # an old word about an old session
        await settle()
        assert call.told() == []


@in_virtual_time
async def test_the_same_offer_again_is_acknowledged_and_no_more() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        again = world.request(offer("s1"))
        await settle(1)
        assert call.told() == [] and len(world.answers(again)) == 1
        assert len(media.offers) == 1


@in_virtual_time
async def test_a_session_that_is_replaced_while_the_engine_is_busy_is_dropped() -> None:
    world, media = with_alice(), Media(opening_takes=1.0)
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(0.5)
        world.request(offer("s2"))
        await settle(2)
        assert call.told() == [MediaUp()]
        assert media.open_sessions == ["s2"]
        assert [sent.jingle.sid for sent in world.stream.of("session-accept")] == ["s2"]


@in_virtual_time
async def test_after_a_fault_of_the_focus_an_offer_in_time_is_taken_up() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await connected(call)
        world.request(terminate("s1", "general-error"))
        await settle(OFFER_PATIENCE - 1)
        world.request(offer("s2"))
        await settle(60)
        assert call.told() == [MediaDown("general-error"), MediaUp()]
        assert len(world.streams) == 1


@in_virtual_time
async def test_after_a_fault_of_the_focus_without_an_offer_we_come_back_as_another() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.request(terminate("s1", "general-error"))
        await settle(OFFER_PATIENCE + 2)
        assert call.told() == [MediaDown("general-error"), Rejoined()]
        first, second = world.streams
        assert first.kinds()[-1] == "unavailable" and first.closed_at is not None
        assert second.kinds() == ["conference", "join"]
        assert call.participant.endpoint == second.nick == "1a2b3c41"
        await connected(call, "s2")


@pytest.mark.parametrize("apart", [-1e-6, 0.0, 1e-6])
@in_virtual_time
async def test_who_hangs_up_at_the_very_moment_a_stay_ends_is_gone(apart: float) -> None:
    world = with_alice()
    async with asyncio.timeout(1000):
        async with Call(world, Media()) as call:
            await connected(call)
            world.request(terminate("s1", "general-error"))
            await settle(OFFER_PATIENCE + apart)
    assert len(world.streams) == 1 and world.stream.closed_at is not None


@in_virtual_time
async def test_an_offer_we_cannot_read_is_refused_and_its_end_is_not_waited_out_for_ever() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        broken = offer("s1").replace("id='111'", "id='opus'")
        assert world.request(broken) == "req1"
        await settle()
        assert world.answers("req1")[0].get("type") == "error"
        # An error makes Jicofo end the session, of which we have never known.
        world.request(terminate("s1", "general-error", "jingle session failed"))
        await settle(OFFER_PATIENCE + 2)
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_an_offer_that_lacks_something_ends_the_call_and_the_focus_is_told() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        request = world.request(offer("s1").replace("name='opus'", "name='speex'"))
        await settle(0.1)
        assert world.answers(request)[0].get("type") == "result"
        assert causes(call.told()) == [LeaveCause.MEDIA_FAILED]
    assert world.stream.kinds("conference", "join") == ["session-terminate", "unavailable"]
    reason = world.stream.of("session-terminate")[0].jingle.reason
    assert reason is not None and reason.condition == "incompatible-parameters"
    assert len(world.streams) == 1


@in_virtual_time
async def test_a_transport_that_is_to_be_replaced_is_kept() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await connected(call)
        world.request(
            "<jingle xmlns='urn:xmpp:jingle:1' action='transport-replace' sid='s1'>"
            f"<content name='audio' creator='initiator'>{transport(CANDIDATE)}</content></jingle>"
        )
        await settle()
        (rejected,) = world.stream.of("transport-reject")
        assert rejected.jingle.sid == "s1"
        assert call.told() == []


@in_virtual_time
async def test_who_has_kept_its_transport_is_restarted_on_the_bridge_that_replaced_its_own() -> (
    None
):
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.request(
            "<jingle xmlns='urn:xmpp:jingle:1' action='transport-replace' sid='s1'>"
            f"<content name='audio' creator='initiator'>{transport(CANDIDATE)}</content>"
            "<bridge-session xmlns='http://jitsi.org/protocol/focus' id='bridge-2'/></jingle>"
        )
        await settle()
        media.down("s1")
        await settle()
        (asked,) = world.stream.of("session-terminate")
        assert asked.jingle.bridge_session == BridgeSessionId("bridge-2", restart=True)
