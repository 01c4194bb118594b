"""The same as `tests/behaviour/test_bad_network.py`, for a minute: longer runs of bad luck."""

import pytest

from tests.behaviour.stage import stage
from tests.behaviour.test_bad_network import CASES, PULSE, assembled, longest_absences

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

SECONDS = 60


@pytest.mark.parametrize("case", CASES)
async def test_a_minute_has_no_long_hole(case: str) -> None:
    weather, faults, longest = CASES[case]
    async with stage() as scene:
        scene.lab.bridge.faults = faults
        company = await assembled(scene, weather)
        scene.gateway.engine.clock.longest_stall = 0.0
        absences = await longest_absences(*company, seconds=SECONDS)
        stall = scene.gateway.engine.clock.longest_stall
    longest_hole = max(absences.values()) - PULSE
    print(f"\n{case}: longest hole {longest_hole * 1000:.0f} ms, stall {stall * 1000:.0f} ms")
    assert longest_hole <= longest + 0.025
