"""What phones do with a call that goes on: refresh it, move, hold; and that they are gone."""

import re
from dataclasses import replace

import pytest

from gateway.calls.end_reason import EndReason
from gateway.conference.profile import ON_HOLD
from gateway.media.messages import Direction, Tone
from gateway.sip import events as sip
from gateway.sip.digest import Credentials
from tests.calls.exchange import TRUNK, exchange
from tests.calls.fake_phone import DESCRIPTION, FakePhone
from tests.calls.going_on import HOLDS, status_of, talking
from tests.calls.keypad_scene import PIN, reception
from tests.conference.world import World, settle, with_alice
from tests.xmpp.virtual_time import in_virtual_time


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
async def test_whoever_calls_through_a_trunk_that_knows_us_may_ask_who_we_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gateway = Credentials("gateway", "secret")
    async with exchange(monkeypatch, trunk=replace(TRUNK, credentials=gateway)) as there:
        phone = FakePhone("room")
        await there.call_in(phone)
        assert phone.knows == gateway


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


# --- before the answer --------------------------------------------------------------------------

EARLY = replace(TRUNK, early_media=True)
NOT_READY = (
    "<conference xmlns='http://jitsi.org/protocol/focus' "
    "room='room@conference.meet.test' ready='false'/>"
)


def slow() -> World:
    return with_alice(conference=[NOT_READY])


@in_virtual_time
async def test_callers_may_hear_the_waiting_tone_before_they_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, slow, trunk=EARLY) as there:
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(0.2)
        assert phone.done == ["183 with SDP"]
        assert party.media.repeating is Tone.WAITING
        assert party.media.phone is not None
        assert party.media.phone.direction is Direction.SENDONLY  # nobody hears it yet
        await settle(10)
        assert phone.done == ["183 with SDP", "200"]
        assert party.media.repeating is not Tone.WAITING
        assert party.media.phone.direction is Direction.SENDRECV


@in_virtual_time
async def test_callers_without_an_offer_ring_and_hear_nothing_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, trunk=EARLY) as there:
        phone = FakePhone("room", offer=None, answer=DESCRIPTION)
        await there.call_in(phone)
        await settle(1)
        assert phone.done == ["180", "200"]


@in_virtual_time
async def test_who_wants_reliable_ringing_without_an_offer_gets_ours_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, slow) as there:
        phone = FakePhone("room", offer=None, headers="Require: 100rel\r\n")
        party = await there.call_in(phone)
        await settle(0.2)
        assert phone.done == ["180 with SDP"]
        phone.tells(sip.OfferAnswered, DESCRIPTION)  # in the PRACK
        await settle(10)
        assert phone.done == ["180 with SDP", "200"]
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4000)
        assert not there.ended


@in_virtual_time
async def test_an_answer_in_a_prack_that_crosses_ours_is_what_the_call_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The 200 waits for it, and has no description then, nor has the ACK (RFC 3262 3)."""
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room", offer=None, headers="Require: 100rel\r\n")
        party = await there.call_in(phone)
        while phone.done[-1:] != ["200"]:
            await settle(0.01)
        phone.tells(sip.OfferAnswered, DESCRIPTION)  # in the PRACK
        await settle(10)
        assert phone.done == ["180 with SDP", "200"]
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4000)
        assert not there.ended


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"hello", 400),
        (DESCRIPTION.replace(b"4000", b"0"), 488),
        (re.sub(rb"RTP/AVP .*", b"RTP/AVP 18\\r", DESCRIPTION), 488),
    ],
)
@in_virtual_time
async def test_a_bad_answer_in_a_prack_is_the_end_of_a_call_that_rings(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, status: int
) -> None:
    async with exchange(monkeypatch, slow) as there:
        phone = FakePhone("room", offer=None, headers="Require: 100rel\r\n")
        await there.call_in(phone)
        await settle(0.2)
        phone.tells(sip.OfferAnswered, answer)
        await settle(0.1)
        assert phone.done == ["180 with SDP", str(status)]


@in_virtual_time
async def test_a_phone_may_move_before_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exchange(monkeypatch, slow) as there:
        phone = FakePhone("room")
        party = await there.call_in(phone)
        await settle(0.2)
        phone.describes(DESCRIPTION.replace(b"4000", b"4002"), by_update=True)
        await settle(0.1)
        assert phone.done == ["180", "200 to UPDATE"]
        assert party.media.phone is None
        await settle(10)
        assert phone.done == ["180", "200 to UPDATE", "200"]
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4002)


@pytest.mark.parametrize("by_update", [False, True])
@pytest.mark.parametrize("hold", HOLDS)
@in_virtual_time
async def test_a_phone_on_hold_is_muted_and_shown_as_such_until_it_resumes(
    monkeypatch: pytest.MonkeyPatch, hold: str, by_update: bool
) -> None:
    world = with_alice()
    async with exchange(monkeypatch, lambda: world) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        assert not party.media.is_muted
        phone.describes(HOLDS[hold], by_update=by_update)
        await settle(4)
        assert party.media.phone is not None and party.media.phone.is_held
        assert party.media.is_muted
        assert status_of(world) == ON_HOLD
        phone.describes(DESCRIPTION, by_update=by_update)
        await settle(4)
        assert not party.media.phone.is_held
        assert not party.media.is_muted
        assert status_of(world) != ON_HOLD
        assert not there.ended


@in_virtual_time
async def test_an_offer_that_is_being_answered_as_the_pin_is_complete_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asking = replace(TRUNK, asks_pin=True, speaks=True)
    async with exchange(monkeypatch, trunk=asking, reception=reception()) as there:
        phone = FakePhone("4300", room="")
        party = await talking(there, phone)
        for key in PIN[:-1]:
            there.engine.presses(party.call, key)
        phone.describes(DESCRIPTION.replace(b"4000", b"4002"))
        await settle(0.01)
        there.engine.presses(party.call, PIN[-1])
        await settle(5)
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4002)
        assert party.record.is_joined
