"""Two hundred calls that end in every way: nothing is left of them, and memory does not grow."""

import asyncio
import gc
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from gateway.lab.lab import LabConfig
from gateway.lab.phone import NotAnswered, PhoneCall
from tests.behaviour.stage import Stage, eventually, left_over, stage, voice_of

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

CALLS = 200
AT_A_TIME = 10
WARM_UP = 100  # calls after which everything that is made once is there


async def answered(scene: Stage, room: str) -> tuple[PhoneCall, str]:
    """A call that is up, and its endpoint id."""
    call = await scene.dial(room.replace("room", "7"))
    await eventually(lambda: endpoint_in(scene, room) is not None, "an endpoint")
    endpoint = endpoint_in(scene, room)
    assert endpoint is not None
    return call, endpoint


def endpoint_in(scene: Stage, room: str) -> str | None:
    jid = scene.lab.room_jid(room)
    records = [r for r in scene.gateway.switchboard.calls if r.room == jid and r.answered_at]
    return records[0].endpoint if records else None


async def hangs_up(scene: Stage, room: str) -> None:
    call, _ = await answered(scene, room)
    await asyncio.sleep(0.5)
    call.hang_up()


async def hangs_up_alone(scene: Stage, room: str) -> None:
    call = await scene.dial(f"7{room.removeprefix('room')}00")
    await asyncio.sleep(0.5)
    call.hang_up()


async def gives_up(scene: Stage, room: str) -> None:
    uri = scene.uri(room.replace("room", "7"))
    call = await scene.phone.dial(uri, speaks=voice_of("phone"))
    await asyncio.sleep(0.01)
    call.hang_up()


async def is_not_found(scene: Stage, room: str) -> None:
    with pytest.raises(NotAnswered):
        await scene.dial("nobody")


async def is_kicked(scene: Stage, room: str) -> None:
    call, endpoint = await answered(scene, room)
    scene.lab.kick(room, endpoint, "soak")
    await call.ended()


async def loses_its_room(scene: Stage, room: str) -> None:
    call, _ = await answered(scene, room)
    scene.lab.destroy(room)
    await call.ended()


async def goes_silent(scene: Stage, room: str) -> None:
    call, _ = await answered(scene, room)
    await call.media.close()
    await call.ended()


async def loses_its_connection(scene: Stage, room: str) -> None:
    call, endpoint = await answered(scene, room)
    scene.lab.drop_connection(endpoint)
    await asyncio.sleep(2.5)
    call.hang_up()


async def loses_its_focus(scene: Stage, room: str) -> None:
    call, _ = await answered(scene, room)
    scene.lab.focus_leaves(room)
    await asyncio.sleep(1)
    call.hang_up()


WAYS: tuple[Callable[[Stage, str], Awaitable[None]], ...] = (
    hangs_up,
    hangs_up_alone,
    gives_up,
    is_not_found,
    is_kicked,
    loses_its_room,
    goes_silent,
    loses_its_connection,
    loses_its_focus,
)


def resident() -> int:
    """Octets of memory this process holds."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


async def test_nothing_is_left_of_two_hundred_calls() -> None:
    config = LabConfig(alone_timeout=2.0)
    async with stage(config, media={"no_rtp_timeout": 1.0}) as scene:
        places = asyncio.Semaphore(AT_A_TIME)

        async def one(number: int) -> None:
            async with places:
                room = f"room{number + 1}"
                way = WAYS[number % len(WAYS)]
                if way not in (hangs_up_alone, is_not_found):
                    await scene.speakers(room, "ann")
                await way(scene, room)
                await scene.phone.forget_calls()
                for speaker in scene.lab.speakers(room):
                    scene.lab.remove_speaker(speaker)

        async def several(numbers: range) -> None:
            async with asyncio.TaskGroup() as calls:
                for number in numbers:
                    calls.create_task(one(number))

        await several(range(WARM_UP))
        before = await settled(scene)
        await several(range(WARM_UP, WARM_UP + CALLS))
        after = await settled(scene)
        ends = Counter(record.end.reason.label for record in scene.records if record.end)
        growth = after["memory"] - before["memory"]
        print(f"\n{CALLS} calls: {dict(ends)}; before {before}; after {after}; growth {growth}")
        assert len(ends) >= 6
        for kept in ("sockets and tasks", "threads", "xmpp sessions"):
            assert after[kept] <= before[kept], kept
        assert growth < 50_000 * CALLS  # a call's jitter buffers alone would be more


async def settled(scene: Stage) -> dict[str, int]:
    """What there is once every call is over."""
    await eventually(lambda: scene.gateway.call_count == 0, "the end of every call", 60.0)
    await eventually(lambda: scene.lab.session_count == 0, "the end of every XMPP session", 60.0)
    # Where the focus has gone nobody tells the bridge: it keeps an endpoint for 60 s of silence,
    # one that has never connected for two minutes.
    await eventually(lambda: scene.lab.bridge.clients == 0, "the end of every endpoint", 150.0)
    await asyncio.sleep(5)
    gc.collect()
    return {
        "sockets and tasks": left_over(),
        "threads": threading.active_count(),
        "xmpp sessions": scene.lab.session_count,
        "memory": resident(),
    }
