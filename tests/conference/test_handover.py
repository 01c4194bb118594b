"""Who has a moderator's place that came to a phone by accident."""

from dataclasses import replace

import pytest

from gateway.conference.installation import Installation
from gateway.conference.token import TokenIssuer
from gateway.xmpp.server import Account, Server
from tests.conference.moderating import orders
from tests.conference.world import INSTALLATION, Call, Media, World, error, settle
from tests.xmpp.virtual_time import in_virtual_time

PHONE = "<features><feature var='http://jitsi.org/protocol/jigasi'/></features>"
RECORDER = "<features><feature var='http://jitsi.org/protocol/jibri'/></features>"
ACCOUNT = replace(
    INSTALLATION, server=Server("meet.test", None, account=Account("gw@meet.test", "secret"))
)
TOKENS = replace(INSTALLATION, tokens=TokenIssuer("app", "secret"))


def person(world: World, nick: str, *, role: str = "participant") -> None:
    world.presence(nick, nick.title(), jid=f"{nick}@meet.test/x", role=role)


@in_virtual_time
async def test_the_first_person_who_comes_to_a_phone_becomes_a_moderator() -> None:
    world = World()
    async with Call(world, Media()):
        world.promotes_us()
        await settle()
        world.presence("other", "Phone", jid="other@meet.test/x", extra=PHONE)
        world.presence("machine", jid="machine@meet.test/x", extra=RECORDER)
        await settle()
        assert orders(world) == []
        person(world, "alice")
        await settle()
        assert orders(world) == ["room: owners alice@meet.test"]
        person(world, "alice", role="moderator")
        person(world, "bob")
        await settle()
        assert len(orders(world)) == 1


@in_virtual_time
async def test_who_was_there_before_becomes_one_if_the_place_falls_to_a_phone() -> None:
    """The owner has left, and the focus has taken the next best."""
    world = World()
    async with Call(world, Media()):
        person(world, "alice", role="moderator")
        person(world, "bob")
        await settle()
        world.goes("alice")
        world.promotes_us()
        await settle()
        assert orders(world) == ["room: owners bob@meet.test"]


@in_virtual_time
async def test_when_the_last_moderator_has_left_the_next_one_is_made() -> None:
    world = World()
    async with Call(world, Media()):
        world.promotes_us()
        for nick in ("alice", "bob"):
            await settle()
            person(world, nick)
            await settle()
            person(world, nick, role="moderator")
            await settle()
            world.goes(nick)
        assert orders(world) == ["room: owners alice@meet.test", "room: owners bob@meet.test"]


@in_virtual_time
async def test_a_place_that_a_moderator_gave_us_is_not_handed_on() -> None:
    world = World()
    async with Call(world, Media()):
        person(world, "alice", role="moderator")
        person(world, "bob")
        await settle()
        world.promotes_us()
        await settle()
        world.goes("alice")
        await settle()
        assert orders(world) == []


@pytest.mark.parametrize("installation", [ACCOUNT, TOKENS], ids=["account", "token"])
def test_a_place_that_our_login_has_is_not_handed_on(installation: Installation) -> None:
    """Where guests wait for hosts, they would be made hosts."""

    @in_virtual_time
    async def run() -> None:
        world = World()
        async with Call(world, Media(), installation=installation):
            world.promotes_us()
            person(world, "alice")
            await settle()
            assert orders(world) == []

    run()


@in_virtual_time
async def test_a_caller_who_presides_keeps_the_place_alone() -> None:
    world = World()
    async with Call(world, Media(), moderator=True):
        world.promotes_us()
        person(world, "alice")
        await settle()
        assert orders(world) == []


@in_virtual_time
async def test_who_cannot_be_made_a_moderator_is_not_asked_for_again() -> None:
    world = World()
    async with Call(world, Media()):
        world.promotes_us()
        world.orders = [error("auth", "forbidden")]
        for _ in range(3):
            person(world, "alice")
            await settle()
        assert orders(world) == ["room: owners alice@meet.test"]
        person(world, "bob")
        await settle()
        assert orders(world)[1:] == ["room: owners bob@meet.test"]
