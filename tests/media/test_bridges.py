"""A call's connection to the bridge is replaced, or repaired, and nobody hears it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from structlog.testing import capture_logs

from audiocodecs.frames import Samples
from gateway.lab.bridge_endpoint import BridgeEndpoint
from gateway.lab.listening import listen_for
from gateway.lab.speaker import Speaker
from gateway.lab.videobridge import LabVideobridge
from gateway.lab.voice import Voice
from gateway.media import messages as m
from gateway.rtp.packet import RtpPacket
from tests.media.test_engine import OPUS, TONES, Caller, Stage, sources, stage, tones_in, voice_of

pytestmark = pytest.mark.behaviour  # real time passes in every one of them

PULSE, PACKET, WINDOW = 0.100, 0.020, 0.010
# The longest silence if one packet is missing: listening is as exact as its windows, at either end.
ONE_PACKET = PULSE + PACKET + 2 * WINDOW


@dataclass
class Listener:
    """Somebody in the conference, on both bridges: what came of whom, and at which tick."""

    stage: Stage
    packets: list[tuple[int, int]] = field(default_factory=list)  # SSRC, tick

    def hear(self, packet: RtpPacket) -> None:
        self.packets.append((packet.ssrc, self.stage.engine.clock.rounds))

    def count(self, ssrc: int) -> int:
        return sum(1 for heard, _ in self.packets if heard == ssrc)


@asynccontextmanager
async def two_bridges() -> AsyncIterator[tuple[Stage, LabVideobridge, Listener]]:
    """A second bridge, and a listener on both."""
    async with stage() as scene:
        second = LabVideobridge(
            lambda rule, who, what: scene.violations.append((rule, who, what)),
            lambda conference, endpoint: scene.failed.append(endpoint),
        )
        await second.start("127.0.0.1")
        listener = Listener(scene)
        for bridge in (scene.bridge, second):
            bridge.add_speaker("room", "listener", listener.hear)
        try:
            yield scene, second, listener
        finally:
            for call in list(scene.engine._calls):
                scene.engine.execute(m.Close(call))
                await scene.event(m.Closed, call)
            await second.close()


def speaker_on(scene: Stage, name: str, *bridges: LabVideobridge, ssrc: int | None = None):
    """Somebody whose voice reaches those bridges."""
    speaker = Speaker(name, Voice.of_tone(TONES[name]), payload_type=111, level_id=1, ssrc=ssrc)
    ways = [bridge.add_speaker("room", name, lambda packet: None) for bridge in bridges]

    def send(packet: RtpPacket) -> None:
        for way in ways:
            way(packet)

    speaker.send = send
    scene.speakers.append(speaker)
    return speaker


def breathing(name: str) -> Samples:
    """A voice that is never digitally silent: every frame of it is sent."""
    noise = np.resize(np.array([40, -40, 30, -30], np.int16), len(voice_of(name)))
    return voice_of(name) + noise


async def open_bridge(
    caller: Caller,
    bridge: LabVideobridge,
    ssrc: int,
    speakers: tuple[Speaker, ...],
    session: str,
    endpoint: str = "call",
) -> BridgeEndpoint:
    """As the focus and the participant do; returns once we have answered."""
    transport = bridge.allocate("room", endpoint)
    bridge.set_sources("room", endpoint, frozenset({ssrc}))
    offer = m.BridgeOffer(
        session=session,
        ufrag=transport.ufrag,
        pwd=transport.pwd,
        fingerprints=(m.Fingerprint("sha-256", transport.fingerprint),),
        setup="actpass",
        candidates=transport.candidates,
        opus=OPUS,
        audio_level_id=1,
        ssrc=ssrc,
        bridge_ssrc=bridge.feedback_ssrc("room"),
    )
    engine = caller.stage.engine
    engine.execute(m.OpenBridge(caller.call, "room", offer))
    engine.execute(m.SetSources(caller.call, session, sources(*speakers)))
    opened = await caller.stage.event(m.BridgeOpened, caller.call)
    answer = opened.answer
    bridge.connect(
        "room",
        endpoint,
        ufrag=answer.ufrag,
        pwd=answer.pwd,
        fingerprint=(answer.fingerprint.hash, answer.fingerprint.value),
        setup=answer.setup,
    )
    return bridge.client("room", endpoint)


def sounding(name: str, samples: Samples) -> list[int]:
    """The eighths of a second in which somebody is heard."""
    piece = 1000
    starts = range(0, len(samples) - 2 * piece, piece)
    return [at for at in starts if tones_in(samples[at : at + 2 * piece]) >= {name}]


async def test_the_next_bridge_takes_over_without_a_gap_and_nobody_is_heard_twice() -> None:
    async with two_bridges() as (scene, second, listener):
        ann = speaker_on(scene, "ann", scene.bridge, second)
        bob = speaker_on(scene, "bob", scene.bridge)
        cec = speaker_on(scene, "cec", second)
        caller = await scene.phone("call", breathing("phone"))
        await open_bridge(caller, scene.bridge, 77, (ann, bob), "s1")
        await scene.event(m.BridgeConnected)
        await asyncio.sleep(1.5)
        old = scene.bridge.client("room", "call")
        await open_bridge(caller, second, 78, (ann, cec), "s2", "again")
        assert (await scene.event(m.BridgeConnected)).session == "s2"
        lost = await scene.event(m.BridgeLost)
        assert lost.session == "s1"
        received = old.received
        await asyncio.sleep(1.5)

        # The conference: first the one, then the other, and a packet for every 20 ms.
        ssrcs = [ssrc for ssrc, _ in listener.packets if ssrc in (77, 78)]
        assert ssrcs == sorted(ssrcs) and set(ssrcs) == {77, 78}
        assert old.received - received <= 1
        rounds = [number for ssrc, number in listener.packets if ssrc in (77, 78)]
        assert abs(rounds[-1] - rounds[0] + 1 - len(rounds)) <= 1
        # The phone: Ann without a hole and as loud as ever, Bob until then, Cec from then on.
        heard = caller.phone.recording()[4000:]
        found = listen_for(TONES["ann"], heard, 8000)
        usual = listen_for(TONES["ann"], np.tile(voice_of("ann"), 10), 8000)
        assert found.longest_absence <= ONE_PACKET + 2 * scene.engine.clock.longest_stall
        assert found.amplitude == pytest.approx(usual.amplitude, rel=0.1)
        assert max(sounding("bob", heard)) <= min(sounding("cec", heard)) + 1000
        assert caller.phone.recording().size and tones_in(heard[-4000:]) == {"ann", "cec"}
        assert scene.violations == []


async def test_late_packets_of_what_we_have_sent_before_are_never_heard() -> None:
    async with two_bridges() as (scene, second, _):
        ann = speaker_on(scene, "ann", second)
        echo = speaker_on(scene, "bob", second, ssrc=77)  # as our old endpoint's copies
        caller = await scene.phone("call", breathing("phone"))
        await open_bridge(caller, scene.bridge, 77, (), "s1")
        await scene.event(m.BridgeConnected)
        # Our old endpoint is still in the room for the focus.
        await open_bridge(caller, second, 78, (ann, echo), "s2", "again")
        await scene.event(m.BridgeConnected)
        await asyncio.sleep(1.5)
        assert tones_in(caller.phone.recording()[4000:]) == {"ann"}


async def test_if_the_next_bridge_cannot_be_reached_the_last_one_goes_on() -> None:
    async with two_bridges() as (scene, second, listener):
        ann = speaker_on(scene, "ann", scene.bridge)
        caller = await scene.phone("call", breathing("phone"))
        await open_bridge(caller, scene.bridge, 77, (ann,), "s1")
        await scene.event(m.BridgeConnected)
        second.isolate_clients = True
        await open_bridge(caller, second, 78, (), "s2", "again")
        second.expire("room", "again")
        scene.engine.execute(m.CloseBridge("call", "s2"))
        await asyncio.sleep(1.0)
        assert tones_in(caller.phone.recording()[-6000:]) == {"ann"}
        assert listener.count(77) > 40 and listener.count(78) == 0
        assert not [event for event in scene.events if isinstance(event, m.BridgeLost)]


async def test_one_that_lingers_is_over_when_another_is_up_or_its_time_is() -> None:
    async with two_bridges() as (scene, _, listener):
        caller = await scene.phone("call", breathing("phone"))
        await open_bridge(caller, scene.bridge, 77, (), "s1")
        await scene.event(m.BridgeConnected)
        scene.engine.execute(m.CloseBridge("call", "s1", linger=0.5))
        await asyncio.sleep(0.3)
        before = listener.count(77)
        assert before > 0
        assert (await scene.event(m.BridgeLost)).session == "s1"
        after = listener.count(77)
        assert after > before
        await asyncio.sleep(0.3)
        assert listener.count(77) <= after + 1


async def test_mute_applies_to_whichever_connection_sends() -> None:
    async with two_bridges() as (scene, second, listener):
        caller = await scene.phone("call", breathing("phone"))
        await open_bridge(caller, scene.bridge, 77, (), "s1")
        await scene.event(m.BridgeConnected)
        scene.engine.execute(m.Mute("call", True))
        await asyncio.sleep(0.3)
        muted = listener.count(77)
        await open_bridge(caller, second, 78, (), "s2", "again")
        await scene.event(m.BridgeConnected)
        await asyncio.sleep(0.5)
        assert (listener.count(77), listener.count(78)) == (muted, 0)


async def test_callers_of_a_room_hear_each_other_once_while_one_of_them_changes_bridges() -> None:
    async with two_bridges() as (scene, second, _):
        first = await scene.phone("first", breathing("phone"))
        other = await scene.phone("second", voice_of("second phone"))
        await open_bridge(first, scene.bridge, 77, (), "a1", "first")
        await scene.event(m.BridgeConnected, "first")
        await open_bridge(other, scene.bridge, 90, (), "b1", "second")
        await scene.event(m.BridgeConnected, "second")
        named = (m.Source(77, "first"), m.Source(78, "again"))
        scene.engine.execute(m.SetSources("second", "b1", named))
        await asyncio.sleep(1.0)
        await open_bridge(first, second, 78, (), "a2", "again")
        await scene.event(m.BridgeConnected, "first")
        await asyncio.sleep(1.0)
        heard = other.phone.recording()[4000:]
        usual = listen_for(TONES["phone"], np.tile(voice_of("phone"), 10), 8000)
        found = listen_for(TONES["phone"], heard, 8000)
        assert found.longest_absence <= ONE_PACKET + 2 * scene.engine.clock.longest_stall
        assert found.amplitude == pytest.approx(usual.amplitude, rel=0.1)
        assert tones_in(heard) == {"phone"}


async def test_a_path_that_is_not_found_again_in_time_is_told_with_the_time() -> None:
    nowhere = m.IceParameters(1, "gone", "g" * 22, ())  # not even a candidate to try
    async with two_bridges() as (scene, _, _):
        scene.engine._config = replace(scene.engine._config, connect_within=1.5)
        caller = await scene.phone("call", breathing("phone"))
        await open_bridge(caller, scene.bridge, 77, (), "s1")
        await scene.event(m.BridgeConnected)
        with capture_logs() as logs:
            scene.engine.execute(m.RestartIce("call", "s1", nowhere))
            await scene.event(m.IceRestarted)
            await asyncio.sleep(2.0)
        told = [line["error"] for line in logs if line["event"] == "ICE not restarted"]
        assert told == ["no path within 1.5 s"]
