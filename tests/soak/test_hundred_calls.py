"""SIPp places forty calls, and a hundred at ten a second; everybody is heard.

With lab, phones and gateway in one process that is more than a small machine carries: there it is
two callers in each room, at the same pace.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway import logs
from gateway.calls.end_reason import EndReason
from tests.helpers.captured_log import log_at_once

sys.path.insert(0, str(Path(__file__).parents[2] / "sip-test-scripts"))

from scene import TRANSPORTS, Sites
from stories import HEAVY, Scenario

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

CORES = len(os.sched_getaffinity(0))
ENOUGH = 4  # cores for all the calls of a scenario


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logs.configure("error")
    yield
    log_at_once()


def for_this_machine(scenario: Scenario) -> Scenario:
    """As many calls as it carries; never fewer than a pair in each room."""
    if CORES >= ENOUGH:
        return scenario
    callers = scenario.callers[: 2 * len(scenario.speakers)]
    count = len(callers)
    print(f"\n{scenario.name}: {count} of {len(scenario.callers)} calls, on {CORES} cores")
    return replace(
        scenario,
        callers=callers,
        ends={EndReason.CALLER_HUNG_UP: count},
        options=("-l", str(count)),
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("scenario", HEAVY, ids=lambda scenario: scenario.name)
async def test_scenario(scenario: Scenario, transport: str) -> None:
    fitting = for_this_machine(scenario)
    async with Sites() as sites:
        for note in await sites.play(fitting, transport):
            print(f"\n{scenario.name} over {transport}: {note}")
        await sites.silent()
