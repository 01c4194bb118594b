"""How long callers wait: for the first word, and for the room when they have typed their PIN.

Nothing is asserted of it. Times are of what a G.711 phone hears, its jitter buffer with it, on the
lab, where the network has no delay. The room's voice has pauses of 100 ms.
"""

import asyncio
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audiocodecs.frames import Samples, silence
from gateway.lab.phone import PhoneCall
from gateway.lab.voice import Voice
from tests.behaviour.stage import RATE, Stage, stage
from tests.behaviour.test_dial_in_menu import with_menu

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

_CALLS = 15
_PIN = "471147"
_HERTZ = 3050.0  # the voice of the room: words have little there
_WINDOW = RATE * 80 // 1000  # samples
_SOFTLY = 600.0  # sample steps: half of the room beneath the gateway's words
_WORD = 1000  # sample steps
_PATIENCE = 30.0  # seconds


async def test_how_long_callers_wait(tmp_path: Path) -> None:
    words, rooms = [], []
    async with stage(**with_menu(tmp_path)) as scene:
        await scene.lab.add_speaker("room1", "ann", Voice.of_tone(_HERTZ), listens=False)
        for number in range(_CALLS):
            word, room = await times_of(scene, f"caller {number}")
            words.append(word)
            rooms.append(room)
    print(f"\nfrom the answer to the first word:       {told(words)}")
    print(f"from the last digit to hearing the room: {told(rooms)}")


async def times_of(scene: Stage, name: str) -> tuple[float, float]:
    """Seconds from the answer to the first word, and from the last digit to the room's sound."""
    now = asyncio.get_running_loop().time
    call = await scene.phone.dial(scene.uri("4300"), speaks=silence(RATE), name=name)
    await call.answered()
    answered = now()
    while not call.media.frames:  # noqa: ASYNC110 - a moment is measured
        await asyncio.sleep(0.002)
    before = now() - answered  # the recording begins with the first packet
    word = before + await sounding(call, has_words, 0)
    await asyncio.sleep(1.0)
    call.media.press(_PIN)
    while call.media.is_pressing:  # noqa: ASYNC110 - the same
        await asyncio.sleep(0.002)
    room = await sounding(call, has_room, len(call.media.recording()))
    call.hang_up()
    await scene.over()
    return word, room


async def sounding(call: PhoneCall, is_there: Callable[[Samples], bool], begin: int) -> float:
    """Seconds from a sample of the recording on to the first 80 ms in which something is there."""
    at = begin
    async with asyncio.timeout(_PATIENCE):
        while True:
            heard = call.media.recording()
            while at + _WINDOW <= len(heard):
                if is_there(heard[at : at + _WINDOW]):
                    return (at - begin) / RATE
                at += _WINDOW // 16
            await asyncio.sleep(0.1)


def has_words(heard: Samples) -> bool:
    return int(np.abs(heard[: _WINDOW // 16]).max()) > _WORD


def has_room(heard: Samples) -> bool:
    """The tone is as loud as beneath words, and nearly all there is in its part of the spectrum."""
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)))) / len(heard) * 4
    at = round(_HERTZ * len(heard) / RATE)
    beside = max(spectrum[at - 8 : at - 3].max(), spectrum[at + 4 : at + 8].max())
    return bool(spectrum[at] > _SOFTLY and spectrum[at] > 4 * beside)


def told(seconds: list[float]) -> str:
    milliseconds = [round(each * 1000) for each in sorted(seconds)]
    median = round(statistics.median(milliseconds))
    return f"{median} ms (median of {len(seconds)}; {milliseconds[0]} to {milliseconds[-1]})"
