"""How a phone comes into a meeting that does not let in everybody at once."""

import asyncio

import pytest

from gateway.calls.end_reason import EndReason
from gateway.lab.lab_config import Allocation, LabConfig
from gateway.lab.phone import NotAnswered
from tests.behaviour.meeting import (
    ROOM,
    USER,
    ann_comes,
    ends,
    hears_no_music,
    meeting,
    phone_hears,
    waits_with_music,
)
from tests.behaviour.stage import eventually, stage

pytestmark = pytest.mark.behaviour

PASSWORD = (("Jitsi-Conference-Room-Pass", "4711"),)


async def test_password_room_a_phone_comes_in_with_the_right_password_only() -> None:
    async with meeting() as at:
        at.scene.lab.set_password(ROOM, "4711")
        call = await at.scene.dial(USER, headers=((PASSWORD[0][0], "1234"),))
        call.media.press("2222#")  # it is asked for another, and for another again
        await asyncio.sleep(2)
        assert len(at.scene.lab.occupants(ROOM)) == 1
        call.media.press("4711#")
        await at.scene.media_up(call)
        await at.hear_each_other(call)


async def test_password_room_a_phone_that_brings_the_password_is_in_at_once() -> None:
    async with meeting() as at:
        at.scene.lab.set_password(ROOM, "4711")
        await at.joined(headers=PASSWORD)


async def test_lobby_approved_a_phone_waits_and_is_let_in() -> None:
    async with meeting(trunk={"words": True}) as at:
        at.moderator.open_lobby()
        call = await at.scene.dial(USER)
        await eventually(lambda: at.moderator.knocking, "somebody who knocks")
        await waits_with_music(call, "lobby")
        (guest,) = at.moderator.knocking
        assert guest.display_name
        at.moderator.admit(guest.nick)
        await at.scene.media_up(call)
        await at.hear_each_other(call)
        await hears_no_music(at, call)
        assert at.moderator.knocking == []


async def test_lobby_denied_a_phone_is_told_that_it_is_not_let_in() -> None:
    async with meeting() as at:
        at.moderator.open_lobby()
        call = await at.scene.dial(USER)
        await eventually(lambda: at.moderator.knocking, "somebody who knocks")
        at.moderator.deny(at.moderator.knocking[0].nick)
        assert await ends(call) == 403
        assert (await at.scene.over()).end.reason is EndReason.LOBBY_DENIED


async def test_lobby_disabled_a_phone_that_waits_comes_in() -> None:
    async with meeting() as at:
        at.moderator.open_lobby()
        call = await at.scene.dial(USER)
        await eventually(lambda: at.moderator.knocking, "somebody who knocks")
        at.moderator.close_lobby()
        await at.scene.media_up(call)
        await at.hear_each_other(call)


async def test_lobby_ended_a_phone_that_waits_learns_that_the_meeting_is_over() -> None:
    async with meeting() as at:
        at.moderator.open_lobby(waits_for_host=True)
        call = await at.scene.dial(USER)
        await eventually(lambda: at.moderator.knocking, "somebody who knocks")
        at.moderator.end_for_all()
        assert await ends(call) == 200
        assert (await at.scene.over()).end.reason is EndReason.MEETING_ENDED


async def test_lobby_password_a_phone_that_knows_it_need_not_knock() -> None:
    async with meeting() as at:
        at.scene.lab.set_password(ROOM, "4711")
        at.moderator.open_lobby()
        await at.scene.dial(USER, headers=PASSWORD)
        assert at.moderator.knocking == []
        assert at.phone.affiliation == "member"


async def test_lobby_password_a_phone_that_waits_may_type_it_instead() -> None:
    async with meeting() as at:
        at.scene.lab.set_password(ROOM, "4711")
        at.moderator.open_lobby()
        call = await at.scene.dial(USER)
        await eventually(lambda: at.moderator.knocking, "somebody who knocks")
        call.media.press("4711#")
        await at.scene.media_up(call)
        await at.hear_each_other(call)
        assert at.moderator.knocking == []


async def test_lobby_opened_a_phone_that_is_put_out_knocks_and_comes_back() -> None:
    async with meeting() as at:
        await at.scene.speakers(ROOM, "bob")  # no moderator, but one of the lab's own
        call = await at.scene.dial(USER)
        await at.scene.media_up(call)
        at.moderator.open_lobby(expel=True)
        await eventually(lambda: at.moderator.knocking, "somebody who knocks")
        at.moderator.admit(at.moderator.knocking[0].nick)
        await phone_hears(call, {"ann", "bob"})


async def test_waiting_for_host_a_phone_is_let_in_when_the_host_has_come() -> None:
    config = LabConfig(needs_host=True, guest_domain="guest.lab.test")
    async with stage(config, trunk={"words": True}) as scene:
        call = await scene.dial(USER)
        await waits_with_music(call, "wait-for-host")
        at = await ann_comes(scene, call)
        at.moderator.moderate_audio()  # guests of a secure domain heed its components as well
        await eventually(lambda: at.phone.muted, "the phone muted")
        call.media.press("*6")
        await eventually(lambda: at.phone.hand_raised_at is not None, "the hand up")
        assert at.phone.muted


@pytest.mark.parametrize(
    "answers",
    [
        (Allocation.NOT_READY, Allocation.NOT_READY),
        (Allocation.SERVICE_UNAVAILABLE,),
        (Allocation.SLOW,),
    ],
    ids=" then ".join,
)
async def test_a_conference_that_is_not_ready_at_once_is_joined_all_the_same(
    answers: tuple[Allocation, ...],
) -> None:
    async with meeting(LabConfig(slow_answer=0.5)) as at:
        at.scene.lab.answer_next(*answers)
        await at.scene.dial(USER)
        assert at.phone.nick


async def test_a_room_that_is_reserved_for_others_refuses_a_phone() -> None:
    async with meeting() as at:
        at.scene.lab.answer_next(Allocation.RESERVATION_ERROR)
        with pytest.raises(NotAnswered) as refused:
            await at.scene.dial(USER)
        assert refused.value.status == 403
