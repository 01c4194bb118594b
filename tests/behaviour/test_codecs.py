"""Phones with different codecs in one conference."""

import asyncio

import pytest

from gateway.lab.calm import in_calm
from tests.behaviour.stage import WIDE_RATE, heard_in, names_in, stage

pytestmark = pytest.mark.behaviour

ROOM = "room1"
USER = "71"
SPOKEN = 32767 * 10 ** (-16 / 20)  # how loud phones are


async def test_a_g722_phone_an_opus_phone_and_a_speaker_hear_exactly_each_other() -> None:
    async with stage() as scene:
        ann = (await scene.speakers(ROOM, "ann"))["ann"]
        first = await scene.dial(USER, "phone", codec="G722")
        second = await scene.dial(USER, "phone 2", codec="OPUS")
        await scene.media_up(first, second)
        await asyncio.sleep(1.5)

        async def listen() -> None:
            ann.forget()
            for call in (first, second):
                call.media.frames.clear()
            await asyncio.sleep(2.5)
            by_first = heard_in(first.media.recording(), WIDE_RATE)
            by_second = heard_in(second.media.recording(), WIDE_RATE)
            assert set(by_first) == {"phone 2", "ann"}
            # Of two tones at a time Opus makes some of a third, 29 dB softer.
            loud = {name for name, heard in by_second.items() if heard.amplitude > 0.1 * SPOKEN}
            assert loud == {"phone", "ann"}
            assert names_in(ann.mix()) == {"phone", "phone 2"}
            for heard in (by_first["phone 2"], by_second["phone"]):
                assert 0.8 * SPOKEN < heard.amplitude < 1.2 * SPOKEN

        await in_calm(scene.gateway.engine.clock, listen)
        second.hang_up()
        first.hang_up()
        await scene.over()
