"""A phone that has been answered and does not acknowledge it, or not yet: the room goes on."""

import pytest

from gateway.calls.end_reason import EndReason
from tests.calls.exchange import exchange
from tests.calls.fake_phone import FakePhone
from tests.conference.world import World, members_only, settle
from tests.xmpp.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_phone_that_does_not_acknowledge_is_hung_up_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room", acks=False)
        await there.call_in(phone)
        await settle(33)
        assert [record.end and record.end.reason for record in there.ended] == [EndReason.NO_ACK]


@in_virtual_time
async def test_what_the_room_says_does_not_wait_for_the_acknowledgement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(occupants={"alice": "Alice"}, joins=[members_only()])
    async with exchange(monkeypatch, lambda: world) as there:
        phone = FakePhone("room", acks=False)
        await there.call_in(phone)
        await settle(1)
        assert phone.done == ["180", "200"]
        world.invites_us()
        await settle(1)
        world.removes_us("<status code='307'/>")
        await settle(0.1)
        assert [record.end and record.end.reason for record in there.ended] == [EndReason.KICKED]
        assert phone.done == ["180", "200", "BYE 403"]
        await settle(32)  # the phone says nothing more
