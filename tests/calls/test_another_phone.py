"""Another phone that takes the place of one (Replaces, RFC 3891)."""

from dataclasses import replace

import pytest

from gateway.calls.end_reason import EndReason
from gateway.sip import events as sip
from tests.calls.exchange import TRUNK, exchange
from tests.calls.fake_phone import DESCRIPTION, FakePhone
from tests.calls.going_on import HOLDS, OTHER, RULES, sent_to, talking
from tests.calls.keypad_scene import PIN, reception
from tests.conference.world import World, settle, with_alice
from tests.xmpp.virtual_time import in_virtual_time


@pytest.mark.parametrize("offer", [OTHER, None])
@in_virtual_time
async def test_another_phone_takes_the_place_of_one(
    monkeypatch: pytest.MonkeyPatch, offer: bytes | None
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=offer, answer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(1)
        assert other.done == ["200"]
        assert phone.done[-1] == "BYE 200"
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4004)
        assert party.record.sip_call_id == "call-1"
        assert len(there.switchboard.calls) == 1
        other.says("hello")
        other.goes()
        await settle(5)
        assert party.record.end is not None
        assert party.record.end.reason is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_a_phone_that_was_called_can_be_replaced_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        party, _ = await there.dial()
        await settle(1)
        phone = party.phone
        assert phone is not None
        phone.answers()
        await settle(1)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(1)
        assert (phone.done, other.done) == (["BYE 200"], ["200"])
        assert not there.ended


@pytest.mark.parametrize("pause", [0.01, 1.0])
@in_virtual_time
async def test_a_caller_who_is_asked_for_a_pin_can_be_replaced_too(
    monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    asking = replace(TRUNK, asks_pin=True, speaks=True)
    async with exchange(monkeypatch, trunk=asking, reception=reception()) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(pause)
        assert other.done == ["200"]
        for key in PIN:
            there.engine.presses(party.call, key)
        await settle(5)
        assert (phone.done[-1], other.done) == ("BYE 200", ["200"])
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4004)
        assert party.record.is_joined and not there.ended


def writes(world: World, text: str) -> None:
    world.stream.deliver(
        f"<message xmlns='jabber:client' type='groupchat' from='{world.room}/alice'>"
        f"<body>{text}</body></message>"
    )


@in_virtual_time
async def test_what_people_write_goes_to_the_other_phone_though_the_first_left_some_unanswered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_alice()
    async with exchange(monkeypatch, lambda: world) as there:
        phone = FakePhone("room")
        await talking(there, phone)
        phone.answers_messages = False
        writes(world, "one")
        await settle(1)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(1)
        writes(world, "two")
        await settle(1)
        assert (phone.said, other.said) == (["Alice: one"], ["Alice: two"])


@in_virtual_time
async def test_a_phone_with_nothing_in_common_does_not_take_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        warning = '305 sip-gateway "Incompatible media format"'
        for offer, status, warned in (
            (OTHER.replace(b"AVP 0 101", b"AVP 18"), "488", [warning]),
            (b"?", "400", []),
        ):
            other = FakePhone("room", number=1, offer=offer, replaces=phone)
            await there.replace(other)
            await settle(1)
            assert other.done == [status]
            assert other.warned == warned
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4000)
        assert not there.ended


@pytest.mark.parametrize("answer", [b"?", None])
@in_virtual_time
async def test_a_phone_that_answers_our_offer_with_nonsense_is_not_left_on_the_line(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | None
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=None, answer=answer, replaces=phone)
        await there.replace(other)
        await settle(1)
        assert other.done == ["200", "BYE 400"]
        assert phone.done == ["180", "200"]
        assert party.record.sip_call_id == "call-0" and not there.ended


@in_virtual_time
async def test_a_phone_that_is_refused_is_warned_why(monkeypatch: pytest.MonkeyPatch) -> None:
    warning = '305 sip-gateway "Incompatible media format"'
    async with exchange(monkeypatch) as there:
        refused = FakePhone("room", offer=DESCRIPTION.replace(b"AVP 0", b"AVP 18"))
        await there.call_in(refused)
        await settle(1)
        assert (refused.done, refused.warned) == (["488"], [warning])
        phone = FakePhone("room", number=1)
        await talking(there, phone)
        phone.describes(DESCRIPTION.replace(b"AVP 0", b"AVP 18"))
        await settle(1)
        assert (phone.done[-1], phone.warned) == ("488", [warning])


@in_virtual_time
async def test_who_takes_over_and_is_gone_at_once_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=OTHER, acks=False, replaces=phone)
        await there.replace(other)
        await settle(40)
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4000)
        assert phone.done == ["180", "200"]
        assert not there.ended


@in_virtual_time
async def test_of_two_phones_that_want_to_take_over_the_same_call_the_first_keeps_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        await talking(there, phone)
        first, second = (FakePhone("room", number=each, replaces=phone) for each in (1, 2))
        await there.replace(first)
        await there.replace(second)
        await settle(2)
        assert (first.done, second.done) == (["200"], ["481"])
        assert not there.ended


@in_virtual_time
async def test_a_phone_is_replaced_while_it_has_not_acknowledged_what_it_was_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        phone.acks = False
        phone.describes(HOLDS["sendonly"])
        await settle(1)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(40)
        assert (phone.done[-1], other.done) == ("BYE 200", ["200"])
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4004)
        assert not there.ended


@pytest.mark.parametrize("acks", [True, False])
@in_virtual_time
async def test_who_transfers_its_call_may_hang_up_before_the_other_has_acknowledged(
    monkeypatch: pytest.MonkeyPatch, acks: bool
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=OTHER, acks=acks, replaces=phone)
        await there.replace(other)
        await settle(0.01)
        assert other.done == ["200"]
        phone.goes()
        await settle(40)
        if acks:
            assert party.media.phone is not None
            assert party.media.phone.remote == ("192.0.2.9", 4004)
            assert not there.ended
        else:
            assert party.record.end is not None
            assert party.record.end.reason is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_a_phone_is_replaced_though_it_wants_to_be_elsewhere_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch, with_alice, trunk=RULES) as there:
        phone = FakePhone("room", room="")
        party = await talking(there, phone)
        other = FakePhone("room", number=1, offer=OTHER, replaces=phone)
        await there.replace(other)
        await settle(0.01)
        phone.tells(sip.Referred, sent_to("hall"))
        await settle(5)
        assert (phone.done[-1], other.done) == ("BYE 200", ["200"])
        assert party.media.phone is not None
        assert party.media.phone.remote == ("192.0.2.9", 4004)
        assert party.record.room == "room@conference.meet.test"
        assert not there.ended


@in_virtual_time
async def test_a_call_that_is_over_or_another_trunk_s_is_not_taken_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with exchange(monkeypatch) as there:
        phone = FakePhone("room")
        party = await talking(there, phone)
        party.record.trunk = "another"
        other = FakePhone("room", number=1, replaces=phone)
        await there.replace(other)
        assert other.done == ["481"]
        party.record.trunk = "trunk"
        phone.goes()
        late = FakePhone("room", number=2, replaces=phone)
        await there.replace(late)
        await settle(5)
        assert late.done == ["481"]
        assert len(there.ended) == 1
