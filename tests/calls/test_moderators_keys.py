"""A moderator's keys: key, state before, what the conference saw, what the caller heard.

In virtual time, with a scripted conference. `ROWS` is the table that `gateway/calls/KEYPAD.md`
shows; every row is a test.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gateway.calls.end_reason import EndReason
from gateway.calls.keypad import KeypadCommand
from gateway.calls.presiding import CONFIRMED_WITHIN, KNOCKS_APART, PATIENCE
from gateway.calls.trunk import Trunk
from gateway.ivr.language import Language
from gateway.ivr.texts import Texts
from gateway.media.messages import Tone
from tests.calls.test_waiting_caller import Scene
from tests.conference.moderating import (
    alone,
    as_they_are,
    bob_is_muted,
    moderated,
    orders,
    recording,
    with_lobby,
    with_password,
)
from tests.conference.world import LOBBY, Answer, World, error, settle
from tests.xmpp.virtual_time import in_virtual_time

MODERATORS = Trunk("trunk", (), default_room="room", speaks=True, moderator=True)
OTHERS = replace(MODERATORS, moderator=False)
LOCKED, UNLOCKED = "room: membersonly=1", "room: membersonly=0 roomsecret="


@dataclass(frozen=True)
class Row:
    """`before` is the state, by the name of what brings it about; `answers` are the server's to
    what we ask for. `saw` is what the conference did, `heard` what the caller did."""

    keys: str
    before: Callable[[World], None]
    saw: tuple[str, ...]
    heard: tuple[str, ...]
    answers: tuple[Answer, ...] = ()
    trunk: Trunk = MODERATORS
    role: str = "moderator"


def carl_knocks(world: World) -> None:
    world.locks(lobby=LOBBY)
    _guests(world, carl="")


def _guests(world: World, **guests: str) -> None:
    """They knock when we are in the lobby to see it."""

    def knock() -> None:
        for nick, name in guests.items():
            world.presence(nick, name, room=LOBBY, jid=f"{nick}@meet.test/1")

    asyncio.get_running_loop().call_later(0.5, knock)


NO_RECORDER = error("cancel", "service-unavailable", text="no Jibris available")
NOT_CONFIGURED = error("cancel", "item-not-found")
ALL_BUSY = error("wait", "resource-constraint")
FORBIDDEN = error("auth", "forbidden")
MUTED = ("/focus: mute /alice", "/focus: mute /bob")
LET_IN = ("room: invite carl@meet.test/1",)

ROWS = [
    Row("*8", as_they_are, (LOCKED,), ("meeting-locked",)),
    Row("*8", with_lobby, (UNLOCKED,), ("meeting-unlocked",)),
    Row("*8", with_password, (UNLOCKED,), ("meeting-unlocked",)),
    Row("*8", as_they_are, (LOCKED,), ("not-possible",), answers=(FORBIDDEN,)),
    Row("*3", as_they_are, MUTED, ("others-muted",)),
    Row("*3", bob_is_muted, MUTED[:1], ("others-muted",)),
    Row("*3", alone, (), ("alone",)),
    Row("*2", as_they_are, (), ("nobody-waits",)),
    Row("*2", carl_knocks, LET_IN, ("somebody-waits", "all-admitted")),
    Row("*7", as_they_are, ("/focus: start",), ("one-moment",)),
    Row("*7", recording, ("/focus: stop s7",), ("one-moment",)),
    Row("*7", as_they_are, ("/focus: start",), ("no-recorder",), answers=(NO_RECORDER,)),
    Row("*7", as_they_are, ("/focus: start",), ("no-recorder",), answers=(ALL_BUSY,)),
    Row("*7", as_they_are, ("/focus: start",), ("no-recorder",), answers=(NOT_CONFIGURED,)),
    Row("*7", as_they_are, ("/focus: start",), ("not-possible",), answers=(FORBIDDEN,)),
    Row("*4", as_they_are, (), ("confirm-end-before",)),
    Row("*4*4", as_they_are, ("room: destroy",), ()),
    Row("*4*4", as_they_are, ("room: destroy",), ("not-possible",), answers=(FORBIDDEN,)),
    *(
        Row(key, with_lobby, (), ("not-allowed",), trunk=trunk, role=role)
        for key in ("*8", "*3", "*2", "*7", "*4")
        for trunk, role in ((OTHERS, "moderator"), (MODERATORS, "participant"))
    ),
]


TABLE = Path(__file__).parents[2] / "gateway" / "calls" / "KEYPAD.md"
ENGLISH = Texts.of(Language.ENGLISH).recordings()


def line_of(row: Row) -> str:
    """The row as the table has it."""
    state = row.before.__name__.replace("_", " ")
    if row.trunk is OTHERS:
        state += ", a caller without the right"
    elif row.role != "moderator":
        state += ", not a moderator of this meeting"
    asked = ", ".join(row.saw) or "nothing"
    for answer in row.answers:
        asked += f", refused ({ElementTree.fromstring(answer or '')[0].tag.partition('}')[2]})"
    heard = ", ".join(f'"{ENGLISH[name]}"' for name in row.heard) or "nothing"
    return f"| `{row.keys}` | {state} | {asked} | {heard} |"


def test_the_keypad_s_table_has_these_rows() -> None:
    _, _, section = TABLE.read_text().partition("## Moderators")
    shown = [line for line in section.splitlines() if line.startswith("| `")]
    assert shown == [line_of(row) for row in ROWS]


def name_of(row: Row) -> str:
    who = "nobody's PIN" if row.trunk is OTHERS else row.role
    return f"{row.keys} {row.before.__name__} {who} {' '.join(row.heard)}"


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_what_a_key_does_and_what_is_heard_of_it(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    @in_virtual_time
    async def run() -> None:
        world = moderated()
        world.role = row.role
        scene = Scene(world, monkeypatch, trunk=row.trunk)
        await settle(1)
        row.before(world)
        await settle(3)
        before = scene.said.index("somebody-waits") if "somebody-waits" in scene.said else None
        scene.said[:] = scene.said[before:] if before is not None else []
        world.orders = list(row.answers)
        scene.types(row.keys)
        await settle(1.5)
        assert tuple(orders(world)) == row.saw
        assert tuple(scene.said) == row.heard
        scene.phone.goes()
        await scene.over()

    run()


@in_virtual_time
async def test_who_ends_the_meeting_hears_that_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    world = moderated()
    scene = Scene(world, monkeypatch, trunk=MODERATORS)
    await settle(1)
    scene.types("*4")
    await settle(CONFIRMED_WITHIN - 1)
    scene.types("*4")
    await settle(0.2)
    assert orders(world) == ["room: destroy"]
    world.removes_us("<destroy><reason>The meeting has been terminated</reason></destroy>")
    assert await scene.over() is EndReason.MEETING_ENDED
    assert scene.said == ["confirm-end-before", "meeting-ended"]


@in_virtual_time
async def test_who_has_ended_the_meeting_is_not_asked_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = moderated()
    scene = Scene(world, monkeypatch, trunk=MODERATORS)
    scene.line_lasts = 2 * PATIENCE
    await settle(1)
    world.orders = [None]  # the order takes its time
    scene.types("*4")
    await settle(1)
    scene.types("*4")
    await settle(0.1)
    world.removes_us("<destroy><reason>The meeting has been terminated</reason></destroy>")
    assert await scene.over() is EndReason.MEETING_ENDED
    assert scene.said == ["confirm-end-before", "meeting-ended"]


@in_virtual_time
async def test_a_second_press_that_comes_too_late_is_a_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = moderated()
    scene = Scene(world, monkeypatch, trunk=MODERATORS)
    await settle(1)
    for _ in range(2):
        scene.types("*4")
        await settle(CONFIRMED_WITHIN + 1)
    assert orders(world) == []
    assert scene.said == ["confirm-end-before"] * 2
    scene.phone.goes()
    await scene.over()


@in_virtual_time
async def test_a_recording_that_was_asked_for_and_does_not_begin_is_told_to_who_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = moderated()
    scene = Scene(world, monkeypatch, trunk=MODERATORS)
    await settle(1)

    def shows(status: str, session: str) -> None:
        attributes = f"status='{status}' session_id='{session}' recording_mode='file'"
        state = f"<jibri-recording-status xmlns='http://jitsi.org/protocol/jibri' {attributes}/>"
        world.presence("focus", extra=state)

    for session in ("asked", "not asked"):
        if session == "asked":
            scene.types("*7")
            await settle(0.5)
        shows("pending", session)
        await settle(1)
        shows("off", session)
        await settle(1)
    assert scene.said == ["one-moment", "recording-failed"]
    scene.phone.goes()
    await scene.over()


def knocks(world: World, nick: str, name: str = "") -> None:
    world.presence(nick, name, room=LOBBY, jid=f"{nick}@meet.test/1")


@in_virtual_time
async def test_who_waits_is_named_and_several_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    world = moderated()
    scene = Scene(world, monkeypatch, trunk=MODERATORS)
    await settle(1)
    world.locks(lobby=LOBBY)
    await settle(0.5)
    knocks(world, "g0", "Xy")
    await settle(1.5)
    assert scene.said == ["letter-x"]  # spelled: there is no voice for names
    for number in range(1, 4):
        knocks(world, f"g{number}")
    await settle(KNOCKS_APART + 2)
    assert scene.said == ["letter-x", "waiting-4"]
    scene.phone.goes()
    await scene.over()


@in_virtual_time
async def test_who_comes_and_goes_in_the_lobby_is_no_nuisance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = moderated()
    scene = Scene(world, monkeypatch, trunk=MODERATORS)
    await settle(1)
    world.locks(lobby=LOBBY)
    await settle(0.5)
    for number in range(200):
        knocks(world, f"g{number}")
        world.presence(f"g{number - 1}", gone=True, room=LOBBY)
        await settle(0.1)
    assert scene.said == ["somebody-waits"]
    scene.phone.goes()
    await scene.over()


@in_virtual_time
async def test_the_room_s_new_password_is_said_twice_and_a_key_ends_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = moderated(components={})
    scene = Scene(world, monkeypatch, trunk=MODERATORS)
    await settle(1)
    scene.types("*8")
    await settle(1)
    assert scene.said == ["meeting-locked", "password-is-before", "password-is-before"]
    scene.phone.goes()
    await scene.over()


USUAL = ["help-mute", "help-hand", "help-count", "help-help", "help-leave"]
MORE = ["help-admit", "help-mute-all", "help-lock", "help-record", "help-end"]
FEW = replace(MODERATORS, keys=frozenset({KeypadCommand.HELP, KeypadCommand.LOCK}))


@pytest.mark.parametrize(
    ("trunk", "role", "named"),
    [
        (MODERATORS, "moderator", USUAL + MORE),
        (MODERATORS, "participant", USUAL),
        (OTHERS, "moderator", USUAL),
        (FEW, "moderator", ["help-help", "help-lock"]),
    ],
)
def test_help_names_the_moderators_keys_to_moderators_only(
    trunk: Trunk, role: str, named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        world = moderated()
        world.role = role
        scene = Scene(world, monkeypatch, trunk=trunk)
        await settle(1)
        scene.types("*1")
        await settle(1)
        assert [said.removesuffix("-before") for said in scene.said] == named
        scene.phone.goes()
        await scene.over()

    run()


@pytest.mark.parametrize(
    ("keys", "role", "tone"),
    [
        ("*3", "moderator", Tone.HAND),
        ("*2", "moderator", Tone.REFUSED),
        ("*8", "participant", Tone.REFUSED),
        ("*4", "moderator", Tone.HAND),
    ],
)
def test_who_is_told_by_tones_hears_a_high_beep_or_a_low_one(
    keys: str, role: str, tone: Tone, monkeypatch: pytest.MonkeyPatch
) -> None:
    @in_virtual_time
    async def run() -> None:
        world = moderated()
        world.role = role
        scene = Scene(world, monkeypatch, trunk=replace(MODERATORS, speaks=False))
        await settle(1)
        scene.types(keys)
        await settle(1)
        assert scene.tones[-1] is tone
        scene.phone.goes()
        await scene.over()

    run()


@in_virtual_time
async def test_an_order_that_takes_long_is_not_met_with_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = moderated()
    world.unmutes = [None]
    scene = Scene(world, monkeypatch, trunk=MODERATORS)
    await settle(1)
    scene.types("*3")
    await settle(4)
    assert scene.said == ["one-moment"]
    await settle(20)
    assert scene.said == ["one-moment", "not-possible"]
    assert orders(world) == ["/focus: mute /alice"]
    scene.phone.goes()
    await scene.over()
