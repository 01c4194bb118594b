"""The conference has somebody called, and sees and hears what becomes of it."""

import asyncio

import pytest

from gateway.calls.end_reason import EndReason
from gateway.calls.record import Direction
from gateway.xmpp import namespaces as ns
from tests.behaviour.dialling import DIALLED, ROOM, dialling, ended, reason_of, soon_gone
from tests.behaviour.meeting import listen
from tests.behaviour.stage import RATE, TONES, eventually, names_in, voice_of
from tests.behaviour.test_dial_in_menu import heard_until_said
from tests.helpers.listening import share_of

pytestmark = [pytest.mark.behaviour, pytest.mark.usefixtures("soon_gone")]

__all__ = ["soon_gone"]  # a fixture


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_phone_that_is_called_and_the_conference_hear_each_other(transport: str) -> None:
    async with dialling(transport=transport) as it:
        phone, call = await it.ringing()
        assert call.number == DIALLED
        shown = it.participant(phone)
        assert shown.display_name == DIALLED
        assert {ns.JITSI_JIGASI, ns.JINGLE_DTMF} <= shown.features
        await call.answer(voice_of("phone"))
        await it.scene.media_up(call)
        await it.hear_each_other(call)
        assert phone.statuses == ["Initializing Call", "Ringing", "Connected"]
        call.hang_up()
        record = await it.over(phone)
        assert reason_of(record) is EndReason.CALLER_HUNG_UP
        assert (record.direction, record.called) == (Direction.OUT, DIALLED)
        assert record.room == it.scene.lab.room_jid(ROOM)


@pytest.mark.parametrize(
    ("status", "words", "reason"),
    [
        (486, "Busy", EndReason.BUSY),
        (603, "Declined", EndReason.DECLINED),
        (404, "No such number", EndReason.NO_SUCH_NUMBER),
        (503, "Call failed", EndReason.CALL_FAILED),
    ],
)
async def test_the_conference_sees_why_nobody_answers(
    status: int, words: str, reason: EndReason
) -> None:
    async with dialling() as it:
        phone, call = await it.ringing()
        call.refuse(status)
        await it.shows(phone, words)
        assert it.participant(phone).status == words  # for a while, and then it leaves
        assert reason_of(await it.over(phone)) is reason


async def test_nobody_rings_for_ever() -> None:
    async with dialling(through={"ringing_timeout": 1.0}) as it:
        phone, call = await it.ringing()
        assert await ended(call) == 480
        await it.shows(phone, "No answer")
        assert reason_of(await it.over(phone)) is EndReason.NO_ANSWER


@pytest.mark.parametrize("way", ["rayo", "kick"])
async def test_a_moderator_gives_a_call_up_that_rings(way: str) -> None:
    async with dialling() as it:
        phone, call = await it.ringing()
        if way == "rayo":
            it.phones.hang_up(phone)
        else:
            it.scene.lab.kick(ROOM, phone.nick)
        await ended(call)
        reason = reason_of(await it.over(phone))
        assert reason is (EndReason.HUNG_UP if way == "rayo" else EndReason.KICKED)
        assert not phone.hang_up_refused


@pytest.mark.parametrize("way", ["rayo", "kick", "destroy"])
async def test_a_moderator_ends_a_call_that_talks(way: str) -> None:
    async with dialling() as it:
        phone, call = await it.talking()
        await it.hear_each_other(call)
        match way:
            case "rayo":
                it.phones.hang_up(phone)
            case "kick":
                it.scene.lab.kick(ROOM, phone.nick)
            case "destroy":
                it.scene.lab.destroy(ROOM)
        assert await ended(call) is not None
        await it.scene.over()


async def test_who_is_no_moderator_cannot_hang_up() -> None:
    async with dialling() as it:
        await it.scene.speakers(ROOM, "bob")
        phone, call = await it.talking()
        bob = next(
            phones for phones in it.scene.lab.phones_out(ROOM).values() if phones is not it.phones
        )
        bob.all.append(phone)
        bob.hang_up(phone)
        await eventually(lambda: phone.hang_up_refused, "a refusal")
        await listen(call.media.recording, {"ann", "bob"}, "the phone")


async def test_the_network_is_heard_before_the_answer_if_that_is_wanted() -> None:
    async with dialling(through={"early_media": True}) as it:
        phone = await it.dial()
        call = await it.called()
        await call.progress(voice_of("phone 2"))
        await listen(it.ann.mix, {"phone 2"}, "Ann")
        assert phone.statuses[-1] == "Ringing"
        await call.answer()
        await it.shows(phone, "Connected")


async def test_headers_go_to_the_trunk_and_into_the_presence() -> None:
    async with dialling() as it:
        headers = [
            ("X-outbound-call-initiator-user", "ann@meet.example"),
            ("X-Case", "two  words"),
            ("From", "sip:somebody@else"),
        ]
        phone, call = await it.ringing(headers=headers)
        assert call.header("X-Case") == "two words"
        assert call.header("X-outbound-call-initiator-user") == "ann@meet.example"
        assert call.header("Jitsi-Conference-Room") == it.scene.lab.room_jid(ROOM)
        assert "else" not in (call.header("From") or "")
        occupant = it.scene.lab.site.room(it.scene.lab.room_jid(ROOM)).occupants[phone.nick]
        told = {
            each.get("name"): each.get("value")
            for part in occupant.payload
            for each in part.iter(f"{{{ns.RAYO}}}header")
        }
        assert told["X-outbound-call-initiator-user"] == "ann@meet.example"
        assert told["X-Case"] == "two  words"
        assert told["JigasiCallDirection"] == "out"


async def test_two_phones_are_called_at_once_and_hear_each_other() -> None:
    async with dialling() as it:
        first, second = await asyncio.gather(it.dial("+491"), it.dial("+492"))
        calls = [await it.called(), await it.called()]
        for call, name in zip(calls, ("phone", "phone 2"), strict=True):
            await call.answer(voice_of(name))
        for phone in (first, second):
            await it.shows(phone, "Connected")
        assert {call.number for call in calls} == {"+491", "+492"}
        await listen(calls[0].media.recording, {"ann", "phone 2"}, "the first phone")
        await listen(it.ann.mix, {"phone", "phone 2"}, "Ann")


async def test_a_phone_is_out_of_the_conference_until_it_has_pressed_the_key_to_join() -> None:
    async with dialling(through={"confirm": True}) as it:
        phone, call = await it.ringing()
        await call.answer(voice_of("phone"))
        assert call.media is not None
        await heard_until_said(call, "invited-unnamed")
        assert share_of(TONES["ann"], call.media.recording(), RATE) < 0.05
        assert names_in(it.ann.mix()) == set()
        assert phone.statuses[-1] == "Ringing"
        call.media.press("1")
        await it.shows(phone, "Connected")
        await it.hear_each_other(call)
