"""A participant's life in a conference, scenario by scenario."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from gateway.conference.awaited_offer import FIRST_OFFER_PATIENCE, OFFER_PATIENCE, RESTART_PATIENCE
from gateway.conference.event_queue import MAX_UNREAD
from gateway.conference.events import (
    Alone,
    CompanyChanged,
    Ended,
    Event,
    LeaveCause,
    MediaDown,
    MediaUp,
    MutedByModerator,
    OccupantJoined,
    OccupantLeft,
    Rejoined,
)
from gateway.conference.participant import Participant
from gateway.conference.recovery import BRIDGE_PATIENCE, RETURN_PATIENCE, RETURN_PAUSE
from gateway.conference.stay import FOCUS_PATIENCE
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.connection import ConnectionFailed, FailureCause
from gateway.xmpp.jingle import BridgeSessionId
from tests.conference.world import (
    ADDRESS,
    CANDIDATE,
    INSTALLATION,
    ROOM,
    Call,
    Media,
    World,
    connected,
    error,
    offer,
    settle,
    sources,
    terminate,
    transport,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time

RATE_LIMITED = error("wait", "resource-constraint", text="rate-limited")


def now() -> float:
    return asyncio.get_running_loop().time()


NO_BRIDGE = "<bridgeNotAvailable xmlns='http://jitsi.org/protocol/focus'/>"


def is_muted(world: World) -> bool:
    """What the room was told last."""
    last = [sent for sent in world.stream.sent if sent.kind in ("join", "presence")][-1].stanza
    info = json.loads(last.findtext("{jabber:client}SourceInfo") or "")
    muted: bool = info[f"{world.stream.nick}-a0"]["muted"]
    assert last.findtext("{jabber:client}audiomuted") == str(muted).lower()
    return muted


def causes(events: Iterable[Event]) -> list[LeaveCause]:
    return [event.cause for event in events if isinstance(event, Ended)]


# --- joining, talking, leaving -------------------------------------------------------------------


@in_virtual_time
async def test_a_call_joins_talks_and_leaves() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        assert call.participant.endpoint == world.stream.nick == "1a2b3c40"
        request = world.request(offer("s1"))
        await settle(0.1)
        assert [answer.get("type") for answer in world.answers(request)] == ["result"]
        assert call.told() == [MediaUp()]
        assert media.heard == {2001: "alice"}
        (sent,) = world.stream.of("session-accept")
        assert sent.stanza.get("to") == f"{ROOM}/focus"
        accept = sent.jingle
        assert (accept.sid, accept.responder) == ("s1", world.stream.jid)
        (source,) = accept.sources
        assert source.name == "1a2b3c40-a0"
        assert source.ssrc == media.offers[0].ssrc
        assert source.msid.startswith("1a2b3c40-audio-0-")
    assert world.stream.kinds() == [
        "conference",
        "join",
        "session-accept",
        "session-terminate",
        "unavailable",
    ]
    (ended,) = world.stream.of("session-terminate")
    assert ended.jingle.bridge_session is not None
    assert ended.jingle.bridge_session.id == "bridge-1"
    assert not ended.jingle.bridge_session.restart
    assert ended.jingle.reason is not None and ended.jingle.reason.condition == "success"
    assert world.stream.closed_at is not None
    assert media.log == [("open", "s1"), ("close", "s1")]


@in_virtual_time
async def test_leaving_without_a_session_is_leaving_the_room() -> None:
    world = World()
    async with Call(world, Media()):
        pass
    assert world.stream.kinds() == ["conference", "join", "unavailable"]
    assert world.stream.of("unavailable")[0].stanza.get("to") == f"{ROOM}/1a2b3c40"
    assert world.stream.closed_at is not None


@in_virtual_time
async def test_leaving_takes_no_time_even_if_nobody_answers() -> None:
    world = with_alice(terminates=[None])
    async with Call(world, Media()) as call:
        await connected(call)
        begun = now()
    assert now() - begun < 0.1


@in_virtual_time
async def test_a_participant_that_never_joined_has_nothing_to_leave() -> None:
    async with Participant(INSTALLATION, ADDRESS, display_name="x", media=Media()) as participant:
        assert participant.endpoint == ""
        participant.bridge_connected("s1")
        participant.bridge_lost("s1", "x")


@in_virtual_time
async def test_who_cannot_join_is_told_why() -> None:
    world = World(joins=[error("auth", "not-authorized")])
    with pytest.raises(ConferenceError) as refused:
        async with Call(world, Media()):
            pass
    assert refused.value.cause is JoinFailure.PASSWORD
    assert world.stream.closed_at is not None


@in_virtual_time
async def test_nobody_else_is_there_and_no_session_comes_until_somebody_is() -> None:
    world, media = World(), Media()
    async with Call(world, media) as call:
        assert call.told() == [Alone()]
        await settle(600)
        assert call.told() == [] and len(world.streams) == 1
        world.comes("alice", "Alice")
        await settle()
        assert call.told() == [OccupantJoined("alice", "Alice")]
        await connected(call)
        world.goes("alice")
        await settle(1.5)
        assert call.told() == [OccupantLeft("alice", "Alice"), Alone()]


@in_virtual_time
async def test_who_comes_back_before_the_session_expires_finds_the_same_session() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.goes("alice")
        await settle(10)
        assert media.heard == {}
        world.comes("alice", "Alice")
        world.request(sources("source-add", "s1", {"alice": 2002}))
        await settle()
        assert media.heard == {2002: "alice"}
        assert call.told() == [
            OccupantLeft("alice", "Alice"),
            Alone(),
            OccupantJoined("alice", "Alice"),  # and no MediaUp: it has been up all the time
        ]


@in_virtual_time
async def test_an_offer_that_comes_before_our_own_presence_is_taken_up() -> None:
    world = with_alice()
    world.on_join = lambda: (world.request(offer("s1")), None)[1]
    async with Call(world, Media()) as call:
        await settle(0.1)
        assert call.told() == [MediaUp()]


@in_virtual_time
async def test_numbers_of_the_offer_are_those_of_the_accept() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, opus=96, event=97, level=5, in_xml=True)
        (accept,) = world.stream.of("session-accept")
        (content,) = accept.jingle.contents
        assert content.description is not None
        assert [part.id for part in content.description.payload_types] == [96, 97]
        assert [part.id for part in content.description.extensions] == [5]
        assert (media.offers[0].opus.payload_type, media.offers[0].audio_level_id) == (96, 5)


# --- sources -------------------------------------------------------------------------------------


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


# --- sessions end and begin ----------------------------------------------------------------------


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


# --- broken media --------------------------------------------------------------------------------


@in_virtual_time
async def test_media_that_breaks_is_restarted() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.down("s1", "consent expired")
        await settle()
        assert call.told() == [MediaDown("consent expired")]
        (asked,) = world.stream.of("session-terminate")
        restart = asked.jingle
        assert restart.sid == "s1"
        assert str(restart.reason) == "connectivity-error (consent expired)"
        assert restart.bridge_session is not None
        assert (restart.bridge_session.id, restart.bridge_session.restart) == ("bridge-1", True)
        await connected(call, "s2")
        await settle(RESTART_PATIENCE + 60)
        assert call.told() == [] and len(world.streams) == 1
        assert media.offers[0].ssrc != media.offers[1].ssrc


@in_virtual_time
async def test_restarts_stay_within_the_limits_of_the_focus() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        for number in range(6):
            await connected(call, f"s{number}")
            media.down(f"s{number}")
            await settle(6)
        assert len(world.streams[0].of("session-terminate")) == 5
        assert Rejoined() in call.told()  # instead of a sixth restart in a minute


@in_virtual_time
async def test_media_that_breaks_again_at_once_makes_us_rejoin() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, "s1")
        media.down("s1")
        await settle(1)
        await connected(call, "s2")
        media.down("s2")
        await settle(1.5)
        assert call.told() == [MediaDown("consent expired"), Rejoined()]
        assert len(world.streams[0].of("session-terminate")) == 1


@in_virtual_time
async def test_a_restart_that_is_refused_for_coming_too_often_makes_us_rejoin_at_once() -> None:
    world, media = with_alice(terminates=[RATE_LIMITED]), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.down("s1")
        await settle(1.5)
        assert call.told() == [MediaDown("consent expired"), Rejoined()]


@pytest.mark.parametrize("answer", [error("cancel", "item-not-found"), None, ""])
@in_virtual_time
async def test_a_restart_that_brings_no_offer_makes_us_rejoin(answer: str | None) -> None:
    world, media = with_alice(terminates=[answer]), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.down("s1")
        await settle(RESTART_PATIENCE - 0.1)
        assert call.told() == [MediaDown("consent expired")]
        await settle(2)
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_while_the_server_is_cut_off_nobody_comes_anew_for_want_of_an_offer() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.stream.breaks()
        media.down("s1")
        await settle(RESTART_PATIENCE + 30)
        assert call.told() == [MediaDown("consent expired")]
        assert world.stream.of("session-terminate") == []
        world.stream.resumes()
        await settle(RESTART_PATIENCE - 1)
        assert len(world.stream.of("session-terminate")) == 1  # the focus is asked only now
        await connected(call, "s2")
        await settle(60)
        assert call.told() == [] and len(world.streams) == 1


@in_virtual_time
async def test_while_the_server_is_cut_off_nobody_comes_anew_for_want_of_a_bridge_either() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.presence("focus", extra=NO_BRIDGE)
        await settle(FIRST_OFFER_PATIENCE + 5)
        world.stream.breaks()
        await settle(BRIDGE_PATIENCE[0] + 5)
        world.stream.resumes()
        world.presence("focus")
        await settle(OFFER_PATIENCE - 1)
        await connected(call)
        assert len(world.streams) == 1


@in_virtual_time
async def test_a_server_that_is_back_without_an_offer_is_no_reason_to_wait_on() -> None:
    world, media = with_alice(terminates=[None]), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.stream.breaks()
        media.down("s1")
        await settle(RESTART_PATIENCE + 5)
        world.stream.resumes()
        await settle(RESTART_PATIENCE + 2)
        assert call.told() == [MediaDown("consent expired"), Rejoined()]


@in_virtual_time
async def test_an_offer_that_crosses_a_refused_restart_is_taken_up() -> None:
    world, media = with_alice(terminates=[None]), Media()
    async with Call(world, media) as call:
        await connected(call)
        media.down("s1")
        await settle()
        (asked,) = world.stream.of("session-terminate")
        await connected(call, "s2")
        world.stream.deliver(
            f"<iq xmlns='jabber:client' type='error' id='{asked.stanza.get('id')}' "
            f"from='{ROOM}/focus'>{RATE_LIMITED}</iq>"
        )
        await settle(60)
        assert call.told() == [] and len(world.streams) == 1


@in_virtual_time
async def test_media_that_never_comes_up_is_restarted_once_and_then_given_up() -> None:
    world, media = with_alice(), Media(connects=False)
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(INSTALLATION.media_timeout + 0.1)
        (asked,) = world.stream.of("session-terminate")
        assert str(asked.jingle.reason) == "connectivity-error (no media within 15 s)"
        world.request(offer("s2"))
        await settle(INSTALLATION.media_timeout + 0.1)
        assert call.told() == [Ended(LeaveCause.MEDIA_FAILED, "no media within 15 s")]
        assert media.open_sessions == []
    assert len(world.streams) == 1


@in_virtual_time
async def test_a_path_to_the_bridge_that_is_gone_for_a_while_ends_no_call() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, "s0")
        media.connects = False
        media.down("s0")
        for number in range(1, 7):
            await settle(0.1)
            world.request(offer(f"s{number}"))
            await settle(INSTALLATION.media_timeout + 0.1)
        media.connects = True
        world.request(offer("s7"))
        await settle(0.1)
        assert call.told() == [MediaDown("consent expired"), MediaUp()]
        assert [str(sent.jingle.reason) for sent in world.stream.of("session-terminate")] == [
            "connectivity-error (consent expired)",
            *["connectivity-error (no media within 15 s)"] * 6,
        ]
    assert len(world.streams) == 1


@in_virtual_time
async def test_a_path_to_the_bridge_that_does_not_come_back_ends_the_call() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, "s0")
        media.connects = False
        gone_at = now()
        media.down("s0")
        number = 0
        while not causes(call.events):
            number += 1
            world.request(offer(f"s{number}"))
            await settle(INSTALLATION.media_timeout + 0.1)
        assert causes(call.told()) == [LeaveCause.MEDIA_FAILED]
        assert RETURN_PATIENCE < now() - gone_at < RETURN_PATIENCE + 2 * INSTALLATION.media_timeout


@in_virtual_time
async def test_the_patience_with_media_is_configured() -> None:
    world, media = with_alice(), Media(connects=False)
    patient = replace(INSTALLATION, media_timeout=60.0)
    async with Call(world, media, installation=patient) as call:
        world.request(offer("s1"))
        await settle(59)
        media.up("s1")
        await settle()
        assert call.told() == [MediaUp()]


@in_virtual_time
async def test_an_engine_that_cannot_open_the_bridge_is_tried_again() -> None:
    world, media = with_alice(), Media(failures=["no port is free"])
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(0.1)
        assert str(world.stream.of("session-terminate")[0].jingle.reason) == (
            "connectivity-error (no port is free)"
        )
        await connected(call, "s2")


@in_virtual_time
async def test_an_engine_that_fails_while_the_accept_is_under_way_is_heard() -> None:
    world, media = with_alice(accepts=[None]), Media(connects=False)
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle()
        media.down("s1", "no DTLS")
        (accept,) = world.stream.of("session-accept")
        world._answer(world.stream, accept.stanza, "")
        await settle()
        assert "no DTLS" in str(world.stream.of("session-terminate")[0].jingle.reason)
        assert call.told() == []


@in_virtual_time
async def test_an_accept_that_is_refused_makes_us_rejoin_with_another_ssrc() -> None:
    taken = error("modify", "bad-request", text="SSRC is already used: 5.")
    world, media = with_alice(accepts=[taken]), Media()
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(2)
        assert call.told() == [Rejoined()]
        assert world.streams[0].kinds("conference", "join") == ["session-accept", "unavailable"]
        await connected(call, "s2")
        assert media.offers[0].ssrc != media.offers[1].ssrc


@in_virtual_time
async def test_media_that_is_up_before_the_accept_is_answered_is_up() -> None:
    world, media = with_alice(accepts=[None]), Media()
    async with Call(world, media) as call:
        world.request(offer("s1"))
        await settle(5)
        assert call.told() == [MediaUp()]
        (accept,) = world.stream.of("session-accept")
        world._answer(world.stream, accept.stanza, "")
        await settle(60)
        assert call.told() == [] and len(world.streams) == 1


# --- the focus -----------------------------------------------------------------------------------


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


# --- being removed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inside", "item", "ended"),
    [
        (
            "<status code='307'/>",
            "<actor nick='alice'/><reason>bye</reason>",
            Ended(LeaveCause.KICKED, "bye", "Alice"),
        ),
        ("<status code='301'/>", "", Ended(LeaveCause.BANNED, "")),
        (
            "<destroy><reason>The meeting has been terminated</reason></destroy>",
            "",
            Ended(LeaveCause.MEETING_ENDED, "The meeting has been terminated"),
        ),
    ],
)
@in_virtual_time
async def test_who_is_removed_does_not_come_back(inside: str, item: str, ended: Ended) -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.removes_us(inside, item)
        await settle(60)
        assert call.told() == [MediaDown("left the conference"), ended]
        assert media.open_sessions == []
        assert world.stream.closed_at is not None
    # We are out already: there is nobody to say goodbye to.
    assert world.stream.kinds("conference", "join") == ["session-accept"]
    assert len(world.streams) == 1


@pytest.mark.parametrize("inside", ["<status code='332'/>", "<status code='333'/>", ""])
@in_virtual_time
async def test_who_was_removed_by_a_failure_comes_back(inside: str) -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.removes_us(inside)
        await settle(1.5)
        assert call.told() == [Rejoined()]
        await connected(call, "s2")


@pytest.mark.parametrize("inside", ["<status code='332'/>", "<status code='333'/>"])
@in_virtual_time
async def test_who_was_removed_by_a_failure_is_heard_until_it_is_back(inside: str) -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.conference = [error("cancel", "service-unavailable")] * 20
        world.removes_us(inside)
        await settle(10)
        assert media.in_use == "s1"
        world.conference = []
        await settle(30)
        world.request(offer("s2"))
        await settle(0.1)
        assert call.told() == [Rejoined()]  # and not that media was down
        assert media.in_use == "s2" and media.open_sessions == ["s2"]


@pytest.mark.parametrize("is_told", [True, False])
@in_virtual_time
async def test_that_others_are_put_out_first_by_a_server_is_no_news(is_told: bool) -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, sources={"alice": 2001})
        world.goes("alice")
        await settle(0.2)
        if is_told:
            world.removes_us("<status code='332'/>")
        world.lose()
        await settle(0.5)
        assert media.in_use == "s1" and media.heard == {2001: "alice"}
        world.occupants["alice"] = "Alice"  # is back before us
        await settle(20)
        assert call.told() == [Rejoined()]


@pytest.mark.parametrize(
    ("refusal", "is_out"),
    [
        (error("cancel", "item-not-found", text="You must join the room before ..."), True),
        (error("cancel", "not-allowed", text="Room creation is restricted"), True),
        (error("wait", "resource-constraint"), False),
    ],
)
@in_virtual_time
async def test_whose_presence_shows_that_the_room_has_lost_it_comes_back(
    refusal: str, is_out: bool
) -> None:
    # Prosody's MUC may have been loaded anew, and says so only to who changes something.
    world = with_alice()
    async with Call(world, Media()) as call:
        for room in ("other@conference.meet.test", ROOM):
            world.stream.deliver(
                f"<presence xmlns='jabber:client' type='error' from='{room}/{world.stream.nick}'>"
                f"{refusal}</presence>"
            )
            await settle(5)
        assert call.told() == ([Rejoined()] if is_out else [])


@in_virtual_time
async def test_a_kick_counts_more_than_the_end_of_the_connection_after_it() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.removes_us("<status code='307'/>")
        world.lose()
        await settle(5)
        assert causes(call.told()) == [LeaveCause.KICKED]


# --- the connection ------------------------------------------------------------------------------


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


# --- muting --------------------------------------------------------------------------------------


def mute(text: str = "true", actor: str | None = f"{ROOM}/alice") -> str:
    by = f" actor='{actor}'" if actor else ""
    return f"<mute xmlns='http://jitsi.org/jitmeet/audio'{by}>{text}</mute>"


@in_virtual_time
async def test_an_order_to_mute_is_answered_obeyed_and_published() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        assert not is_muted(world)
        order = world.request(mute())
        assert len(world.answers(order)) == 1  # at once
        await settle()
        assert world.answers(order)[0].get("type") == "result"
        assert call.told() == [MutedByModerator("Alice")]
        assert ("mute", True) in media.log
        assert is_muted(world)
        (published,) = world.stream.of("presence")
        assert published.stanza.get("to") == f"{ROOM}/1a2b3c40"
        assert published.stanza.find("{http://jabber.org/protocol/muc}x") is None
        assert world.stream.of("session-terminate") == []  # the source stays


@in_virtual_time
async def test_the_rules_of_the_conference_may_mute_as_well() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.request(mute(actor=None))
        await settle()
        assert call.told() == [MutedByModerator(None)]


@in_virtual_time
async def test_being_muted_twice_is_being_muted() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        for _ in range(3):
            assert world.answers(world.request(mute()))[0].get("type") == "result"
        await settle(2)
        assert len(call.told()) == 1
        assert media.log == [("mute", True)]
        assert len(world.stream.of("presence")) == 1


@in_virtual_time
async def test_nobody_can_unmute_a_caller_and_nobody_but_the_focus_can_mute_it() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        unmute = world.request(mute("false"))
        forged = world.request(mute(), sender=f"{ROOM}/alice")
        await settle()
        assert world.answers(unmute)[0].get("type") == "result"
        assert world.answers(forged)[0].get("type") == "error"
        assert call.told() == [] and media.log == []


@in_virtual_time
async def test_a_session_may_begin_muted() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.request(offer("s1", muted=True))
        await settle(0.1)
        assert call.told() == [MutedByModerator(None), MediaUp()]
        assert media.log == [("mute", True), ("open", "s1")]
        assert is_muted(world)


@in_virtual_time
async def test_who_speaks_is_not_muted_because_its_session_is_replaced() -> None:
    # Jicofo has all sessions begin muted that begin while many are there, not newcomers' only.
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.request(terminate("s1", "success", "moving"))
        world.request(offer("s2", muted=True))
        await settle(0.1)
        assert ("mute", True) not in media.log
        assert MutedByModerator(None) not in call.told()


@in_virtual_time
async def test_who_speaks_is_not_muted_because_it_had_to_come_back() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.lose()
        await settle(2)
        world.request(offer("s2", muted=True))
        await settle(0.1)
        assert ("mute", True) not in media.log
        assert call.told() == [Rejoined()]


@in_virtual_time
async def test_with_audio_moderation_a_session_that_replaces_another_begins_muted() -> None:
    # The videobridge holds back its audio, even of who has been approved.
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        world.moderates(enabled=True)
        world.moderates(approved=True)
        await settle()
        assert call.participant.set_muted(False)
        call.told()
        world.request(offer("s2", muted=True))
        await settle(0.1)
        assert MutedByModerator(None) in call.told()
        assert media.log.count(("mute", True)) == 2


@in_virtual_time
async def test_who_was_muted_comes_back_muted() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.request(mute())
        await settle(1)
        world.lose()
        await settle(2)
        assert call.told()[-1] == Rejoined()
        assert world.stream.kinds() == ["conference", "join"]
        assert is_muted(world)


# --- other people's requests ---------------------------------------------------------------------


@in_virtual_time
async def test_a_direct_connection_is_acknowledged_and_declined() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        direct = world.request(offer("p2p", bridge_session=None), sender=f"{ROOM}/alice")
        await settle()
        assert world.answers(direct)[0].get("type") == "result"
        (declined,) = world.stream.of("session-terminate")
        assert declined.stanza.get("to") == f"{ROOM}/alice"
        assert declined.jingle.sid == "p2p"
        assert str(declined.jingle.reason) == "decline"
        assert call.told() == [] and media.open_sessions == ["s1"]


@in_virtual_time
async def test_nobody_but_the_focus_can_end_a_session() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call)
        for forged in (terminate("s1", "success"), sources("source-remove", "s1", {"alice": 2001})):
            request = world.request(forged, sender=f"{ROOM}/alice")
            await settle()
            assert world.answers(request)[0].get("type") == "error"
        assert call.told() == [] and media.heard == {2001: "alice"}


@pytest.mark.parametrize(
    ("payload", "type_", "answer"),
    [
        ("<query xmlns='http://jabber.org/protocol/disco#info'/>", "get", "result"),
        ("<query xmlns='http://jabber.org/protocol/disco#info' node='x#y'/>", "get", "result"),
        ("<ping xmlns='urn:xmpp:ping'/>", "get", "result"),
        ("<mute xmlns='http://jitsi.org/jitmeet/video'>true</mute>", "set", "result"),
        ("<mute xmlns='http://jitsi.org/jitmeet/desktop'>true</mute>", "set", "result"),
        ("<mute xmlns='http://jitsi.org/jitmeet/audio'>perhaps</mute>", "set", "error"),
        ("<query xmlns='jabber:iq:version'/>", "get", "error"),
        ("<dial xmlns='urn:xmpp:rayo:1' to='+49'/>", "set", "error"),
        ("", "set", "error"),
        ("<jingle xmlns='urn:xmpp:jingle:1' sid='s1'/>", "set", "error"),
        ("<jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='s1'/>", "set", "result"),
        ("<jingle xmlns='urn:xmpp:jingle:1' action='content-modify' sid='?'/>", "set", "result"),
    ],
)
@in_virtual_time
async def test_every_request_is_answered_once_and_at_once(
    payload: str, type_: str, answer: str
) -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        request = world.request(payload, type_=type_)
        answers = world.answers(request)
        assert [each.get("type") for each in answers] == [answer]
        assert answers[0].get("to") == f"{ROOM}/focus"
        await settle(1)
        assert call.told() == [] and len(world.answers(request)) == 1


@in_virtual_time
async def test_nonsense_changes_nothing() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        for text in (
            "<message xmlns='jabber:client' from='avmoderation.meet.test'>"
            "<json-message xmlns='http://jitsi.org/jitmeet'>{]</json-message></message>",
            "<presence xmlns='jabber:client' type='subscribe' from='x@evil.test'/>",
            "<presence xmlns='jabber:client'/>",
            f"<presence xmlns='jabber:client' type='error' from='{ROOM}/1a2b3c40'>"
            f"{error('cancel', 'not-acceptable')}</presence>",
        ):
            world.stream.deliver(text)
        await settle(1)
        assert call.told() == []


@in_virtual_time
async def test_many_who_come_and_go_do_not_fill_the_memory_and_the_end_is_told_anyway() -> None:
    world = World()
    async with Participant(
        INSTALLATION, ADDRESS, display_name="x", media=Media(), connect=world.connect
    ) as participant:
        await participant.join()
        for number in range(MAX_UNREAD + 500):
            world.presence(f"n{number}")
            if number % 100 == 0:
                await settle()
        await settle()
        reading = participant.events()
        events = [await anext(reading) for _ in range(10)]
        world.removes_us("<status code='307'/>")
        await settle()
        events += [event async for event in reading]
    assert len(events) <= MAX_UNREAD + 2
    # How many there are is told late rather than never.
    told = [event for event in events if isinstance(event, CompanyChanged)]
    assert told[-1] == CompanyChanged(people=MAX_UNREAD + 500, phones=0)
    assert isinstance(events[-1], Ended)


@in_virtual_time
async def test_presences_are_not_sent_faster_than_servers_allow() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.request(mute())
        await settle()
        for muted in (False, True, False):
            assert call.participant.set_muted(muted)
            await settle(0.02)
        await settle(1)
        first, second = world.stream.of("presence")
        assert second.time - first.time >= 0.25
        assert not is_muted(world)  # the last word counts


@in_virtual_time
async def test_a_mistake_of_our_own_is_raised_to_the_call() -> None:
    class Broken(Media):
        def mute(self, muted: bool) -> None:
            raise ZeroDivisionError

    world = with_alice()
    with pytest.raises(ExceptionGroup) as mistake:
        async with Participant(
            INSTALLATION, ADDRESS, display_name="x", media=Broken(), connect=world.connect
        ) as participant:
            await participant.join()
            world.request(mute())
            async for _ in participant.events():
                pass
    assert mistake.group_contains(ZeroDivisionError)
    assert world.stream.closed_at is not None
    assert world.stream.kinds()[-1] == "unavailable"
