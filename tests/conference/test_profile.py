"""What the room is shown of a call: its status, and that it is on hold."""

import json

import pytest

from gateway.conference.events import MutedByModerator, Rejoined
from gateway.conference.floor import Toggled
from tests.conference.world import Call, Media, World, error, settle, with_alice
from tests.xmpp.virtual_time import in_virtual_time

MUTE = "<mute xmlns='http://jitsi.org/jitmeet/audio'>true</mute>"


def shown(world: World) -> tuple[bool, str | None]:
    """What the room was told last: whether we are silent, and our status."""
    last = [sent for sent in world.stream.sent if sent.kind in ("join", "presence")][-1].stanza
    info = json.loads(last.findtext("{jabber:client}SourceInfo") or "")
    muted: bool = info[f"{world.stream.nick}-a0"]["muted"]
    return muted, last.findtext("{jabber:client}status")


@in_virtual_time
async def test_a_status_is_shown_from_before_we_come_until_it_changes() -> None:
    world = with_alice()
    call = Call(world, Media())
    call.participant.set_status("Ringing")
    async with call:
        assert shown(world) == (False, "Ringing")
        assert world.stream.of("presence") == []  # it was in the first
        for status in ("Answering", "Connected"):
            call.participant.set_status(status)
        await settle(1)
        assert shown(world) == (False, "Connected")
        assert len(world.stream.of("presence")) == 1  # together
        call.participant.set_status(None)
        await settle(1)
        assert shown(world) == (False, None)


@in_virtual_time
async def test_a_call_on_hold_is_silent_says_so_and_speaks_again_afterwards() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        call.participant.set_status("Connected")
        call.participant.set_held(True)
        assert media.log == [("mute", True)]
        await settle(1)
        assert shown(world) == (True, "On hold")
        call.participant.set_held(True)
        call.participant.set_held(False)
        assert media.log == [("mute", True), ("mute", False)]
        await settle(1)
        assert shown(world) == (False, "Connected")
        assert call.told() == []  # it is no muting
        assert world.stream.of("mute") == []  # and nobody is asked to lift it


@in_virtual_time
async def test_who_was_muted_by_a_moderator_while_on_hold_is_muted_afterwards() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        call.participant.set_held(True)
        world.request(MUTE)
        await settle(1)
        assert call.told() == [MutedByModerator(None)]
        call.participant.set_held(False)
        await settle(1)
        assert shown(world) == (True, None)
        assert media.log == [("mute", True)]
        assert call.participant.toggle_microphone() is Toggled.UNMUTED


@in_virtual_time
async def test_who_mutes_and_unmutes_itself_on_hold_is_heard_only_after_it() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        call.participant.set_muted(True)
        call.participant.set_held(True)
        assert call.participant.toggle_microphone() is Toggled.UNMUTED
        await settle(1)
        assert shown(world) == (True, "On hold") and media.log == [("mute", True)]
        call.participant.set_held(False)
        await settle(1)
        assert shown(world) == (False, None)
        assert media.log == [("mute", True), ("mute", False)]


@in_virtual_time
async def test_a_call_on_hold_comes_back_on_hold() -> None:
    world, media = with_alice(), Media()
    async with Call(world, media) as call:
        call.participant.set_held(True)
        world.removes_us("<status code='332'/>")
        await settle(0.5)
        call.participant.set_status("Connected")
        await settle(10)
        assert call.told() == [Rejoined()]
        assert shown(world) == (True, "On hold")
        call.participant.set_held(False)
        await settle(1)
        assert shown(world) == (False, "Connected")
        assert media.log == [("mute", True), ("mute", False)]


@in_virtual_time
async def test_a_hold_before_we_are_in_the_room_counts_there() -> None:
    world, media = with_alice(), Media()
    call = Call(world, media)
    call.participant.set_held(True)
    assert media.log == [("mute", True)]
    async with call:
        await settle(1)
        assert shown(world) == (True, "On hold")
        assert world.stream.of("presence") == []  # it was in the first
        call.participant.set_held(False)
        assert media.log == [("mute", True), ("mute", False)]
        await settle(1)
        assert shown(world) == (False, None)


@pytest.mark.parametrize("condition", ["not-allowed", "forbidden"])
@in_virtual_time
async def test_the_limit_of_speakers_keeps_who_wants_to_speak_muted(condition: str) -> None:
    # Jicofo refuses to unmute above its `audio-limit-reached`.
    world, media = with_alice(unmutes=[error("cancel", condition)]), Media()
    async with Call(world, media) as call:
        call.participant.set_muted(True)
        call.participant.set_muted(False)
        await settle(1)
        assert call.told() == [MutedByModerator(None)]
        assert shown(world)[0]
