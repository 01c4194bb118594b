"""Whom the conference may not have called, and what the gateway does when it cannot be told."""

import asyncio

import pytest

from gateway.calls.end_reason import EndReason
from gateway.lab.answering_phone import CallToPhone
from gateway.lab.phones_out import PhoneOut
from tests.behaviour.dialling import ROOM, dialling, reason_of, soon_gone
from tests.behaviour.meeting import phone_hears
from tests.behaviour.stage import eventually, voice_of

pytestmark = [pytest.mark.behaviour, pytest.mark.usefixtures("soon_gone")]

__all__ = ["soon_gone"]  # a fixture


def keys(call: CallToPhone) -> str:
    assert call.media is not None
    return "".join(press.digit for press in call.media.pressed)


async def test_a_room_with_a_password_is_entered_with_that_of_the_order() -> None:
    async with dialling() as it:
        it.scene.lab.set_password(ROOM, "4711")
        assert (await it.dial()).refusal is not None
        assert (await it.dial(password="0815")).refusal is not None
        phone, call = await it.ringing(password="4711")
        await call.answer(voice_of("phone"))
        await it.shows(phone, "Connected")
        await it.scene.media_up(call)
        await it.hear_each_other(call)


async def test_a_phone_rings_when_it_has_been_let_in_from_the_lobby() -> None:
    async with dialling() as it:
        moderator = it.scene.lab.moderator(ROOM)
        moderator.open_lobby()
        phone = await it.dial()
        (guest,) = moderator.knocking
        assert phone.reference == f"{ROOM}@lobby.{it.scene.lab.domain}/{guest.nick}"
        moderator.admit(guest.nick)
        call = await it.called()
        await call.answer(voice_of("phone"))
        await it.shows(phone, "Connected")
        await it.scene.media_up(call)
        await it.hear_each_other(call)


async def test_who_is_sent_away_from_the_lobby_is_not_called() -> None:
    async with dialling() as it:
        moderator = it.scene.lab.moderator(ROOM)
        moderator.open_lobby()
        await it.dial()
        (guest,) = moderator.knocking
        moderator.deny(guest.nick)
        assert reason_of(await it.scene.over()) is EndReason.LOBBY_DENIED
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await it.trunk.called()


@pytest.mark.parametrize("number", ["+43 1 1234", "911", "ann", ""])
async def test_only_numbers_of_the_list_are_called(number: str) -> None:
    async with dialling() as it:
        assert (await it.dial(number)).refusal is not None


async def test_there_is_a_limit_to_the_calls_of_a_room_and_of_a_person() -> None:
    by_ann = [("X-outbound-call-initiator-user", "ann")]
    async with dialling(dial_out={"calls_per_room": 2, "calls_per_initiator": 1}) as it:
        _, call = await it.ringing(headers=by_ann)
        assert (await it.dial(headers=by_ann)).refusal is not None
        _, other = await it.ringing()
        assert (await it.dial()).refusal is not None
        call.refuse(486)
        await eventually(lambda: not it.scene.gateway.switchboard.calls[1:], "the call's end")
        assert (await it.dial(headers=by_ann)).refusal is None
        await other.answer(voice_of("phone"))  # it rang all the while
        await it.hear_each_other(other)


async def test_a_gateway_that_is_to_stop_says_so_and_dials_no_more() -> None:
    async with dialling() as it:
        phone, call = await it.talking()
        (instance,) = it.scene.lab.waiting_gateways.values()
        assert instance.takes_calls
        await eventually(
            lambda: next(iter(it.scene.lab.waiting_gateways.values())).participants >= 1,
            "the call in what the gateway says of itself",
        )
        it.scene.gateway.drain()
        await eventually(
            lambda: not next(iter(it.scene.lab.waiting_gateways.values())).takes_calls,
            "the end of what it takes",
        )
        refused = await it.dial()
        assert refused.refusal is not None
        assert refused.refusal.condition == "service-unavailable"
        await it.hear_each_other(call)
        call.hang_up()
        await it.over(phone)


async def test_a_gateway_whose_connection_to_the_brewery_breaks_dials_on() -> None:
    async with dialling() as it:
        _, call = await it.talking()
        (nick,) = it.scene.lab.waiting_gateways
        it.scene.lab.drop_connection(nick)
        assert call.media is not None
        await phone_hears(call, {"ann"})
        second, _ = await it.ringing()
        assert second.refusal is None


async def test_keys_pressed_in_the_conference_go_to_a_phone_that_was_called() -> None:
    async with dialling() as it:
        phone, call = await it.talking()
        it.phones.press(phone, "13#")
        assert call.media is not None
        await eventually(lambda: keys(call) == "13#", "13#")
        incoming = await it.scene.dial("71")
        await it.scene.media_up(incoming)
        other = next(o.nick for o in it.scene.lab.occupants(ROOM) if o.display_name == "phone")
        it.phones.all.append(PhoneOut("", reference=f"{it.scene.lab.room_jid(ROOM)}/{other}"))
        it.phones.press(it.phones.all[-1], "5")
        it.phones.press(phone, "6")
        await eventually(lambda: keys(call) == "13#6", "the 6")
        assert incoming.media.pressed == []
