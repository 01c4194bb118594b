"""What a caller hears of what happens in its conference."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.calls.announcer import line_of, tone_of
from gateway.calls.conversation import Conversation
from gateway.calls.keys import Keys
from gateway.calls.limits import Limits, LimitWatch
from gateway.calls.presses import Presses
from gateway.calls.record import CallRecord
from gateway.calls.teller import Tones
from gateway.calls.trunk import Trunk
from gateway.conference import events as conference
from gateway.conference.events import RecordingChanged, RecordingMode, RecordingState, WaitingFor
from gateway.media.messages import Tone

FILE, STREAM = RecordingMode.FILE, RecordingMode.STREAM


@pytest.mark.parametrize(
    ("event", "tone"),
    [
        (conference.MutedByModerator("Ann"), Tone.MUTED),
        (conference.Approved(), Tone.MAY_SPEAK),
        (conference.Waiting(WaitingFor.LOBBY, password_refused=True), Tone.REFUSED),
        (conference.Waiting(WaitingFor.LOBBY), None),
        (conference.VisitorChanged(True), Tone.MUTED),
        (conference.VisitorChanged(False), Tone.MAY_SPEAK),
        (RecordingChanged(FILE, RecordingState.PENDING, "s"), None),
        (RecordingChanged(FILE, RecordingState.ON, "s"), Tone.RECORDING),
        (RecordingChanged(STREAM, RecordingState.ON, "s"), Tone.RECORDING),
        (RecordingChanged(FILE, RecordingState.OFF, "s"), Tone.RECORDING_OVER),
        (RecordingChanged(FILE, RecordingState.FAILED, "s", "busy"), None),
        (conference.TranscriptionChanged(True), Tone.RECORDING),
        (conference.TranscriptionChanged(False), Tone.RECORDING_OVER),
        (conference.EncryptionChanged(True, ("Ann",)), Tone.NOT_HEARD),
        (conference.EncryptionChanged(False), None),
        (conference.CompanyChanged(0, 0), None),
        (conference.OccupantJoined("a", "Ann"), None),
        (conference.ChatReceived("a", "Ann", "hi", False), None),
    ],
)
def test_what_happens_has_its_tone(event: conference.Event, tone: Tone | None) -> None:
    assert tone_of(event) is tone


def test_the_log_says_what_goes_on_and_not_what_people_write_or_are_called() -> None:
    assert line_of(RecordingChanged(STREAM, RecordingState.FAILED, "s1", "busy")) == (
        "recording",
        {"mode": "stream", "state": "failed", "session": "s1", "failure": "busy"},
    )
    assert line_of(RecordingChanged(FILE, RecordingState.ON, "")) == (
        "recording",
        {"mode": "file", "state": "on", "session": ""},
    )
    assert line_of(conference.EncryptionChanged(True, ("Ann",))) == (
        "end-to-end encryption",
        {"on": True},
    )
    assert line_of(conference.ChatReceived("a", "Ann", "secret", True)) is None
    assert line_of(conference.CompanyChanged(0, 2)) == (
        "only phones in the conference",
        {"phones": 2},
    )
    assert line_of(conference.CompanyChanged(1, 2)) is None


class Heard:
    """Where tones are played, and a participant that tells `events`."""

    endpoint = "1a2b3c4d"
    occupants = 2

    def __init__(self, *events: conference.Event) -> None:
        self.tones: list[Tone] = []
        self._events = events

    def play(self, tone: Tone) -> None:
        self.tones.append(tone)

    async def events(self) -> AsyncIterator[conference.Event]:
        for event in self._events:
            yield event
            await asyncio.sleep(0.01)


async def nobody_to_answer() -> None:
    pass


def conversation(heard: Heard, record: CallRecord) -> Conversation:
    teller = Tones(heard)  # type: ignore[arg-type]
    return Conversation(
        heard,  # type: ignore[arg-type]
        heard,  # type: ignore[arg-type]
        record,
        trunk=Trunk("trunk", ()),
        answer=nobody_to_answer,
        keys=Keys(teller, nobody_to_answer),
        limits=LimitWatch(Limits()),
        takes_keys=True,
        teller=teller,
        presses=Presses(),
    )


async def test_a_phone_that_is_still_called_hears_it_once_it_has_answered() -> None:
    heard = Heard(RecordingChanged(FILE, RecordingState.ON, "s"))
    record = CallRecord("c1", "c", "trunk", "Erika", "room")
    talk = conversation(heard, record)
    await talk.follow_conference()
    assert heard.tones == []
    record.answered()
    talk.entered()
    talk.entered()
    assert heard.tones == [Tone.RECORDING]
    await talk.follow_conference()
    assert heard.tones == [Tone.RECORDING, Tone.RECORDING]


async def test_nothing_that_it_has_to_know_is_lost_while_it_rings() -> None:
    heard = Heard(
        conference.MutedByModerator("Ann"),
        RecordingChanged(FILE, RecordingState.ON, "s"),
        RecordingChanged(STREAM, RecordingState.ON, "s"),
        RecordingChanged(STREAM, RecordingState.OFF, "s"),
        conference.Approved(),
    )
    record = CallRecord("c1", "c", "trunk", "Erika", "room")
    talk = conversation(heard, record)
    await talk.follow_conference()
    record.answered()
    talk.entered()
    assert heard.tones == [Tone.RECORDING, Tone.RECORDING_OVER, Tone.MAY_SPEAK]


async def test_what_is_over_when_it_answers_it_is_not_told() -> None:
    heard = Heard(conference.EncryptionChanged(True, ("Ann",)), conference.EncryptionChanged(False))
    record = CallRecord("c1", "c", "trunk", "Erika", "room")
    talk = conversation(heard, record)
    await talk.follow_conference()
    record.answered()
    talk.entered()
    assert heard.tones == []
