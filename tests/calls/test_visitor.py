"""A call that asks to be a visitor's, by its header, on a trunk that allows it or not."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from gateway.calls.trunk import Trunk
from gateway.media import messages as m
from gateway.sip.client_request import Outcome
from tests.calls.test_waiting_caller import Phone, Scene
from tests.conference.world import World, settle
from tests.xmpp.virtual_time import in_virtual_time

FOCUS = "http://jitsi.org/protocol/focus"
TO_NODE = f"<conference xmlns='{FOCUS}' ready='true' vnode='v1'/>"
HEADER = "Jitsi-Visitor: true\r\n"


@dataclass
class Pbx(Phone):
    """A phone behind a PBX that wants Jigasi's messages."""

    told: list[object] = field(default_factory=list)

    async def info(self, media_type: str, body: bytes) -> Outcome:
        self.told.append(json.loads(body))
        return Outcome(200, "OK")


def properties(world: World) -> set[str | None]:
    (asked,) = world.streams[0].of("conference")
    return {part.get("name") for part in asked.stanza[0]}


@in_virtual_time
async def test_a_visitor_is_told_that_it_is_muted_and_so_is_its_pbx(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(occupants={"alice": "Alice"}, conference=[TO_NODE])
    trunk = Trunk("trunk", (), default_room="room", allow_visitors=True, info_json=True)
    phone = Pbx(headers=HEADER)
    scene = Scene(world, monkeypatch, phone=phone, trunk=trunk)
    await settle(2)
    assert world.room == "room@conference.v1.meet.jitsi"
    assert phone.done == ["180", "200"]
    assert phone.told == [{"t": 12, "d": True}]
    assert m.Tone.MUTED in scene.tones
    scene.types("*6")
    await settle(2)
    assert m.Tone.HAND in scene.tones
    phone.goes()
    await asyncio.wait_for(scene.over(), 10)
    assert all(stream.closed_at is not None for stream in world.streams)


@pytest.mark.parametrize(
    ("headers", "allowed"), [(HEADER, False), ("", True), ("Jitsi-Visitor: false\r\n", True)]
)
@in_virtual_time
async def test_nobody_is_a_visitor_without_asking_and_being_allowed_to(
    monkeypatch: pytest.MonkeyPatch, headers: str, allowed: bool
) -> None:
    world = World(occupants={"alice": "Alice"})
    trunk = Trunk("trunk", (), default_room="room", allow_visitors=allowed)
    phone = Phone(headers=headers)
    scene = Scene(world, monkeypatch, phone=phone, trunk=trunk)
    await settle(2)
    assert properties(world) == set()
    assert m.Tone.MUTED not in scene.tones
    phone.goes()
    await asyncio.wait_for(scene.over(), 10)
