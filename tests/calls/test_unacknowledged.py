"""A phone that has been answered and does not acknowledge it, or not yet: the room goes on."""

import pytest

from gateway.calls.end_reason import EndReason
from gateway.sip import events as sip
from gateway.sip.referral import ReferTo
from tests.calls.exchange import exchange
from tests.calls.fake_phone import DESCRIPTION, FakePhone
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


@pytest.mark.parametrize("offer", [DESCRIPTION, None])
@in_virtual_time
async def test_a_phone_that_is_sent_to_another_room_before_its_acknowledgement_is_heard_there(
    monkeypatch: pytest.MonkeyPatch, offer: bytes | None
) -> None:
    """A REFER may overtake the ACK, or the ACK may be lost."""
    answer = None if offer is not None else DESCRIPTION
    async with exchange(monkeypatch, lambda: World(occupants={"alice": "Alice"})) as there:
        phone = FakePhone("room", offer=offer, answer=answer)
        party = await there.call_in(phone)
        while phone.done[-1:] != ["200"]:
            await settle(0.01)
        hall = {"jitsi-conference-room": "hall"}
        phone.tells(sip.Referred, ReferTo("", "gateway.test", hall))
        await settle(5)
        assert phone.done[-1] == "sipfrag 200"
        assert party.record.room == "hall@conference.meet.test"
        assert party.record.answered_at is not None
        assert party.media.phone is not None
