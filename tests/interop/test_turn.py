"""Audio through a real coturn, where a videobridge cannot be reached directly.

The gateway has only an IPv6 address for ICE here and the lab's videobridge only an IPv4 one: no
datagram goes from one to the other, but both ways through the relay. Who and where the relay is
comes from a real Prosody (mod_turn_external).
"""

import asyncio
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.calls.end_reason import EndReason
from gateway.lab.phone import NotAnswered
from gateway.webrtc import ice
from gateway.webrtc.ice import IceConnection
from tests.behaviour.stage import left_over, names_in, stage
from tests.behaviour.test_endings import end_of
from tests.interop.coturn import HOST, SECRET, Coturn, demand_coturn
from tests.interop.prosody_server import ProsodyServer, demand_prosody

pytestmark = pytest.mark.interop

BLOCKED = {"bridge_addresses": ["::1"]}


@pytest.fixture
def coturn(tmp_path: Path) -> Iterator[Coturn]:
    demand_coturn()
    server = Coturn(tmp_path)
    yield server
    server.close()


@pytest.fixture
def prosody(coturn: Coturn, tmp_path: Path) -> Iterator[ProsodyServer]:
    demand_prosody()
    lends = (
        'modules_enabled = { "turn_external" }\n'
        f'turn_external_host = "{HOST}" turn_external_port = {coturn.port}\n'
        f'turn_external_secret = "{SECRET}" turn_external_tcp = true'
    )
    folder = tmp_path / "prosody"
    folder.mkdir()
    server = ProsodyServer(folder, lends)
    try:
        server.start()
        yield server
        assert server.log == ""
    finally:
        server.close()


async def test_a_bridge_out_of_reach_is_heard_through_a_relay(
    prosody: ProsodyServer, coturn: Coturn
) -> None:
    jitsi = {"turn": "fallback", "media_timeout": 4}
    async with stage(prosody=prosody.access, jitsi=jitsi, media=BLOCKED) as scene:
        speakers = await scene.speakers("room1", "ann")
        call = await scene.dial("71")
        await scene.media_up(call)
        call.media.frames.clear()
        speakers["ann"].forget()
        await asyncio.sleep(2.5)
        assert names_in(call.media.recording()[8000:]) == {"ann"}
        assert names_in(speakers["ann"].mix()[8000:]) == {"phone"}
        call.hang_up()
        assert await end_of(scene) is EndReason.CALLER_HUNG_UP
    assert "ALLOCATE processed, success" in coturn.log
    assert "CHANNEL_BIND processed, success" in coturn.log


async def test_without_the_fallback_it_is_out_of_reach(
    prosody: ProsodyServer, coturn: Coturn
) -> None:
    jitsi = {"turn": "off", "media_timeout": 1}
    async with stage(prosody=prosody.access, jitsi=jitsi, media=BLOCKED) as scene:
        await scene.speakers("room1", "ann")
        try:
            call = await scene.dial("71")
            await call.ended()
        except NotAnswered:
            pass
        assert await end_of(scene) is EndReason.MEDIA_FAILED
    assert "ALLOCATE" not in coturn.log


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_each_way_to_a_relay_gives_a_candidate_and_takes_it_back(
    coturn: Coturn, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=str(coturn.ca_file))
    monkeypatch.setattr(ice, "trusting_the_system", lambda: trusting)
    before = left_over()
    connection = IceConnection((HOST,), lambda data: None)
    host, relay = await connection.gather((coturn.server(transport),))
    assert (host.type, relay.type, relay.host) == ("host", "relay", HOST)
    assert relay.port != host.port
    await connection.close()
    await asyncio.sleep(0.1)  # TLS says goodbye
    assert left_over() == before
    assert "REFRESH processed, success" in coturn.log


async def test_a_relay_that_does_not_know_us_is_done_without(coturn: Coturn) -> None:
    before = left_over()
    connection = IceConnection((HOST,), lambda data: None)
    relays = (coturn.server("udp", secret="guessed"), coturn.server("tcp", secret="guessed"))
    (host,) = await connection.gather(relays)
    assert host.type == "host"
    await connection.close()
    assert left_over() == before


async def test_a_relay_that_died_does_not_keep_a_call_from_ending(coturn: Coturn) -> None:
    before = left_over()
    connection = IceConnection((HOST,), lambda data: None)
    relays = (coturn.server("udp"), coturn.server("tcp"))
    assert len(await connection.gather(relays)) == 3
    coturn.kill()
    begun = time.monotonic()
    await connection.close()
    assert time.monotonic() - begun < 5
    assert left_over() == before
