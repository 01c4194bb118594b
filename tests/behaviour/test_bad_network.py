"""A phone and three speakers over bad networks: every tone arrives, and no hole is long."""

import asyncio

import pytest

from gateway.lab.calm import in_calm
from gateway.lab.faults import Faults
from gateway.lab.phone import PhoneCall
from gateway.lab.speaker import Speaker
from gateway.lab.weather import Weather
from tests.behaviour.stage import PULSE, Stage, heard_in, stage

pytestmark = [pytest.mark.behaviour, pytest.mark.timeout(180)]

SECONDS = 5
SETTLING = 3  # seconds in which jitter is learnt
PACKET = 0.020
RESOLUTION = 0.025  # a pause of 100 ms is measured as 120 ms, give or take a step

CASES = {
    "clean": (Weather(), Faults(), PACKET),
    "loss": (Weather(loss=0.05), Faults(loss=0.05, seed=3), 3 * PACKET),
    "jitter": (Weather(jitter=0.060), Faults(), 3 * PACKET),
    "reordering": (Weather(reorder=0.1), Faults(reorder=0.1, seed=4), 3 * PACKET),
}


@pytest.mark.parametrize("case", CASES)
async def test_everybody_is_heard_without_long_holes(case: str) -> None:
    weather, faults, longest = CASES[case]
    async with stage() as scene:
        scene.lab.bridge.faults = faults
        company = await assembled(scene, weather)

        async def listen() -> None:
            absences = await longest_absences(*company)
            limit = PULSE + longest + RESOLUTION
            assert {who: absence for who, absence in absences.items() if absence > limit} == {}

        await in_calm(scene.gateway.engine.clock, listen)


async def assembled(scene: Stage, weather: Weather) -> tuple[PhoneCall, dict[str, Speaker]]:
    """Everybody is there, and has been for long enough."""
    speakers = await scene.speakers("room1", "ann", "bob", "cec")
    call = await scene.dial("71", weather=weather)
    await scene.media_up(call)
    await asyncio.sleep(SETTLING)
    return call, speakers


async def longest_absences(
    call: PhoneCall, speakers: dict[str, Speaker], *, seconds: float = SECONDS
) -> dict[str, float]:
    """Everybody speaks and listens for a while; the longest pause of each tone, where heard."""
    call.media.frames.clear()
    for speaker in speakers.values():
        speaker.forget()
    await asyncio.sleep(seconds)
    by_phone = heard_in(call.media.recording())
    assert set(by_phone) == {"ann", "bob", "cec"}
    absences = {f"{name} by phone": heard.longest_absence for name, heard in by_phone.items()}
    for name, speaker in speakers.items():
        by_speaker = heard_in(speaker.mix())
        assert set(by_speaker) == {"phone", "ann", "bob", "cec"} - {name}
        absences[f"phone by {name}"] = by_speaker["phone"].longest_absence
    return absences
