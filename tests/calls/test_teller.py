"""A caller that is told in words: which, of what, and when. In virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from gateway.calls.end_reason import CallEnd, EndReason
from gateway.calls.keypad import ALL_COMMANDS, KeypadCommand
from gateway.calls.media_session import MediaSession, MediaSwitch
from gateway.calls.news import farewell_of, news_of, spoken_part, waiting_of
from gateway.calls.reminder import Repair, Wait
from gateway.calls.spoken_names import SpokenNames
from gateway.calls.teller import Tones, Words
from gateway.calls.voice import Voices
from gateway.conference import events as conference
from gateway.conference.company import Somebody
from gateway.conference.events import RecordingMode, RecordingState, WaitingFor
from gateway.conference.floor import Toggled
from gateway.ivr.phrasebook import Phrasebook, Speech
from gateway.ivr.prompt import Prompt
from gateway.ivr.synthesis import Names
from tests.calls.test_menu import LINE, SAID, Telephone
from tests.xmpp.virtual_time import in_virtual_time


def recording(mode: RecordingMode, state: RecordingState) -> conference.RecordingChanged:
    return conference.RecordingChanged(mode, state, "s")


FILE, STREAM = RecordingMode.FILE, RecordingMode.STREAM


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (conference.MutedByModerator("ann"), Prompt.MUTED_BY_MODERATOR),
        (conference.MutedByModerator(None), Prompt.MUTED),
        (conference.Approved(), Prompt.MAY_SPEAK),
        (conference.HandLowered(), Prompt.HAND_LOWERED_BY_MODERATOR),
        (conference.VisitorChanged(on=True), Prompt.MAY_NOT_UNMUTE),
        (recording(FILE, RecordingState.ON), Prompt.RECORDING_STARTED),
        (recording(FILE, RecordingState.OFF), Prompt.RECORDING_STOPPED),
        (recording(STREAM, RecordingState.ON), Prompt.STREAMING_STARTED),
        (recording(STREAM, RecordingState.OFF), Prompt.STREAMING_STOPPED),
        (recording(FILE, RecordingState.PENDING), None),
        (conference.TranscriptionChanged(on=True), Prompt.TRANSCRIPTION_STARTED),
        (conference.EncryptionChanged(on=True), Prompt.NOT_HEARD),
        (conference.EncryptionChanged(on=False), None),
        (conference.Waiting(WaitingFor.LOBBY), Prompt.LOBBY),
        (conference.Waiting(WaitingFor.HOST), Prompt.WAIT_FOR_HOST),
        (conference.Waiting(WaitingFor.LOBBY, password_refused=True), Prompt.PASSWORD_WRONG),
        (conference.Alone(), Prompt.ALONE),
        (conference.Moved("other"), Prompt.BREAKOUT_ROOM),
        (conference.Moved("room", is_main=True), Prompt.MAIN_ROOM),
        (conference.MediaDown("ICE"), None),
    ],
)
def test_what_is_said_of_what_happens(event: conference.Event, said: Prompt | None) -> None:
    news = news_of(event)
    assert (news.prompt if news is not None else None) is said


@pytest.mark.parametrize(
    ("wait", "said"),
    [
        (conference.Waiting(WaitingFor.HOST), Prompt.WAIT_FOR_HOST),
        (conference.Alone(), Prompt.ALONE),
        (Repair(was_heard=True), Prompt.CONNECTION_LOST),
        (Repair(was_heard=False), Prompt.ONE_MOMENT),
    ],
)
def test_what_is_said_of_what_is_waited_for(wait: Wait, said: Prompt) -> None:
    assert waiting_of(wait) is said


def test_every_end_that_the_caller_did_not_bring_about_has_words() -> None:
    assert farewell_of(EndReason.MEETING_ENDED) is Prompt.MEETING_ENDED
    assert farewell_of(EndReason.KICKED) is Prompt.REMOVED
    assert farewell_of(EndReason.CONFERENCE_BROKEN) is Prompt.NOT_REACHABLE
    assert farewell_of(EndReason.CONFERENCE_LOST) is Prompt.NOT_REACHABLE  # not "hold on"


@asynccontextmanager
async def told(
    commands: frozenset[KeypadCommand] = ALL_COMMANDS,
    names: Names = Names(None),  # noqa: B008 -- there is no program
) -> AsyncIterator[tuple[Words, Telephone]]:
    telephone = Telephone()
    words = Words(Voices(names).voice(telephone, caller="", called=""), commands)
    running = asyncio.create_task(words.run())
    try:
        yield words, telephone
    finally:
        running.cancel()
        await asyncio.wait((running,))


def heard(telephone: Telephone) -> list[str]:
    return [line.partition(":")[2] for line in telephone.heard]


@in_virtual_time
async def test_keys_are_answered_in_words() -> None:
    async with told() as (words, telephone):
        for done in (Toggled.MUTED, Toggled.UNMUTED):
            words.toggled(done)
            await asyncio.sleep(LINE + 1)
        words.toggled(Toggled.HAND_RAISED)
        words.toggled(Toggled.HAND_LOWERED)  # how it is, not how it was
        await asyncio.sleep(2 * LINE)
        words.count(3, ())
        await asyncio.sleep(LINE + 1)
        words.count(1, ())
        await asyncio.sleep(LINE + 1)
        assert heard(telephone) == ["muted", "unmuted", "hand-lowered", "participants-3", "alone"]


@in_virtual_time
async def test_with_how_many_are_there_five_are_named_until_a_key_is_pressed() -> None:
    names = ("Ab", "", "Cd", "Ef", "Gh", "Ij", "Kl")  # spelled, each in one line
    others = tuple(Somebody(f"e{number}", name) for number, name in enumerate(names))
    async with told() as (words, telephone):
        words.count(7, others)
        await asyncio.sleep(8 * LINE)
        named = ["letter-a", "letter-c", "letter-e", "letter-g", "letter-i"]
        assert heard(telephone) == ["participants-7", *named]
        words.count(3, others[:1] * 2)
        await asyncio.sleep(1.5 * LINE)
        words.pressed()
        await asyncio.sleep(8 * LINE)
        assert heard(telephone)[6:] == ["participants-3", "letter-a"]
        words.count(3, others)
        words.pressed()
        await asyncio.sleep(8 * LINE)
        assert heard(telephone)[8:] == []  # or "participants-3", if it had begun


@in_virtual_time
async def test_help_names_every_key_until_one_is_pressed() -> None:
    async with told() as (words, telephone):
        words.help()
        await asyncio.sleep(6 * LINE)
        assert len(heard(telephone)) == 5
        words.help()
        await asyncio.sleep(1.5 * LINE)
        words.pressed()
        await asyncio.sleep(6 * LINE)
        assert len(heard(telephone)) == 7


@in_virtual_time
async def test_help_names_no_key_that_the_trunk_has_not() -> None:
    async with told(frozenset({KeypadCommand.TOGGLE_HAND, KeypadCommand.HELP})) as (words, there):
        words.help()
        await asyncio.sleep(6 * LINE)
        assert heard(there) == ["help-hand-before", "help-help-before"]


@in_virtual_time
async def test_who_comes_is_named_and_many_are_counted() -> None:
    async with told() as (words, telephone):
        words.company(conference.OccupantJoined("e1", "Ann"), 1)
        await asyncio.sleep(4 * LINE)
        assert len(heard(telephone)) == 1
        for number in range(3):
            words.company(conference.OccupantJoined(f"f{number}", "Bob"), 2 + number)
        await asyncio.sleep(10 * LINE)
        assert heard(telephone)[1:] == ["several-joined-3"]
        for number in range(40):
            words.company(conference.OccupantJoined(f"g{number}", "Cec"), 30 + number)
        await asyncio.sleep(20 * LINE)
        assert len(heard(telephone)) == 2  # in a large meeting nobody is told of


class SlowNames(Names):
    """Takes a second for a name."""

    def __init__(self) -> None:
        super().__init__(None)

    async def speech(self, name: str, book: Phrasebook) -> Speech:
        await asyncio.sleep(1)
        return await super().speech(name, book)


@in_virtual_time
async def test_who_comes_while_the_name_of_another_is_spoken_is_named_too() -> None:
    async with told(names=SlowNames()) as (words, telephone):
        words.company(conference.OccupantJoined("e1", "Ann"), 1)
        await asyncio.sleep(0.5)
        words.company(conference.OccupantJoined("e2", "Bob"), 2)
        await asyncio.sleep(10 * LINE)
        assert heard(telephone) == ["letter-a", "letter-b"]


@in_virtual_time
async def test_who_has_said_its_name_is_heard_with_it_until_its_call_is_over() -> None:
    telephone, names = Telephone(), SpokenNames()
    names.keep("c7", Guest(("room", "e1")), (SAID,))
    names.keep("c8", Guest(("room", "e2")), ())  # it has said nothing
    voice = Voices().voice(telephone, caller="", called="")
    words = Words(voice, said=lambda endpoint: names.of("room", endpoint))
    running = asyncio.create_task(words.run())
    for joined in ("e1", "e2"):
        words.company(conference.OccupantJoined(joined, "+49 *** 12"), 1)
        await asyncio.sleep(20)
    names.ended("c7")
    words.company(conference.OccupantLeft("e1", "+49 *** 12"), 1)
    await asyncio.sleep(20)
    words.company(conference.OccupantJoined("e1", "Ab"), 1)
    await asyncio.sleep(20)
    running.cancel()
    await asyncio.wait((running,))
    assert heard(telephone) == ["spoken", "digit-4", "spoken", "letter-a"]
    assert names.of("other", "e1") == names.of("room", "e1") == ()
    names.keep("c9", Guest(("room", "e1")), (SAID,))
    names.ended("c9")
    names.close()
    assert names.of("room", "e1") == ()


@dataclass
class Guest:
    seen_as: tuple[str, str]


@in_virtual_time
async def test_a_farewell_is_said_to_its_end() -> None:
    async with told() as (words, telephone):
        begun = asyncio.get_running_loop().time()
        await words.farewell(CallEnd(EndReason.LOBBY_DENIED, ""))
        assert heard(telephone) == ["denied"]
        assert asyncio.get_running_loop().time() - begun == pytest.approx(LINE, abs=0.1)


@in_virtual_time
async def test_after_a_farewell_nobody_needs_to_know_what_keys_are_for() -> None:
    async with told() as (words, telephone):
        words.help()
        await asyncio.sleep(LINE / 2)
        begun = asyncio.get_running_loop().time()
        await words.farewell(CallEnd(EndReason.MEETING_ENDED, ""))
        assert [said.removesuffix("-before") for said in heard(telephone)] == [
            "help-mute",
            "meeting-ended",
        ]
        assert asyncio.get_running_loop().time() - begun == pytest.approx(LINE, abs=0.1)


@in_virtual_time
async def test_that_the_call_will_end_is_said_whatever_is_pressed() -> None:
    async with told() as (words, telephone):
        words.ends_in(5)
        await asyncio.sleep(LINE / 2)
        words.pressed()
        await asyncio.sleep(2 * LINE)
        assert heard(telephone) == ["ends-in-minutes-5"]


def test_a_tone_is_heard_of_calls_that_broke_and_words_of_all_that_others_ended() -> None:
    words = Words(Voices().voice(Telephone(), caller="", called=""))
    tones = Tones(MediaSession(MediaSwitch(print), "c1"))
    for reason in (EndReason.MEDIA_FAILED, EndReason.LOBBY_DENIED):
        assert words.has_farewell(reason) and tones.has_farewell(reason)
    for reason in (EndReason.TOO_LONG, EndReason.KICKED, EndReason.MEETING_ENDED):
        assert words.has_farewell(reason) and not tones.has_farewell(reason)
    assert not words.has_farewell(EndReason.CALLER_HUNG_UP)


@in_virtual_time
async def test_what_is_waited_for_is_said_no_more_once_it_is_there() -> None:
    async with told() as (words, telephone):
        begun = asyncio.get_running_loop().time()
        words.still_waits(conference.Waiting(WaitingFor.HOST))
        await asyncio.sleep(0.5)
        words.still_waits(conference.Alone())  # it waits until the other has been said
        words.waits_no_more()
        words.toggled(Toggled.MUTED)
        await asyncio.sleep(0.1)
        assert heard(telephone) == ["wait-for-host", "muted"]
        await words._voice.quiet()
        assert asyncio.get_running_loop().time() - begun == pytest.approx(0.5 + LINE)
        words.still_waits(conference.Alone())
        await asyncio.sleep(0.5)
        words.pressed()
        await words._voice.quiet()
        assert asyncio.get_running_loop().time() - begun == pytest.approx(1.0 + LINE)


@in_virtual_time
async def test_a_breakout_room_is_named_and_one_that_was_left_again_is_not() -> None:
    async with told() as (words, telephone):
        words.tell(conference.Moved("r1", name="Ab"))
        await asyncio.sleep(2 * LINE)
        words.tell(conference.Moved("r2", name="!?"))  # nothing of it can be said
        await asyncio.sleep(2 * LINE)
        words.tell(conference.Moved("r1", name="Ab"))
        words.tell(conference.Moved("main", is_main=True))
        await asyncio.sleep(3 * LINE)
        said = ["breakout-room-named-before", "breakout-room", "main-room"]
        assert heard(telephone) == said
    for name, spoken in (("Breakout room #12", "12"), ("Group #a", "Group #a"), ("7", "7")):
        assert spoken_part(name) == spoken


@in_virtual_time
async def test_who_has_said_its_name_is_counted_and_waits_with_it() -> None:
    telephone = Telephone()
    voice = Voices().voice(telephone, caller="", called="")
    words = Words(voice, said=lambda endpoint: (SAID,) if endpoint == "e1" else ())
    running = asyncio.gather(words.run(), words.rulings.run())
    words.count(3, (Somebody("e0", "Ab"), Somebody("e1", "")))
    await asyncio.sleep(4 * LINE)
    assert heard(telephone) == ["participants-3", "letter-a", "spoken"]
    for guest, said in (("e1", "spoken"), ("e2", "letter-c")):
        words.rulings.knocked((Somebody(guest, "Cd"),))
        await asyncio.sleep(4 * LINE)
        assert heard(telephone)[-1] == said
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
