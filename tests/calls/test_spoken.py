"""Whole calls of trunks that tell callers in words, from the door on. In virtual time."""

import json
from dataclasses import replace
from functools import partial

import pytest

from gateway.calls.backdrop import WhileWaiting
from gateway.calls.end_reason import EndReason
from gateway.calls.keypad import KeypadCommand
from gateway.calls.limits import Limits
from gateway.calls.trunk import Trunk
from gateway.ivr.phrasebook import Speech
from gateway.media.messages import Recorded, Tone
from tests.calls.exchange import CONFIRMING, exchange
from tests.calls.exchange import TRUNK as EXCHANGED
from tests.calls.fake_phone import FakePhone
from tests.calls.keypad_scene import PIN, reception
from tests.calls.test_waiting_caller import PASSWORD, WRONG, Scene, with_lobby
from tests.conference.strict_world import StrictWorld
from tests.conference.world import (
    BREAKOUT,
    COMPONENTS,
    ROOM,
    World,
    error,
    members_only,
    settle,
    with_alice,
)
from tests.xmpp.virtual_time import in_virtual_time

TRUNK = Trunk("trunk", (), default_room="room", speaks=True)


def spoken(world: World, monkeypatch: pytest.MonkeyPatch, trunk: Trunk = TRUNK) -> Scene:
    return Scene(world, monkeypatch, trunk=trunk)


def names(said: list[Speech]) -> list[str]:
    """How what was said begins."""
    return [part.name for part, *_ in said if isinstance(part, Recorded)]


async def gone(scene: Scene) -> None:
    scene.phone.goes()
    assert await scene.over() is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_the_password_is_asked_for_in_words_until_it_is_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice(joins=[WRONG, WRONG])
    scene = spoken(world, monkeypatch)
    await settle(1)
    assert scene.said == ["enter-password"]
    scene.types("0815#")
    await settle(1)
    assert scene.said == ["enter-password", "password-wrong", "enter-password"]
    scene.types("4711#")
    await settle(1)
    assert scene.record.endpoint == world.stream.nick
    given = [join.stanza.findtext(PASSWORD) for join in world.stream.of("join")]
    assert given == [None, "0815", "4711"]
    assert Tone.PASSWORD not in scene.tones and Tone.REFUSED not in scene.tones
    await gone(scene)


@in_virtual_time
async def test_who_never_knows_the_password_hears_that(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = spoken(with_alice(joins=[WRONG] * 9), monkeypatch)
    await settle(1)
    for _ in range(3):
        scene.types("1#")
        await settle(0.5)
    assert await scene.over() is EndReason.PASSWORD_WRONG
    assert scene.said[-1] == "password-wrong"


@in_virtual_time
async def test_a_lobby_and_the_end_of_it_are_told_and_music_is_heard_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_lobby()
    scene = spoken(world, monkeypatch)
    await settle(5)
    assert scene.said == ["lobby"]
    assert scene.tones == [Tone.MUSIC]
    world.invites_us()
    await settle(1)
    assert scene.said == ["lobby", "admitted"]
    assert scene.tones == [Tone.MUSIC, None]
    await gone(scene)


@in_virtual_time
async def test_a_wrong_password_in_the_lobby_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = spoken(with_alice(joins=[members_only()] * 2), monkeypatch)
    await settle(5)
    scene.types("1#")
    await settle(1)
    assert scene.said == ["lobby", "password-wrong"]
    assert Tone.REFUSED not in scene.tones
    scene.types("47#")
    await settle(1)
    assert scene.said == ["lobby", "password-wrong", "admitted"]
    await gone(scene)


@in_virtual_time
async def test_who_types_another_password_before_it_hears_that_the_first_was_wrong_loses_no_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice(joins=[members_only()] * 2)
    scene = spoken(world, monkeypatch)
    await settle(5)
    scene.types("1#4")
    await settle(1)
    scene.types("7#")
    await settle(1)
    assert scene.said == ["lobby", "password-wrong", "admitted"]
    given = [join.stanza.findtext(PASSWORD) for join in world.stream.of("join")]
    assert given[-1] == "47"
    await gone(scene)


@in_virtual_time
async def test_the_last_key_of_a_pin_that_comes_by_info_as_well_is_not_the_first_of_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_lobby()
    trunk = replace(TRUNK, default_room=None, asks_pin=True)
    scene = Scene(world, monkeypatch, trunk=trunk, reception=reception())
    await settle(1)
    scene.types(PIN)
    await settle(0.3)
    scene.phone.informs("application/dtmf", PIN[-1].encode())
    await settle(2)
    scene.types("47#")
    await settle(1)
    given = [join.stanza.findtext(PASSWORD) for join in world.stream.of("join")]
    assert given[-1] == "47"
    await gone(scene)


@in_virtual_time
async def test_who_waits_for_a_host_is_told_that_and_not_that_it_was_admitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = spoken(with_alice(conference=[error("auth", "not-authorized")]), monkeypatch)
    await settle(12)
    assert scene.record.endpoint != ""
    assert scene.said == ["wait-for-host"]
    await gone(scene)


@in_virtual_time
async def test_who_is_alone_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = spoken(World(), monkeypatch)
    await settle(4)
    assert scene.said == ["alone"]
    assert scene.tones == [Tone.MUSIC]
    await gone(scene)


@in_virtual_time
async def test_who_waits_is_told_so_again_until_it_is_let_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_lobby()
    scene = spoken(world, monkeypatch)
    await settle(208)
    assert scene.said == ["lobby", "lobby", "lobby"]  # at once, after 30 s, after 90 s
    world.invites_us()
    await settle(5)
    assert scene.said == ["lobby", "lobby", "lobby", "admitted"]
    await gone(scene)


@in_virtual_time
async def test_who_goes_on_being_alone_is_told_so_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    scene = spoken(world, monkeypatch)
    await settle(208)
    assert scene.said == ["alone", "alone", "alone"]
    world.comes("bob", "Bob")
    await settle(5)
    assert scene.said.count("alone") == 3
    await gone(scene)


@in_virtual_time
@pytest.mark.parametrize("waiting", list(WhileWaiting))
async def test_what_is_heard_while_waiting_is_the_trunk_s_choice(
    waiting: WhileWaiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = spoken(World(), monkeypatch, replace(TRUNK, waiting=waiting))
    await settle(4)
    heard = {WhileWaiting.MUSIC: [Tone.MUSIC], WhileWaiting.TONE: [Tone.WAITING]}
    assert scene.tones == heard.get(waiting, [])
    await gone(scene)


@in_virtual_time
async def test_other_rooms_and_the_way_back_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_alice(components=COMPONENTS)
    scene = spoken(world, monkeypatch)
    await settle(3)
    world.sends_us_to(BREAKOUT)
    await settle(3)
    world.sends_us_to(ROOM)
    await settle(3)
    assert scene.said == ["breakout-room", "main-room"]
    await gone(scene)


@in_virtual_time
async def test_keys_that_the_trunk_has_not_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = frozenset({KeypadCommand.TOGGLE_MICROPHONE})
    scene = spoken(with_alice(), monkeypatch, replace(TRUNK, keys=keys))
    await settle(3)
    scene.types("*9*#*1*0")
    await settle(3)
    assert scene.said == [] and not scene.running.done()
    scene.types("*6")
    await settle(1)
    assert scene.said == ["muted"]
    await gone(scene)


@in_virtual_time
async def test_who_is_there_is_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = spoken(with_alice(), monkeypatch)
    await settle(3)
    scene.types("*#")
    await settle(3)
    assert scene.said == ["participants-2", "letter-a"]
    await gone(scene)


@in_virtual_time
async def test_a_call_that_has_lasted_long_enough_is_told_before_and_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    limits = Limits(duration=400.0)
    scene = Scene(world, monkeypatch, trunk=TRUNK, limits=limits)
    assert await scene.over() is EndReason.TOO_LONG
    assert [line for line in scene.said if "ends" in line or "time" in line] == [
        *("ends-in-minutes-5", "ends-in-minutes-1", "time-is-up")
    ]


@in_virtual_time
async def test_who_is_removed_hears_that(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_alice()
    scene = spoken(world, monkeypatch)
    await settle(3)
    world.removes_us("<status code='307'/>")
    assert await scene.over() is EndReason.KICKED
    assert scene.said == ["removed"]


@in_virtual_time
async def test_phones_that_are_called_are_told_in_words_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trunk = replace(CONFIRMING, speaks=True)
    async with exchange(monkeypatch, with_alice, trunk=trunk) as there:
        party, _ = await there.dial()
        await settle(1)
        assert party.phone is not None
        party.phone.answers()
        await settle(1)
        for key in "1*6":
            there.engine.presses(party.call, key)
            await settle(1)
        said = names(party.media.said)
        assert (said[0], said[-1]) == ("invited-unnamed", "muted")


@in_virtual_time
async def test_a_phone_that_answers_is_not_told_that_it_is_alone_where_somebody_has_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice()
    trunk = replace(EXCHANGED, speaks=True)
    async with exchange(monkeypatch, lambda: world, trunk=trunk) as there:
        party, _ = await there.dial()
        await settle(1)
        assert party.phone is not None
        party.phone.rings()
        world.goes("alice")
        await settle(2)
        world.comes("alice", "Alice")
        await settle(2)
        party.phone.answers()
        await settle(1)
        assert party.media.said == []


@in_virtual_time
async def test_a_phone_that_answers_when_all_have_left_hears_music_and_that_it_is_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice()
    trunk = replace(EXCHANGED, speaks=True)
    async with exchange(monkeypatch, lambda: world, trunk=trunk) as there:
        party, _ = await there.dial()
        await settle(1)
        assert party.phone is not None
        party.phone.rings()
        world.goes("alice")
        await settle(5)
        party.phone.answers()
        await settle(20)
        assert party.media.repeating is Tone.MUSIC
        assert names(party.media.said) == ["alone"]


@in_virtual_time
async def test_keys_are_commands_again_after_the_lobby_on_the_way_to_another_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice()
    trunk = replace(EXCHANGED, speaks=True, info_json=True)
    async with exchange(monkeypatch, lambda: world, trunk=trunk) as there:
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(1)
        world.joins.append(members_only())
        world.sends_us_to(BREAKOUT)
        await settle(2)
        world.invites_us(sender=BREAKOUT)
        await settle(2)
        assert names(party.media.said) == ["lobby", "admitted", "breakout-room"]
        assert [json.loads(told)["t"] for told in phone.said] == [3, 6, 5]  # as of any lobby
        for key in "*6":
            there.engine.presses(party.call, key)
        await settle(1)
        assert party.media.is_muted


@in_virtual_time
async def test_a_phone_that_rings_is_told_no_farewell_and_rings_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice()
    trunk = replace(EXCHANGED, speaks=True)
    async with exchange(monkeypatch, lambda: world, trunk=trunk) as there:
        party, _ = await there.dial()
        await settle(1)
        assert party.phone is not None
        party.phone.rings()
        world.removes_us("<status code='307'/>")
        await settle(1)
        assert party.phone.done == ["BYE 403"]
        assert party.record.end is not None and party.record.end.reason is EndReason.KICKED


@in_virtual_time
async def test_a_connection_that_is_lost_is_told_of_and_that_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trunk = replace(EXCHANGED, speaks=True)
    world = partial(StrictWorld, occupants={"alice": "Alice"})
    async with exchange(monkeypatch, world, trunk=trunk) as there:
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(2)
        there.engine.lose_bridge(party.call)  # there is another at once
        await settle(4)
        assert party.media.said == []
        there.engine.connects = lambda call: False
        there.engine.lose_bridge(party.call)
        await settle(4)
        assert names(party.media.said) == ["connection-lost"]
        assert party.media.repeating is Tone.REPAIRING
        there.engine.connects = lambda call: True
        await settle(20)
        assert names(party.media.said) == ["connection-lost", "connection-back"]
        assert party.media.repeating is None
        phone.goes()
        await settle(30)


@in_virtual_time
async def test_what_the_conference_presses_is_for_the_phone_and_no_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trunk = replace(TRUNK, conference_digits=True)
    scene = spoken(with_alice(), monkeypatch, trunk)
    await settle(3)
    scene.conference_presses("*0*6")
    await settle(1)
    assert scene.said == [] and not scene.running.done()
    assert scene.sent == ["*", "0", "*", "6"]
    scene.types("*")
    scene.conference_presses("0")
    await settle(1)
    assert not scene.running.done()
    await gone(scene)


@in_virtual_time
async def test_a_long_farewell_is_not_followed_by_word_of_a_lost_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice()
    scene = spoken(world, monkeypatch)
    scene.line_lasts = 4.0
    await settle(3)
    world.removes_us("<status code='307'/>")
    assert await scene.over() is EndReason.KICKED
    assert scene.said == ["removed"] and Tone.REPAIRING not in scene.tones


@in_virtual_time
async def test_who_is_in_a_room_without_audio_is_asked_for_patience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trunk = replace(EXCHANGED, speaks=True)
    world = partial(StrictWorld, occupants={"alice": "Alice"})
    async with exchange(monkeypatch, world, trunk=trunk) as there:
        there.engine.connects = lambda call: False
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(10)
        assert names(party.media.said) == ["one-moment"]
        assert party.media.repeating is Tone.REPAIRING
        phone.goes()
        await settle(30)
