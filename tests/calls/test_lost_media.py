"""A call whose media engine dies under it."""

import pytest

from gateway.calls.end_reason import EndReason
from gateway.media import messages as m
from tests.calls.exchange import Exchange, exchange
from tests.calls.fake_phone import FakePhone
from tests.conference.world import World, settle
from tests.xmpp.virtual_time import in_virtual_time


def reasons(there: Exchange) -> list[EndReason | None]:
    return [record.end and record.end.reason for record in there.ended]


@in_virtual_time
async def test_a_call_that_talks_is_hung_up_with_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(2)
        there.engine.dies(party.call)
        await settle(1)
        assert reasons(there) == [EndReason.MEDIA_LOST]
        assert phone.done[-1] == "BYE 503"


@in_virtual_time
async def test_what_was_measured_before_is_in_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch) as there:
        party = await there.call_in(FakePhone("room"))
        await settle(2)
        report = m.CallReport(from_phone=m.StreamReport(packets=500, lost=20))
        there.engine.measures(party.call, report)
        there.engine.dies(party.call)
        await settle(1)
        assert [record.report for record in there.ended] == [report]


@in_virtual_time
async def test_a_call_that_rings_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch, lambda: World(joins=[None])) as there:
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(0.1)
        assert phone.done == ["180"]
        there.engine.dies(party.call)
        await settle(1)
        assert reasons(there) == [EndReason.MEDIA_LOST]
        assert phone.done == ["180", "503"]


@in_virtual_time
async def test_a_call_that_has_no_port_yet_is_refused_for_that_and_not_for_want_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        there.engine.hears = lambda call: False
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(0.1)
        there.engine.dies(party.call)
        await settle(1)
        assert reasons(there) == [EndReason.MEDIA_LOST]
        assert phone.done == ["503"]


@in_virtual_time
async def test_the_engine_is_told_the_room_before_the_conference_is_joined(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        party = await there.call_in(FakePhone("room"))
        await settle(0.1)
        assert party.media.room_hint == party.record.room != ""
        dialled, _ = await there.dial()
        await settle(0.1)
        assert dialled.media.room_hint == dialled.record.room != ""
