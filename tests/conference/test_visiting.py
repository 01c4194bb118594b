"""A caller that wants to be a visitor: at a node of its own, heard by nobody, until promoted."""

import asyncio
import json
from dataclasses import replace

import pytest

from gateway.conference.events import (
    Ended,
    Event,
    HandLowered,
    MutedByModerator,
    Rejoined,
    VisitorChanged,
    Waiting,
    WaitingFor,
)
from gateway.conference.floor import Toggled
from gateway.conference.visiting import Visiting
from gateway.errors import ConferenceError, JoinFailure
from gateway.xmpp.server import Server
from tests.conference.world import (
    INSTALLATION,
    NOT_YET,
    ROOM,
    Call,
    Media,
    World,
    connected,
    error,
    members_only,
    offer,
    settle,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time

FOCUS = "http://jitsi.org/protocol/focus"
NODE_ROOM = "room@conference.v1.meet.jitsi"
TO_NODE = f"<conference xmlns='{FOCUS}' ready='true' vnode='v1' focusjid='focus@auth.meet.test'/>"
READY = f"<conference xmlns='{FOCUS}' ready='true'/>"
SITE = replace(INSTALLATION, server=Server("meet.test", None, web_socket="wss://meet.test/ws"))


def promotion(*, allow: str = "true", username: str = "username='5f6a'") -> str:
    return (
        f"<visitors xmlns='jitsi:visitors' room='{NODE_ROOM}'>"
        f"<promotion-response allow='{allow}' jid='me@v1.meet.jitsi' {username}/></visitors>"
    )


def visiting(world: World, media: Media, wanted: Visiting = Visiting.WANTED) -> Call:
    return Call(world, media, installation=SITE, visiting=wanted)


def at_a_node() -> World:
    return with_alice(conference=[TO_NODE])


def properties(world: World) -> list[dict[str | None, str | None]]:
    """Those of each conference request, whichever connection it went over."""
    return [
        {part.get("name"): part.get("value") for part in sent.stanza[0]}
        for stream in world.streams
        for sent in stream.of("conference")
    ]


def refusal(condition: str) -> str:
    return error("cancel", "not-allowed", f"<{condition} xmlns='jitsi:visitors'/>")


VISITORS = "visitors.meet.test"
HAND = "{jabber:client}jitsi_participant_raisedHand"
DEMOTION = {"type": "visitors", "action": "demote-request", "actor": "alice"}
ONLY_VISITORS = refusal("promotion-not-allowed")


def ends(events: list[Event]) -> list[Event]:
    return [event for event in events if isinstance(event, Ended)]


@in_virtual_time
async def test_who_wants_to_visit_says_so_and_goes_to_the_node_it_is_sent_to() -> None:
    world = at_a_node()
    async with visiting(world, Media()) as call:
        main, node = world.streams
        assert properties(world) == [{"visitors-version": "1", "visitor": "true"}]
        assert main.kinds() == ["conference"]
        assert main.closed_at is not None
        assert node.kinds() == ["join"]  # the focus is in the room, and not asked again
        assert node.of("join")[0].stanza.get("to") == f"{NODE_ROOM}/{node.nick}"
        assert world.servers[1].domain == "v1.meet.jitsi"
        assert world.servers[1].web_socket == "wss://meet.test/ws?vnode=v1&room=room"
        assert call.told()[0] == VisitorChanged(True)
    assert all(stream.closed_at is not None for stream in world.streams)


@in_virtual_time
async def test_who_does_not_want_to_visit_never_speaks_of_visitors() -> None:
    world = with_alice()
    async with Call(world, Media(), installation=SITE) as call:
        world.lose()
        await settle(10)
        assert Rejoined() in call.told()
    assert properties(world) == [{}, {}]


@in_virtual_time
async def test_a_visitor_hears_the_conference_and_is_not_heard() -> None:
    world, media = at_a_node(), Media()
    async with visiting(world, media):
        joined = world.stream.of("join")[0].stanza
        assert json.loads(joined.findtext("{jabber:client}SourceInfo") or "") == {}
        assert joined.findtext("{jabber:client}audiomuted") == "true"
        assert media.log == [("mute", True)]
        world.request(offer("s1"))
        await settle(0.1)
        assert world.stream.of("session-accept")[0].jingle.sources == ()
        assert media.heard == {2001: "alice"}


@in_virtual_time
async def test_a_visitors_key_raises_and_lowers_its_hand() -> None:
    world, media = at_a_node(), Media()
    async with visiting(world, media) as call:
        assert call.participant.toggle_microphone() is Toggled.HAND_RAISED
        await settle(1)
        hand = world.stream.sent[-1].stanza.findtext(HAND)
        assert hand
        assert not call.participant.set_muted(False)
        assert call.participant.toggle_microphone() is Toggled.HAND_LOWERED
        await settle(1)
        assert ("mute", False) not in media.log
        call.participant.set_held(True)
        await settle(1)
        told = [sent.stanza.findtext(HAND) for sent in world.stream.of("presence")]
        assert told == [hand, "", None]


@in_virtual_time
async def test_who_has_the_role_of_a_visitor_in_the_main_room_is_one_as_well() -> None:
    world, media = with_alice(role="visitor"), Media()
    async with visiting(world, media) as call:
        assert call.told()[0] == VisitorChanged(True)
        assert len(world.streams) == 1
        world.request(offer("s1"))
        await settle(0.1)
        assert media.log[0] == ("mute", True)
        assert world.stream.of("session-accept")[0].jingle.sources == ()


@in_virtual_time
async def test_who_wants_to_listen_where_there_are_no_visitors_comes_muted_and_is_told() -> None:
    world, media = with_alice(), Media()
    async with visiting(world, media) as call:
        joined = world.stream.of("join")[0].stanza
        assert joined.findtext("{jabber:client}audiomuted") == "true"
        assert call.told() == [MutedByModerator(None)]
        world.request(offer("s1"))
        await settle(0.1)
        assert media.log == [("mute", True), ("open", "s1")]
        assert len(world.stream.of("session-accept")[0].jingle.sources) == 1
        assert call.participant.toggle_microphone() is Toggled.UNMUTED
        assert media.log[-1] == ("mute", False)


@in_virtual_time
async def test_a_promoted_visitor_comes_to_the_main_room_muted_and_may_speak() -> None:
    world, media = at_a_node(), Media()
    async with visiting(world, media) as call:
        call.participant.toggle_microphone()
        request = world.request(promotion(), sender=NODE_ROOM)
        await settle(1)
        assert [answer.get("type") for answer in world.answers(request)] == ["result"]
        assert world.streams[1].closed_at is not None
        assert properties(world)[1] == {}
        assert world.servers[2].domain == "meet.test"
        assert world.servers[2].web_socket == "wss://meet.test/ws?customusername=5f6a&room=room"
        joined = world.stream.of("join")[0].stanza
        assert joined.get("to") == f"{ROOM}/{world.stream.nick}"
        assert joined.findtext("{jabber:client}audiomuted") == "true"
        assert joined.find("{jabber:client}jitsi_participant_raisedHand") is None
        assert call.told() == [VisitorChanged(True), VisitorChanged(False), Rejoined()]
        world.request(offer("s2"))
        await settle(0.1)
        assert len(world.stream.of("session-accept")[0].jingle.sources) == 1
        assert call.participant.toggle_microphone() is Toggled.UNMUTED
        assert media.log[-1] == ("mute", False)


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        (f"{NODE_ROOM}/alice", promotion()),
        ("alice@v1.meet.jitsi/x", promotion()),
        ("elsewhere.test", promotion()),
        (f"{NODE_ROOM}/focus", promotion()),
        (NODE_ROOM, promotion(allow="false")),
    ],
)
@in_virtual_time
async def test_nobody_but_the_room_promotes(sender: str, told: str) -> None:
    world = at_a_node()
    async with visiting(world, Media()):
        world.request(told, sender=sender)
        await settle(1)
        assert len(world.streams) == 2
        assert world.stream.closed_at is None


@in_virtual_time
async def test_a_promotion_that_is_denied_lowers_the_hand() -> None:
    world = at_a_node()
    async with visiting(world, Media()) as call:
        call.participant.toggle_microphone()
        world.request(promotion(allow="false"), sender=NODE_ROOM)
        await settle(1)
        assert call.told()[-1] == HandLowered()
        assert call.participant.toggle_microphone() is Toggled.HAND_RAISED


@in_virtual_time
async def test_a_visitor_whose_connection_breaks_asks_again_where_to_go() -> None:
    world = at_a_node()
    async with visiting(world, Media()) as call:
        world.conference.append(TO_NODE.replace("v1", "v2"))
        world.lose()
        await settle(10)
        assert world.servers[-1].domain == "v2.meet.jitsi"
        assert world.room == "room@conference.v2.meet.jitsi"
        assert call.told() == [VisitorChanged(True), Rejoined()]


@in_virtual_time
async def test_a_focus_that_leaves_the_visitors_room_is_looked_for_through_the_main_one() -> None:
    world, media = at_a_node(), Media()
    async with visiting(world, media) as call:
        await connected(call)
        world.conference.append(TO_NODE)
        world.goes("focus")
        await settle(30)
        assert len(properties(world)) == 2
        assert world.room == NODE_ROOM
        assert media.in_use == "s1"  # is heard until there is another session
        assert call.told() == [Rejoined()]
        world.request(offer("s2"))
        await settle(0.1)
        assert media.log[-2:] == [("open", "s2"), ("left", "s1")]


@in_virtual_time
async def test_a_conference_that_is_not_live_is_waited_for_in_the_usual_time() -> None:
    live = "<property name='live' value='false'/>"
    not_live = f"<conference xmlns='{FOCUS}' ready='false'>{live}</conference>"
    world = with_alice(conference=[not_live, not_live, TO_NODE])
    async with visiting(world, Media()):
        assert world.room == NODE_ROOM
    with pytest.raises(ConferenceError, match="not live") as refused:
        async with visiting(with_alice(conference=[not_live] * 9), Media()):
            pass
    assert refused.value.cause is JoinFailure.WAITING_FOR_HOST


@in_virtual_time
async def test_a_node_that_nothing_can_be_called_is_not_gone_to() -> None:
    world = with_alice(conference=[TO_NODE.replace("v1", "v1.evil.test/")])
    with pytest.raises(ConferenceError) as refused:
        async with visiting(world, Media()):
            pass
    assert refused.value.cause is JoinFailure.PROTOCOL
    assert [stream.closed_at is not None for stream in world.streams] == [True]


@pytest.mark.parametrize(
    ("condition", "cause"),
    [
        ("no-main-participants", JoinFailure.WAITING_FOR_HOST),
        ("not-live-room", JoinFailure.WAITING_FOR_HOST),
        ("promotion-not-allowed", JoinFailure.ONLY_VISITORS),
    ],
)
@in_virtual_time
async def test_why_a_visitor_is_not_let_in(condition: str, cause: JoinFailure) -> None:
    world = with_alice(conference=[TO_NODE], joins=[refusal(condition)])
    with pytest.raises(ConferenceError) as refused:
        async with visiting(world, Media()):
            pass
    assert refused.value.cause is cause
    assert all(stream.closed_at is not None for stream in world.streams)


@in_virtual_time
async def test_a_room_that_is_not_at_the_node_yet_is_tried_again() -> None:
    world = with_alice(conference=[TO_NODE], joins=[NOT_YET])
    async with visiting(world, Media()):
        assert world.stream.kinds() == ["join", "join"]


@in_virtual_time
async def test_who_may_visit_does_so_where_the_meeting_lets_nobody_else_in() -> None:
    world = with_alice(conference=[READY, TO_NODE], joins=[ONLY_VISITORS])
    media = Media()
    async with visiting(world, media, Visiting.IF_NEEDED) as call:
        assert properties(world) == [{}, {"visitors-version": "1", "visitor": "true"}]
        assert world.room == NODE_ROOM
        assert call.told() == [VisitorChanged(True)]
        assert media.log == [("mute", True)]
        assert [stream.closed_at is None for stream in world.streams] == [False, False, True]


@in_virtual_time
async def test_who_may_not_visit_stays_out_of_a_meeting_that_lets_nobody_else_in() -> None:
    world = with_alice(joins=[ONLY_VISITORS])
    with pytest.raises(ConferenceError) as refused:
        async with visiting(world, Media(), Visiting.NEVER):
            pass
    assert refused.value.cause is JoinFailure.ONLY_VISITORS
    assert properties(world) == [{}]


@in_virtual_time
async def test_who_may_visit_is_a_participant_as_long_as_the_meeting_lets_it() -> None:
    world, media = with_alice(), Media()
    async with visiting(world, media, Visiting.IF_NEEDED) as call:
        assert properties(world) == [{}]
        assert call.told() == []
        assert media.log == []


@in_virtual_time
async def test_a_participant_that_may_not_come_back_as_one_goes_on_listening() -> None:
    world, media = with_alice(), Media()
    async with visiting(world, media, Visiting.IF_NEEDED) as call:
        world.joins.append(ONLY_VISITORS)
        world.conference.extend([READY, TO_NODE])
        world.lose()
        await settle(10)
        assert world.room == NODE_ROOM
        assert call.told() == [VisitorChanged(True), Rejoined()]
        assert media.log[-1] == ("mute", True)


@in_virtual_time
async def test_a_lobby_that_keeps_visitors_out_is_waited_in_as_others_do() -> None:
    world = with_alice(
        conference=[TO_NODE, READY], joins=[refusal("no-visitors-lobby"), members_only()]
    )
    call = visiting(world, Media())
    entering = asyncio.create_task(call.__aenter__())
    await settle(2)
    assert world.stream.kinds()[-1] == "join"
    world.invites_us()
    await entering
    assert world.room == ROOM
    (waited, muted) = call.told()
    assert isinstance(waited, Waiting)
    assert waited.for_ is WaitingFor.LOBBY
    assert muted == MutedByModerator(None)
    await call.__aexit__()


@in_virtual_time
async def test_a_promoted_visitor_that_the_main_room_does_not_know_goes_on_listening() -> None:
    world = at_a_node()
    async with visiting(world, Media()) as call:
        call.participant.toggle_microphone()
        world.joins.append(ONLY_VISITORS)
        world.conference.extend([READY, TO_NODE])
        world.request(promotion(), sender=NODE_ROOM)
        await settle(5)
        assert world.room == NODE_ROOM
        assert world.servers[-1].web_socket == "wss://meet.test/ws?vnode=v1&room=room"
        assert call.told() == [VisitorChanged(True), Rejoined()]
        joined = world.stream.of("join")[0].stanza
        assert joined.find("{jabber:client}jitsi_participant_raisedHand") is not None
        assert call.participant.toggle_microphone() is Toggled.HAND_LOWERED


@in_virtual_time
async def test_a_promoted_visitor_that_the_main_room_has_as_a_visitor_keeps_its_hand_up() -> None:
    world = at_a_node()
    async with visiting(world, Media()) as call:
        call.participant.toggle_microphone()
        world.role = "visitor"
        world.request(promotion(), sender=NODE_ROOM)
        await settle(5)
        assert world.room == ROOM
        assert call.told() == [VisitorChanged(True), Rejoined()]
        assert world.stream.of("presence")[-1].stanza.findtext(HAND)
        assert call.participant.toggle_microphone() is Toggled.HAND_LOWERED


@in_virtual_time
async def test_a_visitor_in_the_main_room_that_has_to_come_back_keeps_its_hand_up() -> None:
    world = with_alice(role="visitor")
    async with visiting(world, Media()) as call:
        call.participant.toggle_microphone()
        world.lose()
        await settle(5)
        assert call.told() == [VisitorChanged(True), Rejoined()]
        assert world.stream.of("presence")[-1].stanza.findtext(HAND)
        assert call.participant.toggle_microphone() is Toggled.HAND_LOWERED


@in_virtual_time
async def test_who_is_promoted_again_comes_by_its_new_name_alone() -> None:
    world = at_a_node()
    async with visiting(world, Media()):
        world.joins.append(ONLY_VISITORS)
        world.conference.extend([READY, TO_NODE])
        world.request(promotion(), sender=NODE_ROOM)
        await settle(5)
        world.request(promotion(username="username='77aa'"), sender=NODE_ROOM)
        await settle(5)
        assert world.room == ROOM
        assert world.servers[-1].web_socket == "wss://meet.test/ws?customusername=77aa&room=room"


@pytest.mark.parametrize("may_visit", Visiting)
@in_virtual_time
async def test_whom_a_moderator_makes_a_visitor_goes_to_the_node(may_visit: Visiting) -> None:
    world, media = with_alice(components={"visitors": VISITORS}), Media()
    async with visiting(world, media, may_visit) as call:
        call.participant.set_muted(False)
        call.told()
        world.conference.append(TO_NODE)
        world.tells(VISITORS, **DEMOTION | {"id": world.stream.nick})
        await settle(5)
        assert properties(world)[-1] == {"visitors-version": "1", "visitor": "true"}
        assert world.room == NODE_ROOM
        assert call.told() == [MutedByModerator(None), VisitorChanged(True), Rejoined()]
        assert media.log[-1] == ("mute", True)


@in_virtual_time
async def test_who_is_made_a_visitor_where_no_node_is_comes_back_muted() -> None:
    world, media = with_alice(components={"visitors": VISITORS}), Media()
    async with visiting(world, media, Visiting.NEVER) as call:
        world.tells(VISITORS, **DEMOTION | {"id": world.stream.nick})
        await settle(5)
        assert world.room == ROOM
        assert call.told() == [MutedByModerator(None), Rejoined()]
        assert media.log == [("mute", True)]


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        ("elsewhere.test", {}),
        (f"{ROOM}/alice", {}),
        (VISITORS, {"id": "alice"}),
        (VISITORS, {"action": "promotion-request"}),
    ],
)
@in_virtual_time
async def test_nobody_else_makes_us_a_visitor(sender: str, told: dict[str, str]) -> None:
    world = with_alice(components={"visitors": VISITORS})
    async with visiting(world, Media(), Visiting.IF_NEEDED) as call:
        world.tells(sender, **DEMOTION | {"id": world.stream.nick} | told)
        await settle(5)
        assert len(world.streams) == 1
        assert call.told() == []


@in_virtual_time
async def test_a_visitor_waits_for_a_node_that_comes_back() -> None:
    world = at_a_node()
    async with visiting(world, Media()) as call:
        world.joins.extend([ONLY_VISITORS] * 4)
        world.conference.extend([READY] * 4 + [TO_NODE])
        world.lose()
        await settle(25)
        assert world.room == NODE_ROOM
        assert call.told() == [VisitorChanged(True), Rejoined()]


@in_virtual_time
async def test_where_the_node_is_away_one_comes_to_the_main_room_muted() -> None:
    world = with_alice(conference=[TO_NODE, READY], joins=[NOT_YET] * 3)
    async with visiting(world, Media()) as call:
        assert world.room == ROOM
        assert properties(world)[-1] == {}
        assert call.told() == [MutedByModerator(None)]


@in_virtual_time
async def test_a_visitor_whose_node_does_not_come_back_goes_on_in_the_main_room_muted() -> None:
    world, media = at_a_node(), Media()
    async with visiting(world, media) as call:
        world.conference.extend([TO_NODE, READY])
        world.joins.extend([NOT_YET] * 3)
        world.lose()
        await settle(15)
        assert world.room == ROOM
        assert call.told() == [VisitorChanged(True), VisitorChanged(False), Rejoined()]
        joined = world.stream.of("join")[0].stanza
        assert joined.findtext("{jabber:client}audiomuted") == "true"
        assert ("mute", False) not in media.log


@in_virtual_time
async def test_who_is_let_in_nowhere_is_told_that_there_are_no_visitors() -> None:
    world = with_alice(conference=[READY, TO_NODE], joins=[ONLY_VISITORS, *[NOT_YET] * 3])
    with pytest.raises(ConferenceError) as refused:
        async with visiting(world, Media(), Visiting.IF_NEEDED):
            pass
    assert refused.value.cause is JoinFailure.NO_VISITORS
    assert all(stream.closed_at is not None for stream in world.streams)
