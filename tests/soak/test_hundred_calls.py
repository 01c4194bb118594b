"""SIPp places forty calls, and a hundred at ten a second; everybody is heard."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import logs
from tests.helpers.captured_log import log_at_once

sys.path.insert(0, str(Path(__file__).parents[2] / "sip-test-scripts"))

from scene import TRANSPORTS, Sites
from stories import HEAVY, Scenario

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logs.configure("error")
    yield
    log_at_once()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("scenario", HEAVY, ids=lambda scenario: scenario.name)
async def test_scenario(scenario: Scenario, transport: str) -> None:
    async with Sites() as sites:
        for note in await sites.play(scenario, transport):
            print(f"\n{scenario.name} over {transport}: {note}")
        await sites.silent()
