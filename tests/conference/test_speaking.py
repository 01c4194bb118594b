"""A participant that is muted, unmuted, moderated and asks to speak."""

import json
from collections.abc import Callable

import pytest

from gateway.conference import stay
from gateway.conference.events import (
    ApprovalWithdrawn,
    Approved,
    HandLowered,
    ModerationSwitched,
    MutedByModerator,
    Rejoined,
)
from gateway.conference.floor import Toggled
from gateway.conference.participant import Participant
from tests.conference.world import (
    ADDRESS,
    INSTALLATION,
    ROOM,
    Call,
    Media,
    World,
    error,
    offer,
    settle,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time

MUTE = "<mute xmlns='http://jitsi.org/jitmeet/audio' actor='room@conference.meet.test/alice'>"
MUTE += "true</mute>"


def shown(world: World) -> tuple[bool, bool]:
    """What the room was told last: whether we are muted, whether our hand is up."""
    last = [sent for sent in world.stream.sent if sent.kind in ("join", "presence")][-1].stanza
    info = json.loads(last.findtext("{jabber:client}SourceInfo") or "")
    muted: bool = info[f"{world.stream.nick}-a0"]["muted"]
    assert last.findtext("{jabber:client}audiomuted") == str(muted).lower()
    hand = last.findtext("{jabber:client}jitsi_participant_raisedHand")
    assert not hand or len(hand) == 13  # milliseconds since 1970
    return muted, bool(hand)


@in_virtual_time
async def test_who_is_muted_again_already_asks_for_nothing() -> None:
    world = with_alice()
    async with Call(world, Media()) as call:
        for _ in range(3):
            call.participant.toggle_microphone()
        await settle(1)
        assert shown(world) == (True, False)
        assert world.stream.of("mute") == []


@in_virtual_time
async def test_a_caller_mutes_itself_and_unmutes_itself_and_the_focus_is_asked_to_let_it() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        assert call.participant.toggle_microphone() is Toggled.MUTED
        assert media.log == [("mute", True)]  # at once
        await settle(1)
        assert shown(world) == (True, False)
        assert world.stream.of("mute") == []
        assert call.participant.toggle_microphone() is Toggled.UNMUTED
        assert media.log == [("mute", True), ("mute", False)]
        await settle(1)
        assert shown(world) == (False, False)
        (asked,) = world.stream.of("mute")
        assert (asked.stanza.get("to"), asked.stanza.get("type")) == (f"{ROOM}/focus", "set")
        assert asked.stanza[0].tag == "{http://jitsi.org/jitmeet/audio}mute"
        assert asked.stanza[0].text == "false"
        assert asked.stanza[0].get("jid") == f"{ROOM}/{world.stream.nick}"
        assert call.told() == []  # it knows


@in_virtual_time
async def test_who_was_muted_by_a_moderator_may_unmute_itself() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.request(MUTE)
        await settle()
        assert call.told() == [MutedByModerator("Alice")]
        assert call.participant.toggle_microphone() is Toggled.UNMUTED
        await settle(1)
        assert len(world.stream.of("mute")) == 1
        assert shown(world) == (False, False)
        assert media.log == [("mute", True), ("mute", False)]


def limit_reached(value: str) -> str:
    return (
        "<conference-properties xmlns='http://jitsi.org/protocol/focus'>"
        f"<property key='audio-limit-reached' value='{value}'/></conference-properties>"
    )


@in_virtual_time
async def test_who_is_muted_stays_so_while_as_many_speak_as_the_focus_allows() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.request("<mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute>")
        world.presence("focus", extra=limit_reached("true"))
        await settle()
        assert call.participant.toggle_microphone() is Toggled.HAND_RAISED
        assert not call.participant.set_muted(False)
        await settle(1)
        assert shown(world) == (True, True)
        world.presence("focus", extra=limit_reached("false"))
        await settle()
        assert call.participant.toggle_microphone() is Toggled.UNMUTED
        await settle(1)
        assert shown(world) == (False, False)
        assert media.log == [("mute", True), ("mute", False)]


@in_virtual_time
async def test_an_unmuting_that_the_focus_refuses_is_taken_back() -> None:
    world, media = with_alice(unmutes=[error("cancel", "not-allowed")]), Media()
    async with Call(world, media) as call:
        call.participant.set_muted(True)
        call.participant.set_muted(False)
        await settle(1)
        assert call.told() == [MutedByModerator(None)]
        assert media.log[-1] == ("mute", True)
        assert shown(world) == (True, False)


@pytest.mark.parametrize("answer", [None, error("cancel", "item-not-found")])
@in_virtual_time
async def test_an_unmuting_that_is_not_answered_stays(answer: str | None) -> None:
    world, media = with_alice(unmutes=[answer]), Media()
    async with Call(world, media) as call:
        call.participant.set_muted(True)
        call.participant.set_muted(False)
        await settle(20)
        assert call.told() == []
        assert media.log[-1] == ("mute", False)


@in_virtual_time
async def test_moderation_mutes_and_blocks_until_a_moderator_approves() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.moderates(enabled=True, actor=f"{ROOM}/alice")
        await settle(1)
        assert call.told() == [ModerationSwitched(True), MutedByModerator(None)]
        assert shown(world) == (True, False)
        world.request(MUTE.replace(f" actor='{ROOM}/alice'", ""))  # the focus says so as well
        await settle(1)
        assert call.told() == []

        assert call.participant.toggle_microphone() is Toggled.HAND_RAISED
        assert not call.participant.set_muted(False)
        await settle(1)
        assert shown(world) == (True, True)
        assert media.log == [("mute", True)]
        assert world.stream.of("mute") == []

        world.moderates(approved=True)
        await settle(1)
        assert call.told() == [Approved()]
        assert shown(world) == (True, False)  # the hand is answered; speaking is up to the caller
        assert media.log == [("mute", True)]

        assert call.participant.toggle_microphone() is Toggled.UNMUTED
        await settle(1)
        assert shown(world) == (False, False)
        assert len(world.stream.of("mute")) == 1


@in_virtual_time
async def test_an_approval_that_is_withdrawn_mutes_and_blocks_again() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.moderates(enabled=True)
        world.moderates(approved=True)
        await settle(1)
        call.participant.toggle_microphone()
        call.told()
        world.moderates(removed=True)
        await settle(1)
        assert call.told() == [ApprovalWithdrawn(), MutedByModerator(None)]
        assert media.log[-1] == ("mute", True)
        assert call.participant.toggle_microphone() is Toggled.HAND_RAISED


@in_virtual_time
async def test_when_moderation_ends_everybody_may_unmute() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        world.moderates(enabled=True)
        await settle(1)
        world.moderates(enabled=False)
        await settle(1)
        assert shown(world) == (True, False)
        assert call.participant.toggle_microphone() is Toggled.UNMUTED


@in_virtual_time
async def test_who_comes_into_a_moderated_room_is_muted() -> None:
    world, media = with_alice(), Media()
    world.on_join = lambda: world.moderates(enabled=True)
    async with Call(world, media) as call:
        assert call.told() == [ModerationSwitched(True), MutedByModerator(None)]
        await settle(1)
        assert shown(world) == (True, False)
        assert media.log == [("mute", True)]


@in_virtual_time
async def test_a_moderator_is_not_blocked() -> None:
    world = with_alice(role="moderator")
    async with Call(world, Media()) as call:
        world.moderates(enabled=True)
        await settle(1)
        assert call.told() == [ModerationSwitched(True)]
        call.participant.set_muted(True)
        assert call.participant.toggle_microphone() is Toggled.UNMUTED


@in_virtual_time
async def test_only_the_component_that_the_server_names_moderates() -> None:
    for components in (None, {}, {"av_moderation": "other.meet.test"}):
        world = with_alice(components=components)
        async with Call(world, Media()) as call:
            world.moderates(enabled=True)
            await settle(1)
            assert call.told() == []


@in_virtual_time
async def test_the_hand_and_the_mute_are_kept_when_we_come_back() -> None:
    world = with_alice()
    world.on_join = lambda: world.moderates(enabled=True)
    async with Call(world, Media()) as call:
        assert call.participant.toggle_microphone() is Toggled.HAND_RAISED
        await settle(1)
        world.lose()
        await settle(2)
        assert Rejoined() in call.told()
        assert world.stream.kinds() == ["conference", "join"]
        assert shown(world) == (True, True)


@in_virtual_time
async def test_a_key_that_is_pressed_while_we_come_back_is_not_forgotten() -> None:
    for seconds in (0.5, 1.015, 1.5):  # while waiting, while asking for the conference
        world, media = with_alice(), Media()
        async with Call(world, media) as call:
            world.conference = [error("cancel", "service-unavailable")]
            world.lose()
            await settle(seconds)
            assert call.participant.toggle_microphone() is Toggled.MUTED
            assert media.log == [("mute", True)]
            await settle(5)
            assert Rejoined() in call.told()
            assert shown(world) == (True, False)


@in_virtual_time
async def test_before_we_are_in_a_room_there_is_no_microphone() -> None:
    participant = Participant(INSTALLATION, ADDRESS, display_name="x", media=Media())
    assert participant.toggle_microphone() is None
    assert not participant.set_muted(True)


@in_virtual_time
async def test_a_moderator_and_nobody_else_lowers_our_hand_by_the_bridge(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lowering: list[Callable[[str], None]] = []
    monkeypatch.setattr(stay, "channel_opener", lambda site, lower: lowering.append(lower))
    world = with_alice()
    async with Call(world, Media()) as call:
        world.request(offer("s1"))
        await settle(1)
        call.participant.toggle_hand()
        call.told()
        for nobody in ("alice", "elsewhere", "focus"):
            lowering[0](nobody)
        await settle(1)
        assert call.told() == [] and shown(world) == (False, True)
        world.presence("alice", "Alice", role="moderator")
        await settle()
        lowering[0]("alice")
        lowering[0]("alice")  # it is down
        await settle(1)
        assert call.told() == [HandLowered()] and shown(world) == (False, False)
