"""The XMPP connection of a call is cut, and neither the caller nor the room notices."""

import asyncio

import pytest

from gateway.calls.end_reason import EndReason
from gateway.lab.calm import in_calm
from gateway.lab.lab_config import LabConfig
from tests.behaviour.stage import PULSE, Stage, eventually, heard_in, names_in, stage
from tests.behaviour.test_endings import end_of, endpoint, reasons_of

pytestmark = pytest.mark.behaviour

ROOM = "room1"
USER = "71"
BACK, KEPT = "is back", "is cut off, and kept for a while"


async def cut_off(scene: Stage, steps: list[tuple[str, str]], *, until: str = BACK) -> None:
    """Cut the connection of the call; return when the server says that it is so far."""
    steps.clear()
    scene.lab.drop_connection(endpoint(scene))
    await eventually(lambda: until in {what for _, what in steps}, f"that it {until}")


async def test_a_call_whose_connection_is_cut_stays_in_the_room_and_audio_goes_on() -> None:
    steps: list[tuple[str, str]] = []
    async with stage(by_websocket=True) as scene:
        scene.lab.on_step = lambda *step: steps.append(step)
        speakers = await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        before = endpoint(scene)
        await asyncio.sleep(1)

        async def listen() -> None:
            call.media.frames.clear()
            begin = len(speakers["ann"].mix())
            await cut_off(scene, steps)
            assert [what for who, what in steps if who.startswith(before)] == [KEPT, BACK]
            await asyncio.sleep(1)
            assert endpoint(scene) == before
            for recording, name in (
                (call.media.recording(), "ann"),
                (speakers["ann"].mix()[begin:], "phone"),
            ):
                assert heard_in(recording)[name].longest_absence <= PULSE + 0.04

        for _ in range(2):
            await in_calm(scene.gateway.engine.clock, listen)
        call.hang_up()
        assert await end_of(scene) is EndReason.CALLER_HUNG_UP


async def test_what_happens_in_the_room_meanwhile_is_not_missed() -> None:
    steps: list[tuple[str, str]] = []
    async with stage(by_websocket=True) as scene:
        scene.lab.on_step = lambda *step: steps.append(step)
        speakers = await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        await cut_off(scene, steps, until=KEPT)
        await scene.speakers(ROOM, "bob")
        scene.lab.remove_speaker(speakers["ann"])
        await eventually(lambda: BACK in {what for _, what in steps}, "that it is back")
        await asyncio.sleep(1)
        call.media.frames.clear()
        await asyncio.sleep(2)
        assert names_in(call.media.recording()) == {"bob"}


async def test_who_is_kicked_while_cut_off_is_hung_up_with_the_reason() -> None:
    steps: list[tuple[str, str]] = []
    async with stage(by_websocket=True) as scene:
        scene.lab.on_step = lambda *step: steps.append(step)
        await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        await cut_off(scene, steps, until=KEPT)
        scene.lab.kick(ROOM, endpoint(scene), "noise")
        assert await reasons_of(call)
        assert await end_of(scene) is EndReason.KICKED


async def test_when_the_server_has_forgotten_it_the_call_joins_anew() -> None:
    steps: list[tuple[str, str]] = []
    config = LabConfig(hibernation=1.0)
    async with stage(config, by_websocket=True) as scene:
        scene.lab.on_step = lambda *step: steps.append(step)
        speakers = await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        before = endpoint(scene)
        scene.lab.refuses_resumes = True
        await cut_off(scene, steps, until="has not come back")
        await eventually(lambda: len(scene.lab.occupants(ROOM)) == 2, "the call in the room")
        await eventually(lambda: endpoint(scene) != before, "another endpoint")
        await eventually(lambda: scene.lab.endpoint(ROOM, endpoint(scene)).connected, "its media")
        await asyncio.sleep(1)
        call.media.frames.clear()
        begin = len(speakers["ann"].mix())
        await asyncio.sleep(2)
        assert names_in(call.media.recording()) == {"ann"}
        assert names_in(speakers["ann"].mix()[begin:]) == {"phone"}


async def test_who_hangs_up_while_cut_off_has_left_the_room() -> None:
    steps: list[tuple[str, str]] = []
    async with stage(by_websocket=True) as scene:
        scene.lab.on_step = lambda *step: steps.append(step)
        await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        await scene.media_up(call)
        await cut_off(scene, steps, until=KEPT)
        call.hang_up()
        assert await end_of(scene) is EndReason.CALLER_HUNG_UP
        await eventually(lambda: len(scene.lab.occupants(ROOM)) == 1, "only Ann", 5.0)
