"""The connection to the bridge changes under a call, and neither side hears that it does."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from audiocodecs.frames import Samples
from audiocodecs.tones import tone
from gateway.lab.calm import in_calm
from gateway.lab.lab import Lab, LabConfig
from gateway.lab.listening import listen_for
from gateway.lab.phone import PhoneCall
from gateway.lab.speaker import Speaker
from gateway.lab.voice import RATE as VOICE_RATE
from gateway.lab.voice import Voice
from gateway.webrtc import ice
from tests.behaviour.stage import (
    RATE,
    TONES,
    Stage,
    eventually,
    left_over,
    names_in,
    stage,
)

pytestmark = pytest.mark.behaviour

SECOND = {"phone": 640.0, "ann": 1430.0}  # what they say in between, so that nobody ever pauses
PACKET, PIECE = 0.020, 0.005  # seconds
QUIET = 200.0  # amplitude
_HOLE = 0.040  # seconds more than the packet it may lose
_RECEIVER = 0.080  # what a receiver may take to buffer a source that is new to it
KEPT = LabConfig(bridge_keeps=5.0, ghosts_last=5.0)


def chatter(name: str, rate: int) -> Samples:
    """A voice without a pause, and no steady tone either."""
    parts = (tone([TONES[name]], 0.2, rate=rate), tone([SECOND[name]], 0.1, rate=rate))
    return np.concatenate(parts)


def longest_hole(heard: Samples) -> float:
    """Seconds of media time in which nothing was heard."""
    size = round(PIECE * RATE)
    pieces = heard[: len(heard) // size * size].reshape(-1, size).astype(np.float64)
    is_quiet = np.sqrt((pieces**2).mean(axis=1)) < QUIET
    changes = np.flatnonzero(np.diff(np.concatenate(([0], is_quiet.astype(int), [0]))))
    return PIECE * int(np.diff(changes)[::2].max(initial=0))


def is_once(name: str, heard: Samples) -> bool:
    """Whether somebody is as loud as ever: two copies would add up, or cancel out."""
    usual = listen_for(TONES[name], np.tile(chatter(name, RATE), 10), RATE).amplitude
    return bool(listen_for(TONES[name], heard, RATE).amplitude == pytest.approx(usual, rel=0.2))


async def in_room(scene: Stage) -> tuple[PhoneCall, Speaker, str]:
    """A call whose caller and Ann hear each other; and the call's endpoint."""
    ann = await scene.lab.add_speaker("room1", "ann", Voice.of_samples(chatter("ann", VOICE_RATE)))
    call = await scene.phone.dial(scene.uri("71"), speaks=chatter("phone", RATE), name="phone")
    await call.answered()
    await scene.media_up(call)
    await eventually(lambda: "ann" in names_in(call.media.recording()[-6000:]), "hearing Ann")
    await eventually(lambda: "phone" in names_in(ann.mix()[-6000:]), "hearing the phone")
    return call, ann, endpoint_of(scene)


def endpoint_of(scene: Stage) -> str:
    """The occupant of the room that is no speaker."""
    (nick,) = [each.nick for each in scene.lab.occupants("room1") if each.display_name != "ann"]
    return nick


async def assert_nobody_notices(
    scene: Stage, call: PhoneCall, ann: Speaker, change: Callable[[], Awaitable[None]]
) -> None:
    """Neither side of a call misses anything, or hears it twice, while something is changed.

    Both sides are in this process: when the machine stands still they are deaf as well, and it is
    done once more.
    """

    async def listen() -> None:
        since = len(call.media.recording())
        await change()
        await asyncio.sleep(1.5)
        heard = call.media.recording()[since:]
        mix = ann.mix()[-len(heard) :]
        assert longest_hole(heard) <= PACKET + _HOLE
        assert longest_hole(mix) <= PACKET + _HOLE + _RECEIVER
        assert is_once("ann", heard) and is_once("phone", mix)
        assert names_in(heard) == {"ann"}

    await in_calm(scene.gateway.engine.clock, listen)


@pytest.mark.parametrize("order", [Lab.move, Lab.replace], ids=["moved", "replaced"])
async def test_a_session_is_replaced_and_nobody_hears_it(order: Callable[..., None]) -> None:
    async with stage(KEPT) as scene:
        call, ann, nick = await in_room(scene)

        async def change() -> None:
            old = scene.lab.endpoint("room1", nick)
            order(scene.lab, "room1", nick)
            await eventually(lambda: scene.lab.endpoint("room1", nick) is not old, "the next one")
            await eventually(lambda: is_sending(scene, nick), "its audio")
            await eventually(lambda: old.failed is not None, "the end of the old one")

        await assert_nobody_notices(scene, call, ann, change)
        assert scene.lab.bridge.clients == 1


async def test_a_lost_xmpp_connection_is_not_heard() -> None:
    async with stage(KEPT) as scene:
        call, ann, _ = await in_room(scene)

        async def change() -> None:
            nick = endpoint_of(scene)
            scene.lab.drop_connection(nick)
            await eventually(lambda: nick not in occupants(scene), "the end of the old occupant")
            await eventually(lambda: len(occupants(scene)) == 2, "the next occupant")
            again = endpoint_of(scene)
            await eventually(lambda: is_sending(scene, again), "the next endpoint")

        await assert_nobody_notices(scene, call, ann, change)
        await eventually(lambda: scene.lab.bridge.clients == 1, "the end of the old endpoint")


async def test_ice_is_restarted_and_nobody_hears_it() -> None:
    async with stage() as scene:
        call, ann, nick = await in_room(scene)
        endpoint = scene.lab.endpoint("room1", nick)

        async def change() -> None:
            before = endpoint.ice_restarts
            scene.lab.restart_ice("room1", nick)
            await eventually(lambda: endpoint.ice_restarts == before + 1, "another path")

        for _ in range(2):
            await assert_nobody_notices(scene, call, ann, change)
        assert scene.lab.endpoint("room1", nick) is endpoint and endpoint.connected


async def test_a_path_that_breaks_is_replaced_within_the_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ice, "SILENT_FOR", 2.0)
    async with stage() as scene:
        call, ann, nick = await in_room(scene)
        endpoint = scene.lab.endpoint("room1", nick)
        scene.lab.bridge.break_path(scene.lab.room_jid("room1"), nick)
        await eventually(lambda: endpoint.ice_restarts == 1, "another path")
        await asyncio.sleep(1.5)
        assert names_in(call.media.recording()[-6000:]) == {"ann"}
        assert names_in(ann.mix()[-6000:]) == {"phone"}
        assert scene.lab.endpoint("room1", nick) is endpoint


async def test_where_ice_cannot_be_restarted_there_is_another_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ice, "SILENT_FOR", 2.0)
    async with stage(LabConfig(ice_restart=False)) as scene:
        call, ann, nick = await in_room(scene)
        endpoint = scene.lab.endpoint("room1", nick)
        scene.lab.bridge.break_path(scene.lab.room_jid("room1"), nick)
        await eventually(lambda: scene.lab.endpoint("room1", nick) is not endpoint, "another")
        await eventually(lambda: is_sending(scene, nick), "its audio")
        await asyncio.sleep(1.5)
        assert names_in(call.media.recording()[-6000:]) == {"ann"}
        assert names_in(ann.mix()[-6000:]) == {"phone"}


async def test_ten_changes_in_a_row_leave_nothing_over() -> None:
    async with stage(LabConfig(bridge_keeps=1.0)) as scene:
        call, _, nick = await in_room(scene)
        await asyncio.sleep(0.5)
        before = left_over()
        for number in range(10):
            old = scene.lab.endpoint("room1", nick)
            order = (Lab.replace, Lab.move, Lab.restart_ice)[number % 3]
            restarts = old.ice_restarts
            order(scene.lab, "room1", nick)
            await eventually(
                lambda o=old, r=restarts: (
                    is_sending(scene, nick)
                    and (scene.lab.endpoint("room1", nick) is not o or o.ice_restarts > r)
                ),
                "the change",
            )
            await asyncio.sleep(0.2)
        await eventually(lambda: scene.lab.bridge.clients == 1, "one endpoint")
        await eventually(lambda: left_over() <= before, "what was there before")
        assert names_in(call.media.recording()[-6000:]) == {"ann"}


def occupants(scene: Stage) -> list[str]:
    return [each.nick for each in scene.lab.occupants("room1")]


def is_sending(scene: Stage, nick: str) -> bool:
    """Whether the endpoint that bears the name now sends audio."""
    try:
        return scene.lab.endpoint("room1", nick).received > 0
    except KeyError:
        return False
