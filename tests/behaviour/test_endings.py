"""Every way a call may end: the phone is told, the record says why, and nothing is left."""

import asyncio

import pytest

from gateway.calls.end_reason import EndReason
from gateway.lab.phone import NotAnswered, PhoneCall
from gateway.sip.reason import Reason
from tests.behaviour.stage import Stage, eventually, stage, voice_of

pytestmark = pytest.mark.behaviour

ROOM = "room1"
USER = "71"


async def reasons_of(call: PhoneCall) -> tuple[Reason, ...]:
    async with asyncio.timeout(20):
        return await call.ended()


async def end_of(scene: Stage) -> EndReason:
    record = await scene.over()
    assert record.end is not None
    return record.end.reason


def endpoint(scene: Stage) -> str:
    (record,) = scene.gateway.switchboard.calls
    return record.endpoint


def jid(scene: Stage) -> str:
    return f"{ROOM}@{scene.lab.muc_domain}"


async def test_the_caller_hangs_up() -> None:
    async with stage() as scene:
        call = await scene.dial(USER)
        call.hang_up()
        assert await end_of(scene) is EndReason.CALLER_HUNG_UP
        await eventually(lambda: not scene.lab.occupants(jid(scene)), "an empty room")


async def test_the_caller_gives_up_while_it_rings() -> None:
    async with stage() as scene:
        call = await scene.phone.dial(scene.uri(USER), speaks=voice_of("phone"))
        await asyncio.sleep(0)
        call.hang_up()
        assert await end_of(scene) is EndReason.CALLER_CANCELLED
        await eventually(lambda: not scene.lab.occupants(jid(scene)), "an empty room")


async def test_a_kicked_caller_is_hung_up_with_a_reason() -> None:
    async with stage() as scene:
        await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        scene.lab.kick(jid(scene), endpoint(scene), "noise")
        assert [reason.cause for reason in await reasons_of(call)] == [403]
        assert await end_of(scene) is EndReason.KICKED


async def test_the_end_of_the_meeting_ends_the_call() -> None:
    async with stage() as scene:
        await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        scene.lab.moderator(ROOM).end_for_all()
        assert [reason.cause for reason in await reasons_of(call)] == [200]
        assert await end_of(scene) is EndReason.MEETING_ENDED
        assert scene.records[-1].end.text == "The meeting has been terminated"


async def test_a_phone_without_rtp_is_hung_up() -> None:
    async with stage(media={"no_rtp_timeout": 1.0}) as scene:
        call = await scene.dial(USER)
        await call.media.close()
        assert [reason.cause for reason in await reasons_of(call)] == [408]
        assert await end_of(scene) is EndReason.NO_RTP


async def test_media_that_never_connects_is_restarted_once_then_given_up() -> None:
    async with stage(jitsi={"media_timeout": 1.0}) as scene:
        scene.lab.bridge.isolate_clients = True
        await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        assert [reason.cause for reason in await reasons_of(call)] == [503]
        assert await end_of(scene) is EndReason.MEDIA_FAILED


async def test_above_the_limit_of_calls_a_caller_is_told_to_come_later() -> None:
    async with stage(sip={"max_calls": 1}) as scene:
        await scene.dial(USER)
        with pytest.raises(NotAnswered) as refused:
            await scene.dial(USER, "phone 2")
        assert refused.value.status == 503


async def test_a_phone_without_encryption_is_refused_where_that_is_required() -> None:
    async with stage(trunk={"srtp": "required"}) as scene:
        with pytest.raises(NotAnswered) as refused:
            await scene.dial(USER)
        assert refused.value.status == 488
        assert await end_of(scene) is EndReason.NO_COMMON_ENCRYPTION


async def test_shutting_down_hangs_up() -> None:
    async with stage() as scene:
        call = await scene.dial(USER)
        await scene.gateway.switchboard.__aexit__(None, None, None)
        assert [reason.cause for reason in await reasons_of(call)] == [503]
        assert await end_of(scene) is EndReason.SHUTDOWN
