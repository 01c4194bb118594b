"""A moderator's orders: what the conference sees of them, and what comes back.

Each row of `ORDERS` is a key's effect: the order, what was before, what the server was sent, and
the outcome.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.conference.chair import MEMBERS_AT_ONCE, PASSWORD_DIGITS, Order, Outcome, Ruling
from gateway.conference.company import Somebody
from gateway.conference.events import Knocked
from gateway.xmpp.connection import REQUEST_TIMEOUT
from gateway.xmpp.server import Server
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
from tests.conference.world import (
    BREAKOUT,
    COMPONENTS,
    INSTALLATION,
    LOBBY,
    ROOM,
    Answer,
    Call,
    Media,
    World,
    connected,
    error,
    settle,
)
from tests.xmpp.virtual_time import in_virtual_time

FOCUS = f"{ROOM}/focus"
WEB = Server("meet.test", None, web_socket="wss://meet.test/xmpp-websocket")


async def carry_out(call: Call, order: Order, *, tells_password: bool = True) -> Ruling:
    chair = call.participant.chair
    assert chair is not None
    return await chair.carry_out(order, tells_password=tells_password)


NOT_ALLOWED = error("cancel", "not-allowed")

ORDERS: list[tuple[Order, Callable[[World], None], list[Answer], list[str], Outcome]] = [
    (Order.LOCK, as_they_are, [], ["room: membersonly=1"], Outcome.LOCKED),
    (Order.LOCK, with_lobby, [], ["room: membersonly=0 roomsecret="], Outcome.UNLOCKED),
    (Order.LOCK, with_password, [], ["room: membersonly=0 roomsecret="], Outcome.UNLOCKED),
    (
        Order.LOCK,
        as_they_are,
        [error("auth", "forbidden")],
        ["room: membersonly=1"],
        Outcome.NOT_POSSIBLE,
    ),
    (
        Order.MUTE_ALL,
        as_they_are,
        [],
        ["/focus: mute /alice", "/focus: mute /bob"],
        Outcome.OTHERS_MUTED,
    ),
    (Order.MUTE_ALL, bob_is_muted, [], ["/focus: mute /alice"], Outcome.OTHERS_MUTED),
    (Order.MUTE_ALL, alone, [], [], Outcome.NOBODY_ELSE),
    (Order.ADMIT, as_they_are, [], [], Outcome.NOBODY_WAITS),
    (Order.ADMIT, with_lobby, [], [], Outcome.NOBODY_WAITS),
    (Order.RECORD, as_they_are, [], ["/focus: start"], Outcome.RECORDER_ASKED),
    (Order.RECORD, recording, [], ["/focus: stop s7"], Outcome.RECORDER_STOPPED),
    (
        Order.RECORD,
        as_they_are,
        [error("cancel", "service-unavailable")],
        ["/focus: start"],
        Outcome.NO_RECORDER,
    ),
    (
        Order.RECORD,
        as_they_are,
        [error("wait", "resource-constraint")],
        ["/focus: start"],
        Outcome.NO_RECORDER,
    ),
    (
        Order.RECORD,
        as_they_are,
        [error("cancel", "item-not-found")],
        ["/focus: start"],
        Outcome.NO_RECORDER,
    ),
    (
        Order.RECORD,
        recording,
        [error("cancel", "item-not-found")],
        ["/focus: stop s7"],
        Outcome.NOT_POSSIBLE,
    ),
    (
        Order.RECORD,
        as_they_are,
        [error("auth", "forbidden")],
        ["/focus: start"],
        Outcome.NOT_POSSIBLE,
    ),
    (Order.END, as_they_are, [], ["room: destroy"], Outcome.ENDED),
    (Order.END, as_they_are, [NOT_ALLOWED], ["room: destroy"], Outcome.NOT_POSSIBLE),
]


@pytest.mark.parametrize(("order", "before", "answers", "sent", "outcome"), ORDERS)
def test_an_order_is_what_the_protocol_has_for_it(
    order: Order,
    before: Callable[[World], None],
    answers: list[Answer],
    sent: list[str],
    outcome: Outcome,
) -> None:
    @in_virtual_time
    async def run() -> None:
        world = moderated()
        async with Call(world, Media(), moderator=True) as call:
            before(world)
            await settle(1)
            world.orders = list(answers)
            assert (await carry_out(call, order)).outcome is outcome
            assert orders(world) == sent

    run()


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize(("right", "role"), [(True, "participant"), (False, "moderator")])
def test_nothing_is_done_unless_both_the_pin_and_the_conference_allow_it(
    order: Order, right: bool, role: str
) -> None:
    @in_virtual_time
    async def run() -> None:
        world = moderated()
        world.role = role
        async with Call(world, Media(), moderator=right) as call:
            world.locks(lobby=LOBBY)
            await settle(1)
            assert await carry_out(call, order) == Ruling(Outcome.NOT_ALLOWED)
            assert orders(world) == []
            assert len(world.stream.of("join")) == 1  # nor is it in the lobby

    run()


@in_virtual_time
async def test_who_is_made_a_moderator_later_is_one_and_who_is_no_longer_is_none() -> None:
    world = moderated()
    world.role = "participant"
    async with Call(world, Media(), moderator=True) as call:
        chair = call.participant.chair
        assert chair is not None and not chair.is_taken
        world.promotes_us()
        world.locks(lobby=LOBBY)
        await settle(1)
        assert chair.is_taken
        assert [sent.stanza.get("to") for sent in world.stream.of("join")[1:]] == [
            f"{LOBBY}/{world.stream.nick}"
        ]
        world.promotes_us("participant")
        await settle(1)
        assert not chair.is_taken
        gone = world.stream.of("unavailable")
        assert [sent.stanza.get("to") for sent in gone] == [f"{LOBBY}/{world.stream.nick}"]


@in_virtual_time
async def test_who_waits_in_the_lobby_is_told_of_and_let_in_together() -> None:
    world = moderated()
    async with Call(world, Media(), moderator=True) as call:
        world.locks(lobby=LOBBY)
        await settle(1)
        call.told()
        world.presence("carl", "Carl", room=LOBBY, jid="carl@meet.test/1")
        world.presence("dora", room=LOBBY, jid="dora@meet.test/2")
        world.presence("alice", "Alice", room=LOBBY, jid="alice@meet.test/3")  # is in the room
        await settle()
        assert call.told() == [Knocked("Carl"), Knocked(None)]
        chair = call.participant.chair
        assert chair is not None
        assert chair.guests == (Somebody("carl", "Carl"), Somebody("dora", ""))
        assert (await carry_out(call, Order.ADMIT)).outcome is Outcome.ADMITTED
        assert orders(world) == ["room: invite carl@meet.test/1 dora@meet.test/2"]
        for nick in ("carl", "dora"):
            world.presence(nick, gone=True, room=LOBBY)
        await settle()
        assert (await carry_out(call, Order.ADMIT)).outcome is Outcome.NOBODY_WAITS


@in_virtual_time
async def test_in_a_breakout_room_nothing_is_ordered_that_is_the_main_room_s() -> None:
    world = moderated()
    async with Call(world, Media(), moderator=True) as call:
        world.sends_us_to(BREAKOUT)
        await settle(3)
        assert world.room == BREAKOUT
        for order in (Order.LOCK, Order.ADMIT, Order.END):
            assert (await carry_out(call, order)).outcome is Outcome.NOT_POSSIBLE
        assert (await carry_out(call, Order.MUTE_ALL)).outcome is Outcome.OTHERS_MUTED
        assert not [words for words in orders(world) if "mute" not in words]


@in_virtual_time
async def test_a_lobby_of_another_server_is_not_gone_to() -> None:
    world = moderated()
    async with Call(world, Media(), moderator=True):
        world.locks(lobby="room@elsewhere.test")
        await settle(1)
        assert world.stream.of("join")[1:] == []


@in_virtual_time
async def test_who_is_there_when_the_lobby_opens_is_made_a_member_first() -> None:
    world = moderated()
    async with Call(world, Media(), moderator=True) as call:
        for number in range(MEMBERS_AT_ONCE + 1):
            world.presence(f"g{number}", jid=f"g{number}@meet.test/x")
        await settle()
        await carry_out(call, Order.LOCK)
        first, second, last = orders(world)
        assert first.startswith("room: members g0@meet.test g1@meet.test ")
        assert len(first.split()) - 2 == MEMBERS_AT_ONCE
        assert second == f"room: members g{MEMBERS_AT_ONCE}@meet.test"
        assert last == "room: membersonly=1"


def without(*types: str) -> dict[str, str]:
    return {name: address for name, address in COMPONENTS.items() if name not in types}


@in_virtual_time
async def test_without_a_lobby_the_room_gets_a_password_of_digits() -> None:
    world = moderated(components=without("lobbyrooms"))
    async with Call(world, Media(), moderator=True) as call:
        ruling = await carry_out(call, Order.LOCK)
        assert ruling.outcome is Outcome.LOCKED
        password = ruling.password or ""
        assert password.isdigit() and len(password) == PASSWORD_DIGITS
        assert password not in repr(ruling)
        assert orders(world) == [f"room: membersonly=0 roomsecret={password}"]
        assert (await carry_out(call, Order.LOCK)).password != password


@in_virtual_time
async def test_a_password_that_the_caller_cannot_hear_is_not_set() -> None:
    world = moderated(components=without("lobbyrooms"))
    async with Call(world, Media(), moderator=True) as call:
        ruling = await carry_out(call, Order.LOCK, tells_password=False)
        assert ruling == Ruling(Outcome.NOT_POSSIBLE)
        assert orders(world) == []


@pytest.mark.parametrize("ends", [True, False])
def test_a_meeting_is_ended_by_the_component_or_if_that_is_deaf_by_ourselves(ends: bool) -> None:
    @in_virtual_time
    async def run() -> None:
        world = moderated(components={**COMPONENTS, "end_conference": "end.meet.test"})
        site = replace(INSTALLATION, server=WEB)
        async with Call(world, Media(), moderator=True, installation=site) as call:
            ordered = asyncio.create_task(carry_out(call, Order.END))
            await settle(1)
            if ends:
                world.removes_us("<destroy/>")
            assert (await ordered).outcome is Outcome.ENDED
            expected = ["end.meet.test: end"]
            assert orders(world) == (expected if ends else [*expected, "room: destroy"])

    run()


@in_virtual_time
async def test_who_has_left_before_it_is_muted_is_no_refusal() -> None:
    world = moderated()
    async with Call(world, Media(), moderator=True) as call:
        world.unmutes = [error("cancel", "item-not-found"), ""]
        world.goes("alice")
        assert (await carry_out(call, Order.MUTE_ALL)).outcome is Outcome.OTHERS_MUTED
        world.comes("alice", "Alice")
        await settle()
        world.unmutes = [NOT_ALLOWED, ""]
        assert (await carry_out(call, Order.MUTE_ALL)).outcome is Outcome.NOT_POSSIBLE
        assert orders(world)[-2:] == ["/focus: mute /bob", "/focus: mute /alice"]


@in_virtual_time
async def test_a_server_that_does_not_answer_is_waited_for_and_told_of() -> None:
    world = moderated()
    async with Call(world, Media(), moderator=True) as call:
        world.orders = [None]
        assert (await carry_out(call, Order.RECORD)).outcome is Outcome.NOT_POSSIBLE


@in_virtual_time
async def test_a_room_that_has_not_said_what_its_rules_are_is_asked_again() -> None:
    world = moderated()
    async with Call(world, Media(), moderator=True) as call:
        await connected(call)
        with_lobby(world)
        described, world.described = world.described, None  # the question is lost
        await settle(REQUEST_TIMEOUT)
        world.described = described
        await settle(REQUEST_TIMEOUT + 1)
        assert len(world.streams) == 1
        assert world.stream.of("join")[-1].stanza.get("to") == f"{LOBBY}/{world.stream.nick}"
