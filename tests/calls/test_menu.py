"""The menu, in virtual time: what a caller hears, in which order, and what comes of its keys."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from audiocodecs.g711 import PCMU
from audiocodecs.tones import tone
from gateway.calls.end_reason import EndReason, Over
from gateway.calls.menu import LANGUAGE_WITHIN, LONGEST_WAIT, Caller, Menu
from gateway.calls.reception import Reception
from gateway.calls.voice import Voices
from gateway.ivr.language import Language
from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.phrasebook import Speech
from gateway.ivr.pin_entry import PinRules
from gateway.ivr.pin_guard import Wait
from gateway.ivr.redial_memory import REDIAL_WITHIN
from gateway.media.messages import Recorded, Spoken
from tests.xmpp.virtual_time import in_virtual_time

LINE = 2.0  # seconds that a line takes
ROOM = Meeting("standup@conference.meet.test")
CALLER = Caller("+4315551234", "4300", "provider", "c1")


class Telephone:
    """Hears each line for two seconds, or until it is broken off."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.line = LINE
        self._over = asyncio.Event()

    async def say(self, parts: Speech) -> bool:
        first = parts[0]
        is_prompt = isinstance(first, Recorded)
        self.heard.append(f"{first.language}:{first.name}" if is_prompt else ":spoken")
        self._over.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self.line):
                await self._over.wait()
                return False
        return True

    def hush(self) -> None:
        self._over.set()


SAID = Spoken(PCMU.encode(tone([440.0, 700.0], 1.0, rate=8000)))


class Recorder:
    """Records for three seconds, or until it is stopped."""

    def __init__(self, said: Spoken = SAID) -> None:
        self.said = said
        self.begun = 0
        self._stopped = asyncio.Event()

    async def record_voice(self, seconds: float) -> Spoken:
        assert seconds == 4.0
        self.begun += 1
        with suppress(TimeoutError):
            async with asyncio.timeout(3.0):
                await self._stopped.wait()
        return self.said

    def stop_recording(self) -> None:
        self._stopped.set()


@dataclass
class Desk:
    """Knows one PIN, and says of others what it is told to."""

    answers: list[Meeting | NoMeeting | Wait] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def present(
        self, pin: str, caller: str | None, trunk: str, *, call: str
    ) -> Meeting | NoMeeting | Wait:
        assert Caller(caller, CALLER.called, trunk, call) == CALLER
        self.asked.append(pin)
        if self.answers:
            return self.answers.pop(0)
        return ROOM if pin == "123456789" else NoMeeting.UNKNOWN


class Visit:
    """One call at the reception."""

    def __init__(
        self,
        *,
        longest: int = 9,
        languages: tuple[Language, ...] = (Language.ENGLISH,),
        offers: tuple[Language, ...] = (),
        recorder: Recorder | None = None,
    ) -> None:
        self.desk = Desk()
        self.recorder = recorder
        self.telephone = Telephone()

        self.reception = Reception(self.desk, lambda: PinRules(longest=longest), offers)
        self.voices = Voices(languages=languages)
        self.call_again()

    def call_again(self) -> None:
        self.voice = self.voices.voice(
            self.telephone, caller=CALLER.number or "", called=CALLER.called
        )
        self.menu = Menu(self.reception, self.voice, CALLER, self.recorder)

    async def typing(self, *keys: str | float) -> Meeting:
        """What comes of these keys, with pauses between them."""

        async def press() -> None:
            for key in keys:
                if isinstance(key, float):
                    await asyncio.sleep(key)
                    continue
                for each in key:
                    self.menu.pressed(each)
                    await asyncio.sleep(0.2)

        beside = [asyncio.create_task(self.voice.run()), asyncio.create_task(press())]
        try:
            meeting = await self.menu.run()
            await self.voice.quiet()
            return meeting
        finally:
            for task in beside:
                task.cancel()

    @property
    def heard(self) -> list[str]:
        return [line.partition(":")[2] for line in self.telephone.heard]


@in_virtual_time
async def test_a_caller_is_greeted_types_its_pin_and_hears_where_it_goes() -> None:
    visit = Visit()
    assert await visit.typing(5.0, "123456789") == ROOM
    assert visit.heard == ["greeting", "enter-pin", "joining-before"]
    assert visit.desk.asked == ["123456789"]


@in_virtual_time
async def test_who_knows_the_way_types_at_once_and_hears_no_more_of_the_menu() -> None:
    visit = Visit()
    assert await visit.typing(0.5, "123456789") == ROOM
    assert visit.heard == ["greeting", "joining-before"]


@in_virtual_time
async def test_a_shorter_pin_ends_with_a_hash_and_a_star_starts_over() -> None:
    visit = Visit()
    visit.desk.answers = [ROOM]
    assert await visit.typing(5.0, "99*4711#") == ROOM
    assert visit.desk.asked == ["4711"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (NoMeeting.UNKNOWN, "pin-wrong"),
        (NoMeeting.EXPIRED, "pin-expired"),
        (NoMeeting.TOO_EARLY, "too-early"),
        (NoMeeting.TOO_LATE, "too-late"),
    ],
)
def test_who_is_told_why_a_pin_is_of_no_use_may_try_another(answer: NoMeeting, told: str) -> None:
    @in_virtual_time
    async def run() -> None:
        visit = Visit()
        visit.desk.answers = [answer]
        assert await visit.typing(5.0, "1111#", 6.0, "123456789") == ROOM
        assert visit.heard == ["greeting", "enter-pin", told, "try-again", "joining-before"]

    run()


@in_virtual_time
async def test_after_three_wrong_pins_it_is_over_and_the_caller_hears_that() -> None:
    visit = Visit()
    with pytest.raises(Over) as over:
        await visit.typing(5.0, "1111#", 6.0, "2222#", 6.0, "3333#")
    assert over.value.end.reason is EndReason.PIN_WRONG
    assert visit.heard[-2:] == ["pin-wrong", "too-many-tries"]
    assert visit.desk.asked == ["1111", "2222", "3333"]


@in_virtual_time
async def test_who_types_nothing_is_asked_three_times() -> None:
    visit = Visit()
    with pytest.raises(Over) as over:
        await visit.typing()
    assert over.value.end.reason is EndReason.NO_PIN
    again = ["nothing-entered", "enter-pin"]
    assert visit.heard == ["greeting", "enter-pin", *again, *again, "goodbye"]


@in_virtual_time
async def test_a_caller_that_has_to_wait_hears_so_and_its_pin_is_looked_at_then() -> None:
    visit = Visit()
    visit.desk.answers = [Wait(6.0), Wait(1.0)]
    begun = asyncio.get_running_loop().time()
    assert await visit.typing(5.0, "123456789") == ROOM
    assert asyncio.get_running_loop().time() - begun > 12.0
    assert "one-moment" in visit.heard


@in_virtual_time
async def test_who_would_have_to_wait_for_long_may_not_try() -> None:
    visit = Visit()
    visit.desk.answers = [Wait(LONGEST_WAIT + 1)]
    with pytest.raises(Over) as over:
        await visit.typing(5.0, "123456789")
    assert over.value.end.reason is EndReason.PIN_WRONG


@in_virtual_time
async def test_if_nobody_can_say_the_caller_hears_that_and_it_is_not_its_fault() -> None:
    visit = Visit()
    visit.desk.answers = [NoMeeting.UNAVAILABLE]
    with pytest.raises(Over) as over:
        await visit.typing(5.0, "123456789")
    assert over.value.end.reason is EndReason.CONFERENCE_UNAVAILABLE
    assert visit.heard[-1] == "not-reachable"


LANGUAGES = (Language.GERMAN, Language.ENGLISH, Language.POLISH)


@in_virtual_time
async def test_a_language_is_chosen_by_its_key() -> None:
    visit = Visit(languages=LANGUAGES, offers=LANGUAGES)
    assert await visit.typing(9.0, "3", 3.0, "123456789") == ROOM
    assert [line.partition(":")[0] for line in visit.telephone.heard] == [
        "de",
        *(language.value for language in LANGUAGES),
        "pl",
        "pl",
    ]


@in_virtual_time
async def test_who_chooses_none_is_spoken_to_in_that_of_its_country() -> None:
    both = (Language.ENGLISH, Language.GERMAN)
    visit = Visit(languages=both, offers=both)
    pause = 3 * LINE + LANGUAGE_WITHIN + 3.0
    assert await visit.typing(pause, "123456789") == ROOM
    assert visit.telephone.heard[-1].startswith("de:")


@in_virtual_time
async def test_a_key_that_is_no_language_s_is_the_first_of_the_pin() -> None:
    visit = Visit(languages=LANGUAGES, offers=LANGUAGES)
    visit.desk.answers = [ROOM]
    assert await visit.typing(1.0, "9876#") == ROOM
    assert visit.desk.asked == ["9876"]


@in_virtual_time
async def test_who_calls_again_within_two_minutes_needs_no_pin() -> None:
    visit = Visit()
    now = asyncio.get_running_loop().time
    visit.reception.redials.left(CALLER.number, CALLER.called, ROOM, now())
    await asyncio.sleep(REDIAL_WITHIN - 1)
    assert await visit.typing() == ROOM
    assert visit.heard == ["welcome-back"]
    visit.reception.redials.left(CALLER.number, CALLER.called, ROOM, now())
    await asyncio.sleep(REDIAL_WITHIN + 1)
    visit.call_again()
    assert await visit.typing(5.0, "123456789") == ROOM


@in_virtual_time
async def test_a_pin_is_complete_when_none_can_be_longer() -> None:
    visit = Visit(longest=6)
    visit.desk.answers = [ROOM]
    assert await visit.typing(5.0, "1234567") == ROOM
    assert visit.desk.asked == ["123456"]


@in_virtual_time
async def test_a_caller_says_its_name_after_the_pin_and_is_thanked() -> None:
    visit = Visit(recorder=Recorder())
    assert await visit.typing(5.0, "123456789") == ROOM
    assert visit.heard[1:] == ["enter-pin", "say-name", "thank-you", "joining-before"]
    (name,) = visit.menu.spoken_name
    assert isinstance(name, Spoken) and len(name.ulaw) > 7000


@in_virtual_time
async def test_a_hash_ends_the_name_at_once() -> None:
    visit = Visit(recorder=Recorder())
    begun = asyncio.get_running_loop().time()
    assert await visit.typing("123456789", LINE + 0.5, "#") == ROOM
    assert asyncio.get_running_loop().time() - begun < 3 * LINE + 3.0
    assert visit.menu.spoken_name != ()


@in_virtual_time
async def test_who_says_nothing_goes_on_without_a_name() -> None:
    visit = Visit(recorder=Recorder(Spoken(b"")))
    assert await visit.typing("123456789") == ROOM
    assert visit.heard == ["greeting", "say-name", "joining-before"]
    assert visit.menu.spoken_name == ()


@in_virtual_time
async def test_a_key_instead_of_a_name_goes_on_without_one() -> None:
    visit = Visit(recorder=Recorder())
    assert await visit.typing("123456789", 0.5, "1") == ROOM
    assert visit.recorder is not None and visit.recorder.begun == 0
    assert visit.heard == ["greeting", "say-name", "joining-before"]


@in_virtual_time
async def test_a_hash_after_a_pin_that_is_complete_skips_nothing() -> None:
    visit = Visit(recorder=Recorder())
    assert await visit.typing("123456789#") == ROOM
    assert visit.heard == ["greeting", *["say-name"] * 2, "thank-you", "joining-before"]


@in_virtual_time
async def test_who_is_known_by_its_pin_or_comes_back_is_not_asked_for_its_name() -> None:
    visit = Visit(recorder=Recorder())
    visit.desk.answers = [Meeting(ROOM.room, "Ann Example")]
    await visit.typing("123456789")
    now = asyncio.get_running_loop().time()
    visit.reception.redials.left(CALLER.number, CALLER.called, ROOM, now)
    visit.call_again()
    await visit.typing()
    assert visit.recorder is not None and visit.recorder.begun == 0


@in_virtual_time
async def test_keys_that_come_at_once_keep_their_order_past_the_choice_of_a_language() -> None:
    visit = Visit(offers=(Language.ENGLISH, Language.GERMAN))
    visit.desk.answers = [ROOM]
    for key in "987654321":  # while the answer is not acknowledged yet
        visit.menu.pressed(key)
    assert await visit.typing() == ROOM
    assert visit.desk.asked == ["987654321"]


@in_virtual_time
async def test_a_hash_after_a_wrong_pin_that_is_complete_cuts_nothing_short() -> None:
    visit = Visit()
    await visit.typing("111111111#", 5 * LINE, "123456789")
    assert visit.heard == ["greeting", "pin-wrong", "try-again", "joining-before"]


@in_virtual_time
async def test_a_phone_on_hold_does_not_stay_in_the_menu_for_ever() -> None:
    visit = Visit(offers=(Language.ENGLISH, Language.GERMAN))
    visit.telephone.line = 86_400.0  # nothing is ever said to its end
    with pytest.raises(Over) as over:
        await visit.typing()
    assert over.value.end.reason is EndReason.NO_PIN
    assert asyncio.get_running_loop().time() < 900
