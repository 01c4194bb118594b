"""Prosody is killed and started again while ten calls talk: how long each was without what."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from audiocodecs.frames import Samples
from gateway.lab.listening import listen_for
from tests.behaviour.stage import RATE, TONES, Stage, eventually, stage
from tests.interop.prosody_server import HOST, ProsodyServer, demand_prosody

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

CALLS = 10
AWAY = 5.0  # seconds without a Prosody
ROOMS = 5  # with two phones each
WAYS = ("tcp", "websocket", "bosh")


@pytest.fixture
def prosody(tmp_path: Path) -> Iterator[ProsodyServer]:
    demand_prosody()
    server = ProsodyServer(tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.close()


def absence(recording: Samples, name: str) -> str:
    """The longest time, in media time, in which a tone was not heard, its own pauses included."""
    heard = listen_for(TONES[name], recording, RATE)
    return f"{heard.longest_absence:.2f} s" if heard.is_present else "ever"


@pytest.mark.parametrize("way", WAYS)
async def test_ten_calls_come_back(
    prosody: ProsodyServer, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    jitsi = {}
    if way == "websocket":
        jitsi = {"websocket": f"wss://{HOST}:{prosody.https_port}/xmpp-websocket"}
    if way == "bosh":
        jitsi = {"bosh": f"https://{HOST}:{prosody.https_port}/http-bind"}
    async with stage(prosody=prosody.access, jitsi=jitsi) as scene:
        calls = []
        for number in range(CALLS):
            name = "phone 2" if number >= ROOMS else "phone"
            calls.append(await scene.dial(f"7{number % ROOMS}", name))
        await scene.media_up(*calls)
        await asyncio.sleep(3)
        before = [record.endpoint for record in scene.gateway.switchboard.calls]
        for call in calls:
            call.media.frames.clear()
        prosody.kill()
        killed = asyncio.get_running_loop().time()
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(prosody.start)
        started = asyncio.get_running_loop().time()
        back = await _back(scene, before)
        await asyncio.sleep(5)
        with capsys.disabled():
            print(f"\n{way}: Prosody was away for {started - killed:.1f} s")
            for number, call in enumerate(calls):
                other = "phone" if number >= ROOMS else "phone 2"
                heard = absence(call.media.recording(), other)
                print(
                    f"  call {number}: not in the room for {back[number] - killed:.1f} s, "
                    f"did not hear the other phone for {heard}"
                )
        assert len(scene.gateway.switchboard.calls) == CALLS
        assert scene.records == []


async def _back(scene: Stage, before: list[str]) -> list[float]:
    """When each call was in the room again, as another endpoint."""
    found: dict[int, float] = {}

    def look() -> bool:
        present = {
            occupant.nick
            for room in range(ROOMS)
            for occupant in scene.lab.occupants(f"room{room}")
        }
        for number, record in enumerate(scene.gateway.switchboard.calls):
            if record.endpoint != before[number] and record.endpoint in present:
                found.setdefault(number, asyncio.get_running_loop().time())
        return len(found) == CALLS

    await eventually(look, "every caller in the room", seconds=120)
    return [found[number] for number in range(CALLS)]
