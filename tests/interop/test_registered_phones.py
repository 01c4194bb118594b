"""baresip and pyVoIP register with the gateway and dial a room by its name.

baresip 1.0.0 gives up where anything but MD5 is offered, in whatever order ("Function not
implemented"); pyVoIP takes the last of what is offered for MD5.
"""

import os
from pathlib import Path

import pytest

from gateway.calls.end_reason import EndReason
from tests.behaviour.stage import Stage, eventually, stage, voice_of
from tests.phones import baresip, pyvoip
from tests.phones.foreign import User

pytestmark = pytest.mark.interop

ROOM = "welcome"
ALICE, BOB = User("alice", "a-long-secret"), User("bob", "another-secret")
USERS = [
    {"name": ALICE.name, "password": ALICE.password},
    {"name": BOB.name, "password": BOB.password, "legacy_digest": True},
]
ELSEWHERE = {"from": ["192.0.2.1"]}  # nobody here is known by address


def need(missing: str | None) -> None:
    if missing is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)


def phones(scene: Stage) -> set[str]:
    return set(scene.gateway.snapshot().phones)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_baresip_registers_calls_a_room_by_name_and_goes(
    transport: str, tmp_path: Path
) -> None:
    need(baresip.missing())
    async with stage(trunk=ELSEWHERE, user=USERS) as scene:
        uri = scene.uri(ROOM, transport)
        async with baresip.baresip(tmp_path, uri, says=voice_of("phone"), user=ALICE) as call:
            await eventually(lambda: phones(scene) == {"alice"}, "the registration")
            await call.answered()
            (record,) = scene.gateway.switchboard.calls
            assert (record.trunk, record.room.partition("@")[0]) == ("alice", ROOM)
            await call.hang_up()
            record = await scene.over()
        await eventually(lambda: phones(scene) == set(), "the end of the registration")
        counters = scene.gateway.switchboard.digest_counters
    assert record.end is not None and record.end.reason is EndReason.CALLER_HUNG_UP
    assert counters.refused == 0
    assert counters.accepted >= 3  # to register, to call, to go


async def test_pyvoip_without_qop_registers_and_calls_a_room_by_name(tmp_path: Path) -> None:
    need(pyvoip.missing())
    offered = {"digest_algorithms": ["SHA-512-256", "SHA-256", "MD5"]}
    async with stage(trunk=ELSEWHERE, user=USERS, sip=offered) as scene:
        uri = scene.uri(ROOM)
        async with pyvoip.pyvoip(tmp_path, uri, says=voice_of("phone"), user=BOB) as call:
            await call.answered()
            assert phones(scene) == {"bob"}
            (record,) = scene.gateway.switchboard.calls
            assert (record.trunk, record.room.partition("@")[0]) == ("bob", ROOM)
            await call.hang_up()
            record = await scene.over()
        counters = scene.gateway.switchboard.digest_counters
    assert record.end is not None and record.end.reason is EndReason.CALLER_HUNG_UP
    assert (counters.refused, counters.stale) == (0, 0)
