"""A participant's life in a conference: it joins, talks, leaves, and is asked things."""

import pytest

from gateway.conference.event_queue import MAX_UNREAD
from gateway.conference.events import (
    Alone,
    CompanyChanged,
    Ended,
    MediaUp,
    OccupantJoined,
    OccupantLeft,
)
from gateway.conference.participant import Participant
from gateway.errors import ConferenceError, JoinFailure
from tests.conference.participants import is_muted, mute, now
from tests.conference.world import (
    ADDRESS,
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
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time


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
