"""A phone that we call has to say by a key that it wants to join. In virtual time."""

import asyncio
from dataclasses import replace

import pytest

from gateway.calls.confirmation import AGAIN_AFTER, WITHIN, Confirmation
from gateway.calls.end_reason import EndReason, Over
from gateway.calls.voice import Voices
from gateway.ivr.language import Language
from gateway.media import messages as m
from tests.calls.dialling_scene import THROUGH, Scene, scene
from tests.calls.test_menu import LINE, Telephone
from tests.conference.world import World, settle
from tests.xmpp.virtual_time import in_virtual_time

INVITATION = ["invited-unnamed", "press-to-join-before", "press-to-decline-before"]
SAID = 3 * LINE
CONFIRMED = replace(THROUGH, confirm=True)
ANNA = "<header name='X-outbound-call-initiator-user' value='u17'/>"
IDENTITY = "<identity><user><id>u17</id></user></identity>"


class Asked:
    """A phone that has answered."""

    def __init__(self, inviter: str | None = None, number: str = "+15551234") -> None:
        self.telephone = Telephone()
        voices = Voices(languages=(Language.ENGLISH, Language.GERMAN))
        self.voice = voices.voice(self.telephone, caller=number, called=number)
        self.confirmation = Confirmation(self.voice, inviter)

    async def pressing(self, *keys: str | float) -> None:
        """What comes of these keys, with pauses between them."""

        async def press() -> None:
            for key in keys:
                if isinstance(key, float):
                    await asyncio.sleep(key)
                else:
                    self.confirmation.pressed(key)

        beside = [asyncio.create_task(self.voice.run()), asyncio.create_task(press())]
        try:
            await self.confirmation.run()
        finally:
            for task in beside:
                task.cancel()

    @property
    def heard(self) -> list[str]:
        return [line.partition(":")[2] for line in self.telephone.heard]


@in_virtual_time
async def test_the_key_to_join_lets_in_and_ends_the_invitation() -> None:
    asked = Asked()
    await asked.pressing(1.0, "5", "1", "2")
    assert asked.heard == INVITATION[:1]


@pytest.mark.parametrize("key", ["2", "*"])
def test_the_key_to_decline_ends_the_call_with_a_farewell(key: str) -> None:
    @in_virtual_time
    async def run() -> None:
        asked = Asked()
        with pytest.raises(Over) as over:
            await asked.pressing(SAID + 1.0, key)
        assert over.value.end.reason is EndReason.DECLINED
        assert asked.heard == [*INVITATION, "goodbye"]

    run()


@in_virtual_time
async def test_a_machine_that_presses_nothing_is_invited_twice_and_hung_up() -> None:
    asked = Asked()
    begun = asyncio.get_running_loop().time()
    with pytest.raises(Over) as over:
        await asked.pressing("7", "#")
    assert over.value.end.reason is EndReason.NOT_CONFIRMED
    assert asked.heard == [*INVITATION, *INVITATION, "goodbye"]
    passed = asyncio.get_running_loop().time() - begun
    assert passed == pytest.approx(2 * SAID + AGAIN_AFTER + WITHIN + LINE, abs=1.0)


@in_virtual_time
async def test_the_key_may_come_late() -> None:
    asked = Asked()
    await asked.pressing(2 * SAID + AGAIN_AFTER + WITHIN - 1.0, "1")
    assert asked.heard == [*INVITATION, *INVITATION]


@in_virtual_time
async def test_a_phone_that_hears_nothing_is_not_asked_for_ever() -> None:
    asked = Asked()
    with pytest.raises(Over) as over:
        await asked.confirmation.run()  # nobody says anything
    assert over.value.end.reason is EndReason.NOT_CONFIRMED


@in_virtual_time
async def test_who_invites_is_named_in_the_language_of_who_is_called() -> None:
    asked = Asked("Anna", "+4930123")
    await asked.pressing(SAID + 1.0, "1")
    assert asked.telephone.heard[0].startswith("de:letter-a")  # spelled: nothing speaks names here


# Whole calls


def secluded(it: Scene) -> list[bool]:
    """How the phone was kept out of the conference and let in, and when it could speak."""
    return [order.secluded for order in it.commands if isinstance(order, m.Seclude)]


async def answered(it: Scene, headers: str = "") -> None:
    await it.order(headers=headers)
    await settle(1)
    it.phone.rings()
    it.phone.answers()
    await settle(1)


@in_virtual_time
async def test_who_answers_is_in_the_conference_when_it_has_pressed_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with scene(monkeypatch, through=CONFIRMED) as it:
        await answered(it)
        kinds = [type(order) for order in it.commands]
        assert kinds.index(m.Seclude) < kinds.index(m.ConnectPhone)
        assert secluded(it) == [True]
        assert it.status == "Ringing"
        assert it.said == INVITATION
        it.presses("1")
        await settle(1)
        assert secluded(it) == [True, False]
        assert it.status == "Connected"
        it.presses("2")  # is nobody's answer any more
        await settle(1)
        assert it.phone.done == []
        it.phone.goes()
        assert await it.over() is EndReason.CALLER_HUNG_UP


@in_virtual_time
async def test_who_declines_is_shown_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch, through=CONFIRMED) as it:
        await answered(it)
        it.presses("2")
        await settle(1)
        assert it.phone.done == ["hung up 603"]
        assert it.status == "Declined"
        assert secluded(it) == [True]
        assert await it.over() is EndReason.DECLINED


@in_virtual_time
async def test_a_machine_was_never_in_the_conference(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch, through=CONFIRMED) as it:
        await answered(it)
        await settle(AGAIN_AFTER + WITHIN)
        assert it.phone.done == ["hung up 480"]
        assert it.status == "No answer"
        assert secluded(it) == [True]
        assert await it.over() is EndReason.NOT_CONFIRMED


@in_virtual_time
async def test_who_hangs_up_instead_has_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch, through=CONFIRMED) as it:
        await answered(it)
        it.phone.goes()
        assert await it.over() is EndReason.CALLER_HUNG_UP
        assert secluded(it) == [True]


@in_virtual_time
async def test_the_inviter_is_who_came_with_that_users_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(occupants={"alice": "Alice", "anna": "Anna"})
    async with scene(monkeypatch, world, through=CONFIRMED) as it:
        await it.order(headers=ANNA)
        world.presence("anna", "Anna", extra=IDENTITY)
        await settle(1)
        it.phone.answers()
        await settle(1)
        assert it.said[0] == "letter-a"
        it.presses("1")
        await settle(1)
        assert it.status == "Connected"


@in_virtual_time
async def test_without_it_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(monkeypatch) as it:
        await answered(it)
        assert it.status == "Connected"
        assert secluded(it) == []
        assert it.said == []


@in_virtual_time
async def test_what_happens_meanwhile_is_told_to_who_has_joined_and_to_no_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recording = (
        "<jibri-recording-status xmlns='http://jitsi.org/protocol/jibri' session_id='s1' "
        "recording_mode='file' status='on'/>"
    )
    world = World(occupants={"alice": "Alice"})
    async with scene(monkeypatch, world, through=CONFIRMED) as it:
        await answered(it)
        world.presence("focus", extra=recording)
        await settle(1)
        assert not [order for order in it.commands if isinstance(order, m.Play)]
        it.presses("1")
        await settle(1)
        assert it.commands.index(m.Seclude(it.call, False)) < it.commands.index(
            m.Play(it.call, m.Tone.RECORDING)
        )
