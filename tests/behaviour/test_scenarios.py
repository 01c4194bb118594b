"""What happens to a phone in a meeting, in the order and with the stanzas of real ones.

Each test begins with the name of a recorded scenario that the lab's components were made after.
Those of coming in are in `tests/behaviour/test_coming_in.py`, what else ends a call is in
`tests/behaviour/test_endings.py`.
"""

import asyncio

import pytest

from gateway.calls.end_reason import EndReason
from gateway.lab.troubles import restart_bridge, trouble
from tests.behaviour.meeting import ROOM, USER, hears, meeting, phone_hears
from tests.behaviour.stage import eventually

pytestmark = pytest.mark.behaviour


# In the meeting.


async def test_join_and_leave_a_phone_hears_who_is_there_and_no_longer_who_has_left() -> None:
    async with meeting() as at:
        bob = (await at.scene.speakers(ROOM, "bob"))["bob"]
        call = await at.scene.dial(USER)
        await at.scene.media_up(call)
        await asyncio.gather(phone_hears(call, {"ann", "bob"}), hears(bob, {"ann", "phone"}))
        at.scene.lab.remove_speaker(bob)
        await at.hear_each_other(call)
        call.hang_up()
        assert (await at.scene.over()).end.reason is EndReason.CALLER_HUNG_UP
        await eventually(lambda: len(at.scene.lab.occupants(ROOM)) == 1, "Ann alone in the room")


async def test_muted_by_moderator_a_phone_is_silent_until_its_caller_unmutes() -> None:
    async with meeting() as at:
        call = await at.joined()
        at.scene.lab.mute(ROOM, at.phone.nick, actor=at.scene.lab.nick_of(at.ann))
        await eventually(lambda: at.phone.muted, "a presence that says it is muted")
        await asyncio.gather(hears(at.ann, set()), phone_hears(call, {"ann"}))
        await asyncio.sleep(1)  # the focus looks for that long whether it is silent
        call.media.press("*6")
        await at.hear_each_other(call)
        assert not at.phone.muted


async def test_start_muted_a_phone_is_silent_until_its_caller_unmutes() -> None:
    async with meeting() as at:
        at.scene.lab.start_muted(ROOM)
        call = await at.scene.dial(USER)
        await at.scene.media_up(call)
        await eventually(lambda: at.phone.muted, "a presence that says it is muted")
        await phone_hears(call, {"ann"})
        assert len(at.ann.mix()) == 0
        call.media.press("*6")
        await at.hear_each_other(call)


async def test_av_moderation_a_phone_speaks_only_while_a_moderator_approves_of_it() -> None:
    async with meeting() as at:
        call = await at.joined()
        at.moderator.moderate_audio()
        await eventually(lambda: at.phone.muted, "a presence that says it is muted")
        call.media.press("*6")
        await eventually(lambda: at.phone.hand_raised_at, "a raised hand")
        await hears(at.ann, set())
        at.moderator.approve(at.phone.nick)
        await eventually(lambda: at.phone.hand_raised_at is None, "a lowered hand")
        call.media.press("*6")
        await at.hear_each_other(call)
        at.moderator.reject(at.phone.nick)
        await eventually(lambda: at.phone.muted, "a presence that says it is muted")
        await hears(at.ann, set())
        at.moderator.moderate_audio(False)
        call.media.press("*6")
        await at.hear_each_other(call)


async def test_av_moderation_a_phone_that_comes_later_starts_muted() -> None:
    async with meeting() as at:
        at.moderator.moderate_audio()
        call = await at.scene.dial(USER)
        await at.scene.media_up(call)
        await eventually(lambda: at.phone.muted, "a presence that says it is muted")
        await phone_hears(call, {"ann"})
        assert len(at.ann.mix()) == 0


async def test_chat_hand_owner_what_others_do_does_not_touch_a_phone() -> None:
    async with meeting() as at:
        call = await at.joined()
        lab, nick = at.scene.lab, at.phone.nick
        lab.chat(at.ann, "hello all")
        lab.chat(at.ann, "hello phone", to=nick)
        lab.raise_hand(at.ann)
        trouble(lab, "noise", ROOM)
        trouble(lab, "config-changed", ROOM)
        lab.grant_owner(ROOM, nick, actor=lab.nick_of(at.ann))
        await eventually(lambda: at.phone.role == "moderator", "the phone's new role")
        await at.hear_each_other(call)
        # A moderator is not moderated: it may speak, and the caller knows nothing of it.
        at.moderator.moderate_audio()
        await at.hear_each_other(call)


async def test_recording_a_phone_talks_on_while_a_recorder_comes_and_goes() -> None:
    async with meeting() as at:
        call = await at.joined()
        recorder = await at.scene.lab.add_hidden(ROOM, "recorder")
        transcriber = await at.scene.lab.add_hidden(ROOM, "transcriber")
        at.moderator.record()
        await eventually(lambda: at.moderator.recording.status == "on", "a running recording")
        await at.hear_each_other(call)
        at.moderator.stop_recording()
        recorder.leave()
        transcriber.leave()
        await at.hear_each_other(call)


# Elsewhere.


async def test_breakout_room_a_phone_is_sent_there_and_back() -> None:
    async with meeting() as at:
        call = await at.joined()
        breakout = at.moderator.add_breakout("Group 1")
        bob = (await at.scene.speakers(breakout, "bob"))["bob"]
        at.moderator.send_to_breakout(at.phone.nick, breakout)
        await asyncio.gather(
            phone_hears(call, {"bob"}), hears(bob, {"phone"}), hears(at.ann, set())
        )
        at.moderator.send_back(at.phone.nick)
        await at.hear_each_other(call)
        assert at.scene.records == []  # one call all the while


async def test_breakout_room_a_phone_comes_back_when_it_is_closed() -> None:
    async with meeting() as at:
        call = await at.joined()
        breakout = at.moderator.add_breakout("Group 1")
        at.moderator.send_to_breakout(at.phone.nick, breakout)
        await eventually(lambda: at.scene.lab.occupants(breakout), "the phone there")
        at.moderator.remove_breakout(breakout)
        await at.hear_each_other(call)


async def test_breakout_room_a_phone_comes_back_when_it_is_gone_before_it_is_there() -> None:
    async with meeting(jitsi={"join_timeout": 1.0}) as at:
        call = await at.joined()
        breakout = at.moderator.add_breakout("Group 1")
        at.moderator.send_to_breakout(at.phone.nick, breakout)
        at.moderator.remove_breakout(breakout)
        await asyncio.sleep(1.5)  # so long it asks for that conference at most
        await at.hear_each_other(call)


async def test_moved_meeting_a_phone_goes_along_to_the_room_it_is_sent_to() -> None:
    async with meeting() as at:
        call = await at.joined()
        lab = at.scene.lab
        bob = (await at.scene.speakers("room2", "bob"))["bob"]
        lab.destroy(ROOM, "we are next door", lab.room_jid("room2"))
        await asyncio.gather(phone_hears(call, {"bob"}), hears(bob, {"phone"}))


# What goes wrong.


async def test_server_restarted_a_phone_comes_back_to_the_room() -> None:
    async with meeting() as at:
        call = await at.joined()
        at.scene.lab.shut_down_room(ROOM)
        at.ann = (await at.scene.speakers(ROOM, "ann"))["ann"]
        await at.hear_each_other(call)


async def test_bridge_killed_a_phone_talks_again_when_a_bridge_is_back() -> None:
    async with meeting() as at:
        call = await at.joined()
        restart_bridge(at.scene.lab, ROOM, back_after=1.0)
        await hears(at.ann, set())
        await at.hear_each_other(call)
