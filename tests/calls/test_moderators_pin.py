"""A personal PIN that carries a moderator's rights: what it opens, and what it is not good for."""

import asyncio
from dataclasses import dataclass

import pytest

from gateway.calls.reception import Reception
from gateway.calls.trunk import Trunk
from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.pin_entry import PinRules
from gateway.ivr.pin_guard import Wait
from tests.calls.test_waiting_caller import Scene
from tests.conference.moderating import moderated, orders
from tests.conference.world import settle
from tests.xmpp.virtual_time import in_virtual_time

ASKING = Trunk("trunk", (), asks_pin=True, speaks=True)


@dataclass
class Desk:
    """Has one meeting, whatever the PIN."""

    meeting: Meeting

    async def present(
        self, pin: str, caller: str | None, trunk: str, *, call: str
    ) -> Meeting | NoMeeting | Wait:
        return self.meeting


@pytest.mark.parametrize("moderator", [True, False])
def test_a_moderator_has_its_keys_and_is_asked_for_its_pin_each_time(
    moderator: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        meeting = Meeting("room", "Ann", moderator)
        reception = Reception(Desk(meeting), lambda: PinRules(longest=6))
        world = moderated()
        scene = Scene(world, monkeypatch, trunk=ASKING, reception=reception)
        await settle(1)
        scene.types("123456")
        await settle(2)
        scene.said.clear()
        scene.types("*8")
        await settle(1)
        assert scene.said == ["meeting-locked" if moderator else "not-allowed"]
        assert bool(orders(world)) is moderator
        scene.phone.goes()
        await scene.over()
        now = asyncio.get_running_loop().time()
        again = reception.redials.returning("erika", "room", now)
        assert again == (None if moderator else meeting)

    run()
