"""HTTP for operators while calls come, go on and go."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.lab.phone import NotAnswered
from tests.behaviour.stage import Stage, eventually, stage

pytestmark = pytest.mark.behaviour

ROOM = "room1"
USER = "71"
TOKEN = "a-token-of-some-length"
CONTROL = {"listen": "127.0.0.1:0", "token": TOKEN}
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


class Operator:
    """Asks a gateway how it is."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def get(self, path: str) -> Any:
        """What a path tells, whatever the status: JSON, or the text of metrics."""
        async with self._session.get(self._url + path) as response:
            is_json = response.content_type == "application/json"
            return await (response.json() if is_json else response.text())

    async def status(self, path: str) -> int:
        async with self._session.get(self._url + path) as response:
            return response.status

    async def shut_down(self, headers: dict[str, str]) -> int:
        async with self._session.post(self._url + "/about/shutdown", headers=headers) as response:
            return response.status


@asynccontextmanager
async def operated(**sections: Any) -> AsyncIterator[tuple[Stage, Operator]]:
    async with stage(control=CONTROL, **sections) as scene, ClientSession() as session:
        assert scene.gateway.control is not None
        yield scene, Operator(session, scene.gateway.control.url)


async def test_a_call_is_seen_while_it_lasts_and_afterwards() -> None:
    async with operated() as (scene, operator):
        assert await operator.status("/about/health") == 200
        assert (await operator.get("/about/stats"))["conferences"] == 0
        await scene.speakers(ROOM, "ann", "bob")
        call = await scene.dial(USER)
        await scene.media_up(call)

        stats = await operator.get("/about/stats")
        assert (stats["conferences"], stats["calls"]) == (1, 1)
        assert (stats["participants"], stats["conference_sizes"][3]) == (3, 1)
        assert 0 < stats["stress_level"] < 1
        assert stats["total_conferences_completed"] == 0
        assert await operator.status("/ready") == 200
        assert await operator.status("/live") == 200
        debug = await operator.get("/debug")
        session = debug["gateways"]["sip"]["sessions"]["phone"]
        (record,) = scene.gateway.switchboard.calls
        assert session["jvbConference"]["nick"] == record.endpoint
        url = f"https://{scene.lab.domain}/{ROOM}"
        assert session["jvbConference"]["meetingUrl"] == url
        metrics = await operator.get("/metrics")
        assert 'sip_gateway_calls{trunk="phones"} 1.0' in metrics
        assert 'sip_gateway_xmpp_logins_total{installation="jitsi"} 1.0' in metrics
        # To the INVITE, and to the PRACK of its ringing.
        assert 'sip_gateway_sip_responses_sent_total{code="200"} 2.0' in metrics
        assert "jitsi_jigasi_conferences 1.0" in metrics

        call.hang_up()
        await scene.over()
        stats = await operator.get("/about/stats")
        assert (stats["conferences"], stats["total_conferences_completed"]) == (0, 1)
        assert stats["total_participants"] == 3
        assert stats["total_calls_ended"] == {"caller-hung-up": 1}
        metrics = await operator.get("/metrics")
        ended = 'sip_gateway_calls_ended_total{reason="caller-hung-up",trunk="phones"} 1.0'
        assert ended in metrics
        assert 'sip_gateway_call_setup_seconds_count{trunk="phones"} 1.0' in metrics
        assert 'sip_gateway_media_setup_seconds_count{trunk="phones"} 1.0' in metrics
        ticks = "sip_gateway_tick_lateness_seconds_count"
        (line,) = [line for line in metrics.splitlines() if line.startswith(ticks)]
        assert float(line.split()[1]) > 0


async def test_told_to_shut_down_it_takes_no_new_call_and_waits_for_the_last() -> None:
    async with operated() as (scene, operator):
        await scene.speakers(ROOM, "ann")
        call = await scene.dial(USER)
        drained = asyncio.create_task(scene.gateway.drained())
        assert await operator.shut_down({}) == 401
        assert await operator.status("/ready") == 200
        assert await operator.shut_down(AUTHORIZED) == 200

        assert await operator.status("/ready") == 503
        assert await operator.status("/about/health") == 200
        assert (await operator.get("/about/stats"))["graceful_shutdown"] is True
        with pytest.raises(NotAnswered) as refused:
            await scene.dial(USER, "phone 2")
        assert refused.value.status == 503
        await scene.media_up(call)
        assert not drained.done()
        call.hang_up()
        await asyncio.wait_for(drained, 20)


async def test_an_xmpp_server_that_cannot_be_reached_makes_it_ill() -> None:
    async with operated(jitsi={"port": 1}) as (scene, operator):
        for _ in range(3):
            assert await operator.status("/about/health") == 200
            with pytest.raises(NotAnswered) as refused:
                await scene.dial(USER)
            assert refused.value.status == 503
            await eventually(lambda: not scene.gateway.switchboard.calls, "the end of the call")
        assert await operator.status("/about/health") == 500
        assert (await operator.get("/about/health"))["reason"].startswith("xmpp: 3 logins")
        stats = await operator.get("/about/stats")
        assert stats["total_calls_with_connection_failed"] == 3
        assert stats["total_conferences_completed"] == 0
        metrics = await operator.get("/metrics")
        assert 'sip_gateway_healthy{part="xmpp"} 0.0' in metrics


async def test_a_full_gateway_is_not_ready_and_well() -> None:
    async with operated(sip={"max_calls": 1}) as (scene, operator):
        await scene.dial(USER)
        assert await operator.status("/ready") == 503
        assert (await operator.get("/ready"))["reason"].startswith("full")
        assert await operator.status("/about/health") == 200
        assert (await operator.get("/about/stats"))["stress_level"] == 1


@asynccontextmanager
async def process(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A gateway started as operators do, in a process group of its own, as a terminal has one."""
    file = folder / "gateway.toml"
    file.write_text(
        '[sip]\nlisten = ["udp:127.0.0.1:0"]\n[jitsi]\ndomain = "meet.test"\n'
        f'[control]\nlisten = "127.0.0.1:0"\ntoken = "{TOKEN}"\n[log]\nformat = "json"\n'
        '[[trunk]]\nname = "pbx"\nfrom = ["127.0.0.1"]\n'
    )
    program = "from gateway.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "run", "--config", str(file)),
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(30):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def entry(process: asyncio.subprocess.Process, event: str) -> dict[str, Any]:
    """Read its log until then."""
    assert process.stderr is not None
    while True:
        told: dict[str, Any] = json.loads(await process.stderr.readline())
        if told["event"] == event:
            return told


async def test_the_process_ends_when_told_so_and_no_call_is_left(tmp_path: Path) -> None:
    async with process(tmp_path) as gateway, ClientSession() as session:
        operator = Operator(session, (await entry(gateway, "control listening"))["on"])
        await entry(gateway, "gateway up")
        assert await operator.status("/about/health") == 200
        assert await operator.shut_down(AUTHORIZED) == 200
        assert await gateway.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_process_ends_when_told_so_while_media_workers_start(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with process(tmp_path) as gateway:
        await entry(gateway, "control listening")  # before the workers are there
        os.killpg(gateway.pid, number)  # as Ctrl-C does
        _, told = await gateway.communicate()  # which returns when the workers have ended as well
        assert gateway.returncode == 0
        entries = [json.loads(line)["event"] for line in told.splitlines()]
        assert "media worker up" not in entries
        assert entries[-1] == "ended before it was up"
