"""A stranger floods the gateway while ten calls talk: they go on, and it hears nothing.

How long the longest hole in what the callers heard is, before and meanwhile, is stated and not
judged: it is the machine's as well.

SOAK_FLOOD is for how many seconds each flood lasts.
"""

import asyncio
import os
from collections.abc import Iterator
from contextlib import closing

import pytest

from gateway.bench.machine import this_machine
from gateway.lab.certificate import Certificate
from tests.behaviour.stage import HOST
from tests.soak.flood import Flood
from tests.soak.ten_calls import STRANGER, longest_hole, ten_calls

SECONDS = float(os.environ.get("SOAK_FLOOD", "60"))

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300 + 4 * SECONDS)]

FLOODS = {
    "INVITE": 1000,
    "OPTIONS": 5000,
    "REGISTER": 2000,
    "malformed": 2000,
    "responses": 2000,
    "tcp": 200,
    "tls": 200,
}
GROWTH = 8 << 20  # octets: what a connection each, or a transaction each, would not fit into


@pytest.fixture
def tls() -> Iterator[dict[str, str]]:
    """A certificate, for `[sip.tls]`."""
    with closing(Certificate(("gateway.test",), HOST)) as own:
        yield {"certificate": str(own.ca_file), "key": str(own.key_file)}


@pytest.mark.parametrize("kind", FLOODS)
async def test_a_flood_is_not_heard_and_leaves_nothing(
    kind: str, tls: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    listen = [f"{transport}:{HOST}:0" for transport in ("udp", "tcp", "tls")]
    async with ten_calls(sip={"listen": listen, "tls": tls}) as scene:
        scene.forget()
        await asyncio.sleep(min(10.0, SECONDS))
        in_calm = scene.recordings()
        scene.forget()
        before = await scene.gateway.look()
        transport = kind if kind in ("tcp", "tls") else "udp"
        flood = Flood(kind, STRANGER, before.addresses[transport], FLOODS[kind], SECONDS)
        outcome = await flood.run()
        after = await scene.gateway.look()
        in_flood = scene.recordings()
    dropped = after.counters["dropped_strangers"] - before.counters["dropped_strangers"]
    with capsys.disabled():
        print(
            f"\n{kind}: {outcome}; {dropped} dropped, the gateway's process took "
            f"{(after.cpu - before.cpu) / outcome.seconds:.0%} of a core; longest hole "
            f"{longest_hole(in_flood) * 1000:.0f} ms, {longest_hole(in_calm) * 1000:.0f} before; "
            f"memory {before.memory >> 20} MiB, then {after.memory >> 20}; {this_machine()}"
        )
    assert outcome.sent > 0
    assert transport != "udp" or dropped > 0
    assert outcome.heard == {}  # nothing was learned
    assert after.responses == before.responses
    assert after.calls == len(scene.calls)
    assert after.memory - before.memory < GROWTH
