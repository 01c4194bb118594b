"""A participant that is sent to breakout rooms and back."""

from dataclasses import replace

import pytest

from gateway.conference.events import Alone, Ended, LeaveCause, MediaDown, Moved, Rejoined
from gateway.conference.floor import Toggled
from tests.conference.world import (
    BREAKOUT,
    INSTALLATION,
    ROOM,
    Call,
    Media,
    connected,
    error,
    members_only,
    offer,
    settle,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time

STATUS = "{jabber:client}status"
NOT_ALLOWED = error("cancel", "not-allowed")


async def sent_to(call: Call, room: str) -> None:
    call.world.sends_us_to(room)
    await settle(1.5)  # five presences in a row: the last has to wait


@in_virtual_time
async def test_who_is_sent_to_a_breakout_room_goes_there_with_its_media() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, "s1")
        before = len(world.stream.sent)
        await sent_to(call, BREAKOUT)
        assert call.told() == [MediaDown("left the conference"), Moved(BREAKOUT)]
        after = world.stream.sent[before:]
        assert [sent.kind for sent in after if sent.kind != "result"] == [
            *("session-terminate", "unavailable", "conference", "join")
        ]
        ended, left, asked, joined = (sent.stanza for sent in after if sent.kind != "result")
        assert ended.get("to") == f"{ROOM}/focus"
        assert left.get("to") == f"{ROOM}/{world.stream.nick}"
        assert left.findtext(STATUS) == "switch_room"
        assert asked[0].get("room") == BREAKOUT
        assert joined.get("to") == f"{BREAKOUT}/{world.stream.nick}"
        assert len(world.streams) == 1  # over the same connection
        await connected(call, "s2")
        assert media.rooms == [INSTALLATION.key_of(ROOM), INSTALLATION.key_of(BREAKOUT)]
        assert media.open_sessions == ["s2"]
        (accept,) = world.stream.of("session-accept")[1:]
        assert accept.stanza.get("to") == f"{BREAKOUT}/focus"
    farewell = world.stream.of("unavailable")[-1].stanza
    assert farewell.get("to") == f"{BREAKOUT}/{world.stream.nick}"
    assert farewell.find(STATUS) is None
    assert world.stream.closed_at is not None


@in_virtual_time
async def test_who_is_sent_back_goes_back() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await sent_to(call, BREAKOUT)
        await sent_to(call, ROOM)
        assert call.told() == [Moved(BREAKOUT), Moved(ROOM, is_main=True)]
        await connected(call, "s2")
        assert media.rooms == [INSTALLATION.key_of(room) for room in (ROOM, BREAKOUT, ROOM)]


@in_virtual_time
async def test_who_has_come_back_is_sent_on_over_its_new_connection() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.lose()
        await settle(2.0)
        assert call.told() == [Rejoined()]
        await sent_to(call, BREAKOUT)
        assert call.told() == [Moved(BREAKOUT)]
        assert len(world.streams) == 2
    assert all(stream.closed_at is not None for stream in world.streams)


@in_virtual_time
async def test_when_the_breakout_room_is_closed_everybody_goes_to_the_main_room() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        call.told()
        unavailable = len(world.stream.of("unavailable"))
        world.removes_us(f"<destroy jid='{ROOM}'><reason>closed</reason></destroy>")
        await settle(0.1)
        assert call.told() == [Moved(ROOM, is_main=True)]
        assert len(world.stream.of("unavailable")) == unavailable  # nothing was left to leave
        await connected(call, "s2")


@in_virtual_time
async def test_the_main_room_of_a_tenant_is_known_by_the_name_that_prosody_has_for_it() -> None:
    # The domain mapper translates who a stanza is from and to, and nothing in it.
    world = with_alice()
    site = replace(INSTALLATION, tenants=True)
    main = site.room("acme/room")
    async with Call(world, Media(), installation=site, address=main) as call:
        await sent_to(call, BREAKOUT)
        call.told()
        world.removes_us("<destroy jid='[acme]room@conference.meet.test'/>")
        await settle(0.1)
        assert call.told() == [Moved(main.jid, is_main=True)]


@in_virtual_time
async def test_a_meeting_that_ends_while_we_are_in_a_breakout_room_has_ended() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        call.told()
        world.removes_us("<destroy><reason>ended</reason></destroy>")
        await settle(0.1)
        assert call.told() == [Ended(LeaveCause.MEETING_ENDED, "ended")]


@in_virtual_time
async def test_a_meeting_that_is_ended_for_all_is_not_begun_anew_from_its_breakout_rooms() -> None:
    # Prosody's module sends those who are there to the main room, whatever has become of it.
    ended = "The meeting has been terminated"
    world = with_alice()
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        call.told()
        world.removes_us(f"<destroy jid='{ROOM}'><reason>{ended}</reason></destroy>")
        await settle(0.1)
        assert call.told() == [Ended(LeaveCause.MEETING_ENDED, ended)]
        assert len(world.stream.of("conference")) == 2


@in_virtual_time
async def test_a_breakout_room_that_does_not_let_us_in_leaves_us_in_the_main_room() -> None:
    world = with_alice(joins=["", NOT_ALLOWED])
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        assert call.told() == [Moved(ROOM, is_main=True)]
        await connected(call, "s2")


@in_virtual_time
async def test_who_may_not_come_back_either_is_out() -> None:
    world = with_alice(joins=["", NOT_ALLOWED, NOT_ALLOWED])
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        (ended,) = call.told()
        assert isinstance(ended, Ended) and "not-allowed" in ended.text
        assert world.stream.closed_at is not None


@in_virtual_time
async def test_who_is_sent_on_twice_on_its_way_ends_where_it_was_sent_last() -> None:
    world = with_alice(joins=["", None])
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        world.sends_us_to("other@breakout.meet.test")
        world.sends_us_to(ROOM)
        world.enters(BREAKOUT)
        await settle(10)
        assert world.stream.of("join")[-1].stanza.get("to") == f"{ROOM}/{world.stream.nick}"
        assert call.told()[-1] == Moved(ROOM, is_main=True)


@in_virtual_time
async def test_who_is_sent_on_by_a_room_that_does_not_let_it_in_goes_there_all_the_same() -> None:
    world = with_alice(joins=["", None])
    async with Call(world, Media()) as call:
        await sent_to(call, "other@breakout.meet.test")
        world.sends_us_to(BREAKOUT)
        world.refuses_us("other@breakout.meet.test", NOT_ALLOWED)
        await settle(10)
        assert call.told()[-1] == Moved(BREAKOUT)


@in_virtual_time
async def test_being_alone_is_told_anew_in_every_room() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.occupants.clear()
        await sent_to(call, BREAKOUT)
        assert call.told() == [Moved(BREAKOUT), Alone()]


@pytest.mark.parametrize("room", ["x@evil.test", "", "breakout.meet.test", f"{ROOM}/nick", ROOM])
@in_virtual_time
async def test_nobody_is_sent_to_rooms_that_are_not_of_this_installation(room: str) -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await sent_to(call, room)
        assert call.told() == [] and world.stream.kinds() == ["conference", "join"]


@in_virtual_time
async def test_only_the_component_for_breakout_rooms_sends_us_anywhere() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        for sender in ("avmoderation.meet.test", f"{ROOM}/alice", "breakout.evil.test"):
            world.sends_us_to(BREAKOUT, sender)
        await settle(0.1)
        assert call.told() == [] and world.stream.kinds() == ["conference", "join"]


@in_virtual_time
async def test_a_room_that_is_gone_for_one_that_is_not_served_has_ended() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.removes_us("<destroy jid='x@evil.test'><reason>moved</reason></destroy>")
        await settle(1)
        assert call.told() == [Ended(LeaveCause.MEETING_ENDED, "moved")]


@in_virtual_time
async def test_a_connection_that_breaks_in_a_breakout_room_is_made_again_for_that_room() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        call.told()
        world.lose()
        await settle(2)
        assert call.told() == [Rejoined()]
        assert world.stream.of("join")[-1].stanza.get("to") == f"{BREAKOUT}/{world.stream.nick}"


@in_virtual_time
async def test_a_breakout_room_that_is_gone_when_we_come_back_leads_to_the_main_room() -> None:
    world = with_alice(joins=["", "", NOT_ALLOWED])
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        call.told()
        world.lose()
        await settle(10)
        assert call.told() == [Rejoined(), Moved(ROOM, is_main=True)]
        assert world.stream.of("join")[-1].stanza.get("to") == f"{ROOM}/{world.stream.nick}"


@in_virtual_time
async def test_who_comes_anew_on_the_way_to_a_breakout_room_is_told_where_it_has_come() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.conference = [None]
        world.sends_us_to(BREAKOUT)
        await settle(1)
        world.lose()
        await settle(10)
        assert call.told() == [Rejoined(), Moved(BREAKOUT)]


@in_virtual_time
async def test_a_lobby_on_the_way_back_is_waited_in() -> None:
    world = with_alice(joins=["", "", members_only()])
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        await sent_to(call, ROOM)
        call.told()
        world.invites_us()
        await settle(1.5)
        assert call.told() == [Moved(ROOM, is_main=True)]


@in_virtual_time
async def test_what_the_old_room_still_says_is_not_for_us() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        await connected(call, "s1")
        world.request(offer("s1b"))  # crosses the order
        world.sends_us_to(BREAKOUT)
        await settle(0.1)
        await connected(call, "s2")
        world.request(offer("s3"), sender=f"{ROOM}/focus")
        await settle(0.1)
        assert media.open_sessions == ["s2"]
        assert call.told() == []


@in_virtual_time
async def test_moderation_of_the_room_we_have_left_does_not_silence_us_in_the_next() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        await sent_to(call, BREAKOUT)
        call.told()
        world.moderates(room=ROOM, enabled=True)  # crosses our leaving
        await settle(0.1)
        assert call.told() == []
        assert call.participant.toggle_microphone() is Toggled.MUTED
        assert call.participant.toggle_microphone() is Toggled.UNMUTED


@in_virtual_time
async def test_who_hangs_up_on_the_way_leaves_nothing_open() -> None:
    world = with_alice()
    async with Call(world, Media()):
        world.conference = [None]
        world.sends_us_to(BREAKOUT)
        await settle(1)
    assert world.stream.closed_at is not None


@in_virtual_time
async def test_who_had_to_come_back_is_sent_on_over_its_new_connection() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        world.lose()
        await settle(5)
        assert call.told() == [Rejoined()]
        await sent_to(call, BREAKOUT)
        assert call.told() == [Moved(BREAKOUT)]
        assert len(world.streams) == 2
    assert all(stream.closed_at is not None for stream in world.streams)


@in_virtual_time
async def test_a_breakout_room_that_has_a_name_is_told_of_by_it() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        update = "features/breakout-rooms/update"
        rooms = {"1": {"jid": BREAKOUT, "name": "Group 1"}}
        world.tells("breakout.meet.test", type="breakout_rooms", event=update, rooms=rooms)
        await sent_to(call, BREAKOUT)
        await sent_to(call, ROOM)
        told = [event for event in call.told() if isinstance(event, Moved)]
        assert told == [Moved(BREAKOUT, name="Group 1"), Moved(ROOM, is_main=True)]
        world.tells("breakout.meet.test", type="breakout_rooms", event=update, rooms={})
        await sent_to(call, BREAKOUT)
        assert Moved(BREAKOUT) in call.told()
