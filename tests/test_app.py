"""A gateway as whoever runs it sees it; what its calls do is in tests/behaviour."""

import asyncio
from typing import Any

from gateway.app import Gateway
from gateway.calls.record import CallRecord
from gateway.config.configuration import parse


class LongCall:
    """A call that nobody ends."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    def shut_down(self) -> None:
        raise AssertionError("the gateway is not left")

    def holds(self, call: object) -> bool:
        return False

    def take_over(self, call: object) -> None:
        raise AssertionError("nobody can")


def gateway(**limits: Any) -> Gateway:
    """One that has not begun."""
    tables = {
        "sip": {"listen": ["udp:127.0.0.1:0"]},
        "media": {"workers": 0},
        "jitsi": {"domain": "meet.test"},
        "control": {"listen": ""},
        "trunk": [{"name": "pbx", "from": ["127.0.0.1"]}],
        "limits": limits,
    }
    return Gateway(parse(tables))


def record() -> CallRecord:
    return CallRecord(id="1", sip_call_id="1", trunk="pbx", caller="", called="")


async def test_draining_waits_for_calls_as_long_as_it_may() -> None:
    serving = gateway(drain=0.01)
    serving.switchboard.begin(LongCall(), record())
    serving.drain()
    async with asyncio.timeout(5):
        await serving.drained()
    assert serving.call_count == 1


async def test_draining_without_a_limit_waits_for_the_last_call() -> None:
    serving = gateway()
    serving.switchboard.begin(LongCall(), record())
    serving.drain()
    drained = asyncio.create_task(serving.drained())
    await asyncio.sleep(0.05)
    assert not drained.done()
    drained.cancel()
