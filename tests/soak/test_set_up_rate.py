"""How many calls a second SIPp can place on one gateway, with no failure and no retransmission.

The gateway is a process of its own with one media worker; the conference, its bridge included, is
the lab of this process and shares the machine, and so does SIPp. Each call gets into a conference
of its own and is hung up half a second after it was answered. The rate is stated, not judged.

SOAK_SECONDS is for how long calls come at each rate.
"""

import asyncio
import os
import shutil
import socket
import sys
import time
from pathlib import Path

import pytest

from gateway.bench.machine import this_machine
from gateway.lab.lab import Lab
from tests.behaviour.stage import HOST, eventually, gateway_tables
from tests.soak.lone_gateway import LoneGateway, Look
from tests.soak.ten_calls import nothing_left

sys.path.insert(0, str(Path(__file__).parents[2] / "sip-test-scripts"))

from sipp import Report, ScenarioFailed, Sipp

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

# Calls a second, each a quarter more than the one before: the last is more than SIPp can place.
RATES = (1, 2, 4, *(round(5 * 1.25**step) for step in range(22)))
SECONDS = float(os.environ.get("SOAK_SECONDS", "20"))
TALK = 0.5  # seconds


async def place(rate: int, address: tuple[str, int], media_port: int) -> None:
    """Let SIPp place calls; ScenarioFailed if one fails, or does not go as it should."""
    rows = [
        (f"caller-{number}", f"hall-{rate}-{number}", media_port, "conference")
        for number in range(max(1, round(rate * SECONDS)))
    ]
    loop = asyncio.get_running_loop()

    def answered(report: Report) -> None:
        loop.call_later(TALK, sipp.go, report.caller)

    sipp = Sipp(
        "twenty-calls.xml",
        rows,
        address,
        transport="udp",
        rate=rate,
        options=("-l", str(len(rows))),
        on_report=answered,
    )
    async with sipp:
        await sipp.succeeded()


def repeated(look: Look) -> int:
    """Messages that were sent more than once, by SIPp or by the gateway."""
    return look.counters["repeated_requests"] + look.counters["retransmissions"]


async def test_set_up_rate_of_one_gateway(capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("sipp") is None:
        missing = "SIPp is not installed: apt-get install sip-tester"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    lines, best = [], 0
    async with Lab() as lab:
        tables = gateway_tables(
            lab, sip={"t1": 0.5}, media={"workers": 1, "codecs": ["PCMU", "PCMA"]}
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ears:
            ears.bind((HOST, 0))
            async with LoneGateway(tables) as gateway:
                empty = before = await gateway.look()
                for rate in RATES:
                    begun = time.monotonic()
                    try:
                        await place(rate, before.addresses["udp"], ears.getsockname()[1])
                        fault = ""
                    except ScenarioFailed as failure:
                        fault = failure.problems[0]
                    after = await gateway.look()
                    busy = (after.cpu - before.cpu) / (time.monotonic() - begun)
                    if again := repeated(after) - repeated(before):
                        fault = fault or f"{again} messages were sent again"
                    lines.append(f"{rate} a second: {busy:.0%} of a core; {fault or 'no fault'}")
                    if fault:
                        break
                    best = rate
                    await eventually(lambda: lab.session_count == 0, "the end of every call")
                    before = await gateway.look()
                await nothing_left(gateway, empty)
    with capsys.disabled():
        print(f"\nset-up rate: {best} calls a second; {this_machine()}")
        for line in lines:
            print(f"  {line}")
    assert best > 0
