"""What a caller's keys do in a conference."""

import asyncio

import pytest

from tests.behaviour.stage import names_in, stage

pytestmark = pytest.mark.behaviour


async def test_star_six_silences_a_phone_for_the_others_and_gives_it_its_voice_back() -> None:
    async with stage() as scene:
        speakers = await scene.speakers("room1", "ann")
        call = await scene.dial("71")
        await scene.media_up(call)
        heard = []
        for keys in ("", "*6", "*5", "*6"):
            call.media.press(keys)
            await asyncio.sleep(1.2)  # the keys take half of it
            before = len(speakers["ann"].mix())
            call.media.frames.clear()
            await asyncio.sleep(1.5)
            heard.append(names_in(speakers["ann"].mix()[before:]))
            assert names_in(call.media.recording()) == {"ann"}  # whatever it may say
        assert heard == [{"phone"}, set(), set(), {"phone"}]
