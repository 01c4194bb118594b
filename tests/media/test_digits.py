"""Digits through the engine: from the conference to each call, and from a call to its phone."""

import asyncio

import pytest

from gateway.lab.faults import Faults
from gateway.media import messages as m
from tests.media.test_engine import sources, stage, tones_in, voice_of

pytestmark = pytest.mark.behaviour


async def test_keys_pressed_in_the_conference_are_told_to_each_call_once() -> None:
    async with stage() as scene:
        ann = scene.speaker("ann")
        callers = [await scene.phone(name, voice_of(name)) for name in ("phone", "second phone")]
        for number, caller in enumerate(callers):
            await caller.join(77 + number, sources(ann))
        await asyncio.sleep(1)
        scene.bridge.faults = Faults(loss=0.05, duplicate=0.1, reorder=0.05, seed=5)
        ann.press("159#")
        for caller in callers:
            told = [await scene.event(m.ConferenceDigit, caller.call) for _ in range(4)]
            assert [(digit.endpoint, digit.digit) for digit in told] == [
                ("ann", digit) for digit in "159#"
            ]
        scene.bridge.faults = Faults()
        await asyncio.sleep(1.5)
        assert not any(isinstance(event, m.ConferenceDigit) for event in scene.events)
        assert tones_in(callers[0].phone.recording()[-8000:]) == {"ann", "second phone"}


async def test_a_digit_for_the_phone_is_pressed_once_and_audio_goes_on() -> None:
    async with stage() as scene:
        ann = scene.speaker("ann")
        caller = await scene.phone("call", voice_of("phone"))
        await caller.join(77, sources(ann))
        await asyncio.sleep(0.5)
        for digit in "42#":
            scene.engine.execute(m.SendDigit("call", digit, 0.12))
        await asyncio.sleep(2)
        assert [press.digit for press in caller.phone.pressed] == ["4", "2", "#"]
        assert all(press.duration == pytest.approx(0.12) for press in caller.phone.pressed)
        await asyncio.sleep(1)
        assert tones_in(caller.phone.recording()[-8000:]) == {"ann"}
