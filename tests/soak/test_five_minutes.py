"""Five minutes in which a phone says nothing: for the bridge it is there all the time."""

import asyncio

import pytest

from audiocodecs.frames import silence
from tests.behaviour.stage import RATE, Stage, eventually, names_in, stage

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

MINUTES = 5
INACTIVE_AFTER = 8.0  # seconds without a packet: the videobridge's limit


async def endpoint_of(scene: Stage, room: str) -> str:
    """The endpoint of the phone in a room, once media flows."""
    jid = scene.lab.room_jid(room)
    await eventually(
        lambda: any(r.room == jid and r.media_at for r in scene.gateway.switchboard.calls),
        "media",
    )
    (record,) = (r for r in scene.gateway.switchboard.calls if r.room == jid)
    return record.endpoint


async def test_muted_or_silent_a_phone_is_never_inactive_and_then_heard_again() -> None:
    async with stage() as scene:
        speakers = {room: (await scene.speakers(room, "ann"))["ann"] for room in ("room1", "room2")}
        muted = await scene.dial("71")
        silent = await scene.dial("72", "phone 2")
        spoken, silent.media._speech = silent.media._speech, silence(RATE)
        names = {room: await endpoint_of(scene, room) for room in speakers}
        scene.lab.mute("room1", names["room1"])
        await asyncio.sleep(60 * MINUTES)
        for room, name in names.items():
            endpoint = scene.lab.endpoint(room, name)
            print(f"\n{room}: longest time without a packet {endpoint.longest_silence:.1f} s")
            assert endpoint.inactive == 0
            assert endpoint.longest_silence < INACTIVE_AFTER
        for call in (muted, silent):
            call.media.frames.clear()
        speakers["room2"].forget()
        silent.media._speech = spoken
        muted.media.press("*6")
        await asyncio.sleep(6)
        for room, speaker in speakers.items():
            speaker.forget()
            assert names_in((muted if room == "room1" else silent).media.recording()) == {"ann"}
        await asyncio.sleep(4)
        assert names_in(speakers["room1"].mix()) == {"phone"}
        assert names_in(speakers["room2"].mix()) == {"phone 2"}
