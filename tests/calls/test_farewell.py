"""A call that breaks: its caller hears so before it is hung up, and may hang up before that."""

import pytest

from gateway.calls.end_reason import EndReason
from tests.calls.exchange import Exchange, exchange
from tests.calls.fake_phone import FakePhone
from tests.conference.world import LOBBY, World, members_only, settle
from tests.xmpp.virtual_time import in_virtual_time


async def denied(there: Exchange, world: World) -> FakePhone:
    """A phone that waits in the lobby, and has just been sent away."""
    phone = FakePhone("room")
    await there.call_in(phone)
    await settle(1)
    world.removes_us("<status code='307'/>", room=LOBBY)
    await settle(1)
    return phone


def with_lobby() -> World:
    return World(occupants={"alice": "Alice"}, joins=[members_only()])


@in_virtual_time
async def test_who_hangs_up_while_it_is_told_was_not_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_lobby()
    async with exchange(monkeypatch, lambda: world) as there:
        phone = await denied(there, world)
        phone.goes()
        await settle(0.1)
        (record,) = there.ended
        assert record.end is not None and record.end.reason is EndReason.LOBBY_DENIED
        assert phone.done == ["180", "200"]  # no BYE for who has sent one


@in_virtual_time
async def test_a_gateway_that_goes_down_does_not_wait_until_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_lobby()
    async with exchange(monkeypatch, lambda: world) as there:
        phone = await denied(there, world)
    assert phone.done == ["180", "200", "BYE 503"]
