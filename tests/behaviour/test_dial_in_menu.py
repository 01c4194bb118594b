"""A caller who names no room is asked for a PIN, by voice, and is in the room it stands for."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from audiocodecs.frames import Samples, silence
from audiocodecs.tones import tone
from gateway.calls.end_reason import EndReason
from tests.behaviour.stage import RATE, TONES, names_in, stage
from tests.helpers.listening import share_of
from tests.helpers.prompts import prompt, share_of_words

pytestmark = pytest.mark.behaviour

NAME = TONES["phone 2"]  # as it is said

_PINS = """
[[pin]]
pin = "471147"
room = "room1"
"""


def with_menu(folder: Path, *, record_name: bool = False, **voice: Any) -> dict[str, Any]:
    """A gateway that asks for PINs, of which it knows one."""
    pins = folder / "pins.toml"
    pins.write_text(_PINS)
    return {
        "trunk": {"rule": [], "ask_pin": True},
        "dial_in": {
            "listen": "127.0.0.1:0",
            "database": str(folder / "pins.sqlite3"),
            "pins_file": str(pins),
            "pin_digits": 6,
            "pin_odds": 1000,
            "record_name": record_name,
        },
        "voice": {"espeak_ng": "", **voice},
    }


def is_said(name: str, heard: Samples, language: str = "en") -> bool:
    return share_of_words(prompt(language, name, RATE), heard, RATE) > 0.62


async def heard_until_said(call: Any, name: str, language: str = "en") -> None:
    """Wait until the phone has heard a prompt."""
    words = prompt(language, name, RATE)
    async with asyncio.timeout(20):
        while not is_said(  # noqa: ASYNC110 - many kinds of condition
            name, call.media.recording()[-len(words) - 4 * RATE :], language
        ):
            await asyncio.sleep(0.4)  # listening takes a while, and runs here too


async def test_a_pin_leads_into_its_room(tmp_path: Path) -> None:
    async with stage(**with_menu(tmp_path)) as scene:
        speakers = await scene.speakers("room1", "ann")
        call = await scene.dial("4300")
        await heard_until_said(call, "enter-pin")
        assert is_said("greeting", call.media.recording())
        call.media.press("471147")
        await scene.media_up(call)
        await asyncio.sleep(6.0)  # "you are joining", spelled
        before = len(speakers["ann"].mix())
        call.media.frames.clear()
        await asyncio.sleep(2.0)
        assert names_in(call.media.recording()) == {"ann"}
        assert names_in(speakers["ann"].mix()[before:]) == {"phone"}


async def test_wrong_pins_end_the_call_and_the_caller_hears_why(tmp_path: Path) -> None:
    async with stage(**with_menu(tmp_path, languages=["de"])) as scene:
        call = await scene.dial("4300")
        await heard_until_said(call, "enter-pin", "de")
        for pin in ("111111", "222222", "333333"):
            call.media.press(pin)
            await heard_until_said(call, "pin-wrong", "de")
            call.media.frames.clear()
        await call.ended()
        assert is_said("too-many-tries", call.media.recording(), "de")
        record = await scene.over()
        assert record.end is not None and record.end.reason is EndReason.PIN_WRONG
        assert record.room == ""


def rings(frequency: float, samples: Samples) -> bool:
    """Whether there is a tone and nothing else, for a fifth of a second: words have many."""
    piece = RATE // 5
    pieces = (samples[at : at + piece] for at in range(0, len(samples) - piece + 1, piece // 2))
    return any(share_of(frequency, each, RATE) > 0.8 for each in pieces)


async def heard_until_it_rings(call: Any, frequency: float) -> None:
    """Wait until the phone hears a tone."""
    async with asyncio.timeout(30):
        while not rings(frequency, call.media.recording()[-2 * RATE :]):  # noqa: ASYNC110
            await asyncio.sleep(0.3)  # as above


async def test_another_phone_hears_who_joins_and_leaves_by_the_name_it_has_said(
    tmp_path: Path,
) -> None:
    async with stage(**with_menu(tmp_path, record_name=True)) as scene:
        first = await scene.phone.dial(
            scene.uri("4300"),
            speaks=silence(RATE),
            headers=(("Jitsi-Conference-Room", "room1"),),  # it is not asked for anything
        )
        await first.answered()
        second = await scene.phone.dial(scene.uri("4300"), speaks=silence(RATE))
        await second.answered()
        second.media.press("471147")
        await heard_until_it_rings(second, 1000.0)
        second.media.say(tone([NAME], 1.0, rate=RATE))
        await heard_until_it_rings(first, NAME)
        await asyncio.sleep(3.0)  # "has joined"
        first.media.frames.clear()
        second.hang_up()
        await heard_until_it_rings(first, NAME)
        assert not rings(NAME, second.media.recording())
