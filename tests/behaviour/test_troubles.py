"""What the lab does to a phone on purpose, by name; afterwards the phone talks on."""

import asyncio

import pytest

from gateway.lab.lab_config import LabConfig
from gateway.lab.phone import NotAnswered
from gateway.lab.troubles import TROUBLES, trouble
from tests.behaviour.meeting import ROOM, USER, Meeting, meeting
from tests.behaviour.stage import eventually
from tests.lab.rules import RULES

pytestmark = pytest.mark.behaviour

SURVIVED = (
    "direct-offer",  # first: the lab waits 5 s for it to be declined
    "noise",
    "config-changed",
    "move",
    "replace",
    "recorder-busy",
    "bridge-restart",
    "focus-restart",
    "disconnect",
)


async def test_a_phone_survives_one_trouble_after_the_other() -> None:
    async with meeting(LabConfig(nuisances=True)) as at:
        call = await at.joined()
        for name in SURVIVED:
            made = TROUBLES[name]
            trouble(at.scene.lab, name, ROOM, at.phone.nick if made.needs_nick else None)
            await came_about(at, name)
            try:
                await at.hear_each_other(call)
            except AssertionError as silent:
                raise AssertionError(f"after {name}: {silent}") from silent
        assert at.scene.records == []


async def came_about(at: Meeting, name: str) -> None:
    """Return when a trouble is felt, where that takes a moment."""
    if name in ("disconnect", "focus-restart", "bridge-restart"):
        await asyncio.sleep(1.2)
    if name == "disconnect":
        await eventually(lambda: len(at.scene.lab.occupants(ROOM)) == 2, "the phone, back again")


@pytest.mark.parametrize("name", ["ban", "destroyed"])
async def test_a_phone_is_hung_up_by_a_trouble_that_ends_its_stay(name: str) -> None:
    async with meeting() as at:
        call = await at.scene.dial(USER)
        nick = at.phone.nick if TROUBLES[name].needs_nick else None
        trouble(at.scene.lab, name, ROOM, nick)
        async with asyncio.timeout(20):
            assert await call.ended()


async def test_a_conference_that_is_refused_once_can_be_had_the_next_time() -> None:
    async with meeting() as at:
        trouble(at.scene.lab, "reservation-error", ROOM)
        with pytest.raises(NotAnswered):
            await at.scene.dial(USER)
        await at.scene.dial(USER)


def test_every_trouble_is_about_rules() -> None:
    for name, each in TROUBLES.items():
        assert set(each.rules) <= set(RULES), name
        assert (each.act is None) == each.needs_nick, name
