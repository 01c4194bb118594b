"""140 callers within half a minute, against a server that slows down whoever is in a hurry."""

import asyncio

import pytest

from gateway.calls.end_reason import EndReason
from gateway.lab.lab import LabConfig
from gateway.lab.rate_limit import RateLimit
from tests.behaviour.stage import eventually, stage

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
            answered = await scene.dial(f"7{number % ROOMS}")
            await asyncio.sleep(2)  # one core is not asked to carry 140 calls and their conference
            answered.hang_up()

        async with asyncio.TaskGroup() as callers:
            for number in range(CALLS):
                callers.create_task(call(number))
        await eventually(lambda: len(scene.records) == CALLS, "the end of every call")
        assert {record.end.reason for record in scene.records if record.end is not None} == {
            EndReason.CALLER_HUNG_UP
        }
        waits = sorted(record.setup_time for record in scene.records)
        print(f"{CALLS} calls within {WITHIN:g} s: ringing {waits[0]:.1f} to {waits[-1]:.1f} s")
        assert scene.lab.violations == []  # nobody was slowed down (rule 17)
