"""A phone that goes on in another room (REFER, RFC 3515)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from gateway.calls.end_reason import EndReason
from gateway.conference.profile import ON_HOLD
from gateway.sip import events as sip
from gateway.sip.referral import ReferTo
from tests.calls.exchange import Exchange, Party, exchange
from tests.calls.fake_phone import DESCRIPTION, FakePhone
from tests.calls.going_on import HOLDS, RULES, sent_to, status_of, talking
from tests.calls.keypad_scene import reception
from tests.conference.world import LOBBY, World, error, members_only, offer, settle, with_alice
from tests.xmpp.virtual_time import in_virtual_time


@asynccontextmanager
async def at_the_door(
    monkeypatch: pytest.MonkeyPatch, *then: World
) -> AsyncIterator[tuple[Exchange, Party, FakePhone, World]]:
    """A phone that talks has been sent to the hall, and waits in its lobby; `then` are the worlds
    it comes to after that."""
    hall = with_alice(joins=[members_only()])
    worlds = iter([with_alice(), hall, *then])
    async with exchange(monkeypatch, lambda: next(worlds), trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(1)
        yield there, party, phone, hall


@in_virtual_time
async def test_a_phone_is_sent_to_another_room_and_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch, with_alice, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        first = party.world
        assert first is not None
        first.request(offer("one"))
        await settle(1)
        assert party.media.carrier is not None
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(0)
        assert phone.done[-2:] == ["202", "sipfrag 100"]
        await settle(5)
        assert phone.done[-1] == "sipfrag 200"
        assert first.stream.closed_at is not None
        second = party.world
        assert second is not None and second is not first
        assert second.room == "hall@conference.meet.test" == party.record.room
        assert party.media.bridges == []
        second.request(offer("two"))
        await settle(1)
        assert party.media.carrier is not None
        assert not there.ended
        phone.goes()
        await settle(5)
        assert party.record.end is not None
        assert party.record.end.reason is EndReason.CALLER_HUNG_UP
        assert there.engine.left_over == []


@in_virtual_time
async def test_a_room_may_be_named_by_a_header(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("", jitsi_conference_room="hall"))
        await settle(5)
        assert phone.done[-1] == "sipfrag 200"
        assert party.record.room == "hall@conference.meet.test"


@pytest.mark.parametrize(
    "target",
    [
        sent_to("hall", "elsewhere.test"),
        sent_to("+43123"),
        sent_to("hall", replaces="call;to-tag=a;from-tag=b"),
        sent_to("", jitsi_conference_room="hall@elsewhere.test"),
    ],
)
@in_virtual_time
async def test_a_phone_is_sent_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, target: ReferTo
) -> None:
    async with exchange(monkeypatch, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        phone.tells(sip.Referred, target)
        await settle(5)
        assert phone.done[-1] == "603"
        assert party.record.room == "room@conference.meet.test"
        assert not there.ended


@in_virtual_time
async def test_a_call_whose_to_is_no_uri_of_ours_can_be_sent_elsewhere_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        phone.call.request.headers.set("To", "<urn:service:sos>")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert phone.done[-1] == "sipfrag 200"
        assert party.record.room == "hall@conference.meet.test"


@pytest.mark.parametrize("refused", [False, True])
@in_virtual_time
async def test_a_phone_that_is_asked_for_a_pin_may_be_sent_to_a_room(
    monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    hall = World(joins=[error("auth", "forbidden")]) if refused else with_alice()
    asking = replace(RULES, asks_pin=True, speaks=True)
    async with exchange(monkeypatch, lambda: hall, trunk=asking, reception=reception()) as there:
        phone = FakePhone("4300", room="")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert party.record.room == "hall@conference.meet.test"
        if refused:
            assert phone.done[-2:] == ["sipfrag 403", "BYE 403"]
        else:
            assert phone.done[-2:] == ["sipfrag 100", "sipfrag 200"]
            assert party.record.is_joined and not there.ended


@in_virtual_time
async def test_a_phone_that_is_sent_elsewhere_while_it_hears_a_farewell_does_not_end_by_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    denying = with_alice(joins=[members_only()])
    made = iter([denying, with_alice()])
    async with exchange(monkeypatch, lambda: next(made), trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        denying.removes_us("<status code='307'/>", room=LOBBY)
        await settle(1)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert phone.done[-1] == "sipfrag 200"
        phone.goes()
        await settle(5)
        assert party.record.end is not None
        assert party.record.end.reason is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_who_is_not_let_into_the_other_room_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing = World(joins=[error("auth", "forbidden")])
    worlds = [with_alice(), refusing, with_alice()]
    made = iter(worlds)
    async with exchange(monkeypatch, lambda: next(made), trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(10)
        assert phone.done[-1] == "sipfrag 403"
        assert party.world is worlds[2]
        assert worlds[2].room == "room@conference.meet.test" == party.record.room
        assert not there.ended


@in_virtual_time
async def test_a_meeting_that_ends_before_it_lets_the_phone_in_is_no_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with at_the_door(monkeypatch, with_alice()) as (there, _, phone, hall):
        hall.removes_us("<destroy/>", room=LOBBY)
        await settle(5)
        assert phone.done[-1] == "sipfrag 480"
        assert not there.ended


@in_virtual_time
async def test_who_gives_up_at_the_door_of_another_room_has_been_in_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with at_the_door(monkeypatch) as (there, _, phone, _):
        phone.goes()
        await settle(5)
        (record,) = there.ended
        assert record.is_joined and record.participants == 2
        assert there.switchboard.totals.completed == 1


@in_virtual_time
async def test_who_is_sent_on_from_a_door_comes_back_to_where_it_was_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusing = World(joins=[error("auth", "forbidden")])
    async with at_the_door(monkeypatch, refusing, with_alice()) as (there, party, phone, _):
        phone.tells(sip.Referred, sent_to("attic"))  # with "Refer-Sub: false" it need not wait
        await settle(10)
        assert party.record.room == "room@conference.meet.test"
        assert not there.ended


@in_virtual_time
async def test_an_offer_that_is_being_answered_as_the_phone_comes_back_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with at_the_door(monkeypatch, with_alice()) as (_, party, phone, hall):
        phone.describes(DESCRIPTION.replace(b"4000", b"4002"))
        hall.removes_us("<status code='307'/>", room=LOBBY)
        await settle(5)
        assert phone.done[-1] == "sipfrag 403"
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4002)


@in_virtual_time
async def test_what_was_muted_in_one_room_is_not_in_the_next_but_a_hold_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        there.engine.presses(party.call, "*")
        there.engine.presses(party.call, "6")
        await settle(1)
        assert party.media.is_muted
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert not party.media.is_muted
        phone.describes(HOLDS["sendonly"])
        await settle(1)
        assert party.media.is_muted
        phone.tells(sip.Referred, sent_to("room"))
        await settle(5)
        assert party.media.is_muted
        assert party.world is not None and status_of(party.world) == ON_HOLD


@in_virtual_time
async def test_a_phone_that_we_have_called_stays_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        party, _ = await there.dial()
        await settle(1)
        assert party.phone is not None
        party.phone.answers()
        await settle(1)
        party.phone.tells(sip.Referred, sent_to("hall"))
        await settle(1)
        assert party.phone.done == ["603"]
        assert not there.ended
