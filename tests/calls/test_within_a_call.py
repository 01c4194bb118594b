"""What phones do with a call that goes on: refresh it, move, hold; and that they are gone."""

import pytest

from gateway.calls.end_reason import EndReason
from gateway.media.messages import Direction
from gateway.sip import events as sip
from tests.calls.exchange import Exchange, Party, exchange
from tests.calls.fake_phone import DESCRIPTION, FakePhone
from tests.conference.world import settle
from tests.xmpp.virtual_time import in_virtual_time


async def talking(there: Exchange, phone: FakePhone) -> Party:
    party = await there.call_in(phone)
    await settle(1)
    assert phone.done[-1] == "200"
    return party


@in_virtual_time
async def test_a_call_that_nobody_refreshes_ends_with_that_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        await talking(there, phone)
        phone.tells(sip.SessionExpired)
        await settle(1)
        (record,) = there.ended
        assert record.end is not None and record.end.reason is EndReason.SESSION_EXPIRED


@in_virtual_time
async def test_a_refresh_may_tell_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        phone.tells(sip.OfferAnswered, DESCRIPTION.replace(b"4000", b"4002"))
        await settle(0.1)
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4002)
        phone.tells(sip.OfferAnswered, DESCRIPTION.replace(b"4000", b"0"))  # makes no sense
        await settle(0.1)
        assert party.media.phone.remote == ("192.0.2.9", 4002)
        assert party.media.phone.direction is Direction.SENDRECV
        assert not there.ended
