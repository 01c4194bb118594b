"""`gateway/calls/KEYPAD.md` is true: each of its rows is pressed here, and is compared."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import pytest

from gateway.calls.keypad import PATIENCE, KeypadCommand
from gateway.calls.trunk import Trunk
from tests.calls.exchange import CONFIRMING, TRUNK, exchange
from tests.calls.keypad_scene import PIN, reception
from tests.calls.keypad_scene import KeypadScene as S
from tests.conference.strict_world import StrictWorld
from tests.conference.world import COMPONENTS, settle
from tests.xmpp import virtual_time

TABLE = Path(__file__).parents[2] / "gateway" / "calls" / "KEYPAD.md"
Step = Callable[[S], Awaitable[None]]
Row = tuple[str, str]  # key, state before

SPEAKING = replace(TRUNK, speaks=True, chat=False)
ASKING = replace(SPEAKING, asks_pin=True)
LISTENING = replace(SPEAKING, allow_visitors=True)
FEW_KEYS = replace(SPEAKING, keys=frozenset({KeypadCommand.TOGGLE_MICROPHONE}))
CALLED = replace(CONFIRMING, speaks=True, chat=False)

IN = [S.calls]
BLOCKED = [S.calls, S.moderates]
DIALLED: list[Step] = [S.has_to_confirm, S.is_ordered, S.is_called, S.answers_and_is_asked]

STORIES: dict[Row, list[Step]] = {
    ("`*6`", "open"): IN,
    ("`*6`", "muted"): [S.calls, S.presses_star_6],
    ("`*6`", "muted by a moderator"): [S.calls, S.mutes],
    ("`*6`", "blocked by a moderator"): BLOCKED,
    ("`*6`", "blocked, hand up"): [*BLOCKED, S.presses_star_6],
    ("`*6`", "approved by a moderator"): [*BLOCKED, S.approves],
    ("`*6`", "a visitor"): [S.calls_to_listen],
    ("`*6`", "a visitor, hand up"): [S.calls_to_listen, S.presses_star_6],
    ("`*9`", "open"): IN,
    ("`*9`", "open, hand up"): [S.calls, partial(S.presses, keys="*9")],
    ("`*9`", "muted"): [S.calls, S.presses_star_6],
    ("`*9`", "blocked, hand up"): [*BLOCKED, S.presses_star_6],
    ("`*9`", "the trunk has only `*6`"): IN,
    ("`*5`", "open"): IN,
    ("`*5`", "open, hand up"): [S.calls, partial(S.presses, keys="*9")],
    ("`*#`", "Alice is there"): IN,
    ("`*#`", "Alice and Bob are there"): [S.calls, S.comes],
    ("`*#`", "nobody else is there"): [S.nobody_is_there, S.calls],
    ("`*1`", "open"): IN,
    ("`*1`", "the trunk has only `*6`"): IN,
    ("`*0`", "open"): IN,
    ("`6`", "open"): IN,
    ("`*` and, too late, `6`", "open"): IN,
    ("`**6`", "open"): IN,
    ("`*66`", "open"): IN,
    ("`*2`", "open"): IN,
    (f"`{PIN}`", "asked for a PIN"): [S.calls_and_is_asked],
    (f"`99*{PIN}`", "asked for a PIN"): [S.calls_and_is_asked],
    ("`111111`", "asked for a PIN"): [S.calls_and_is_asked],
    ("`*6`", "asked for a PIN"): [S.calls_and_is_asked],
    ("`4711#`", "asked for the room's password"): [S.wants_a_password, S.calls],
    ("`08*4711#`", "asked for the room's password"): [S.wants_a_password, S.calls],
    ("`12#`", "asked for another password"): [S.wants_another_password, S.calls],
    ("`*6`", "in the lobby"): [S.has_a_lobby, S.calls],
    ("`4711#`", "in the lobby"): [S.has_a_lobby, S.calls],
    ("`*6`", "waiting for a host"): [S.has_no_host, S.calls],
    ("`*0`", "waiting for a host"): [S.has_no_host, S.calls],
    ("`1`", "called, and asked to join"): DIALLED,
    ("`2`", "called, and asked to join"): DIALLED,
    ("`*`", "called, and asked to join"): DIALLED,
    ("`5`", "called, and asked to join"): DIALLED,
}
TRUNKS = {"asked for a PIN": ASKING, "the trunk has only `*6`": FEW_KEYS}


def rows() -> dict[Row, tuple[str, str]]:
    """What the table says of each key in each state: what is seen, and what is heard."""
    others, _, _ = TABLE.read_text().partition("## Moderators")  # those have a test of their own
    lines = (line for line in others.splitlines() if line.startswith("| "))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {(key, state): (seen, heard) for key, state, seen, heard in cells if key != "key"}


def test_the_table_has_a_row_for_each_story_in_their_order() -> None:
    assert list(rows()) == list(STORIES)


@pytest.mark.parametrize("row", STORIES, ids=" -- ".join)
def test_what_the_table_says_is_what_happens(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    assert virtual_time.run(press(row, monkeypatch)) == rows().get(row)


async def press(row: Row, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """What conference and caller have of these keys in that state."""
    keys, _ = row
    components = {**COMPONENTS, "room_metadata": "metadata.meet.test"}
    world = StrictWorld(chance=Random(1), components=components)
    async with exchange(
        monkeypatch, lambda: world, trunk=_trunk_for(row), reception=reception()
    ) as there:
        scene = S(there, world)
        for step in STORIES[row]:
            await step(scene)
        scene.begins()
        apart = PATIENCE + 0.5 if "too late" in keys else 0.05
        await scene.presses(_pressed(keys), apart=apart)
        seen = scene.web(), scene.caller()
    await settle(60)  # what focus and engine had in mind still
    assert world.check() == []
    return seen


def _pressed(keys: str) -> str:
    """What is in backquotes."""
    return "".join(keys.split("`")[1::2])


def _trunk_for(row: Row) -> Trunk:
    story = STORIES[row]
    if S.has_to_confirm in story:
        return CALLED
    if S.calls_to_listen in story:
        return LISTENING
    return TRUNKS.get(row[1], SPEAKING)
