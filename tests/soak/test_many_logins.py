"""140 callers within half a minute, against a server that slows down whoever is in a hurry."""

import asyncio

import pytest

from gateway.lab.lab import LabConfig
from gateway.lab.rate_limit import RateLimit
from tests.behaviour.stage import stage

pytestmark = [pytest.mark.soak, pytest.mark.timeout(400)]

CALLS = 140
WITHIN = 30.0  # seconds in which they call
ROOMS = 14


async def test_140_joins_in_a_minute_are_all_let_in() -> None:
    config = LabConfig(rate_limit=RateLimit(), joins_a_second=3)
    async with stage(config, jitsi={"logins_per_second": 2.5}) as scene:
        for room in range(ROOMS):
            await scene.speakers(f"room{room}", "ann")

        async def call(number: int) -> None:
            await asyncio.sleep(number * WITHIN / CALLS)
            await scene.dial(f"7{number % ROOMS}")

        async with asyncio.TaskGroup() as callers:
            for number in range(CALLS):
                callers.create_task(call(number))
        waits = sorted(record.setup_time for record in scene.gateway.switchboard.calls)
        assert len(waits) == CALLS
        print(f"{CALLS} calls within {WITHIN:g} s: ringing {waits[0]:.1f} to {waits[-1]:.1f} s")
        assert scene.lab.violations == []  # nobody was slowed down (rule 17)
