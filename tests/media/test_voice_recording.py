"""What a phone says: recorded from its first word to a pause, and played to another."""

from collections.abc import Iterator

import numpy as np
import pytest

from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import PCMU as LAW
from audiocodecs.resampling import narrowed
from audiocodecs.tones import tone
from gateway.media.messages import Event, Payload, Play, Say, Spoken, Tone, VoiceRecorded
from gateway.media.voice_recording import LONGEST, VoiceRecording
from tests.helpers.listening import share_of
from tests.helpers.prompts import find
from tests.media.test_said import G722, HUM, PCMU, Phone, Room


def word(rate: int = 8000, seconds: float = 0.5) -> Samples:
    return tone([600.0, 950.0], seconds, rate=rate)


def frames(samples: Samples, rate: int) -> list[Samples]:
    return list(samples.reshape(-1, rate // 50))


def recorded(
    *parts: tuple[Samples, bool], rate: int = 8000, seconds: float = 4.0
) -> tuple[Spoken, int]:
    """What is recorded of parts that are speech or not, and how many frames that took."""
    recording, taken = VoiceRecording(seconds), 0
    for samples, is_speech in parts:
        for frame in frames(samples, rate):
            if recording.is_over:
                return recording.spoken, taken
            recording.take(frame, is_speech=is_speech)
            taken += 1
    assert recording.is_over
    return recording.spoken, taken


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_word_is_recorded_from_its_onset_to_the_pause_after_it(rate: int) -> None:
    quiet = silence(rate)
    spoken, taken = recorded((quiet, False), (word(rate), True), (quiet, False), rate=rate)
    assert taken == 50 + 25 + 40  # in 0.8 s without speech it has been said
    assert len(spoken.ulaw) == (6 + 25) * 160
    found = find(word(), LAW.decode(spoken.ulaw), 8000)
    assert found.likeness > 0.94
    assert found.at == pytest.approx(0.12, abs=0.01)


def test_a_pause_within_a_name_is_part_of_it() -> None:
    half = (word(), True)
    spoken, _ = recorded(half, (silence(4800), False), half, (silence(16000), False))
    assert len(spoken.ulaw) == 4000 + 4800 + 4000


def test_who_says_nothing_and_who_does_not_stop_are_waited_for_as_long() -> None:
    spoken, taken = recorded((silence(80000), False), seconds=2.0)
    assert (spoken.ulaw, taken) == (b"", 100)
    spoken, taken = recorded((word(seconds=12.0), True), seconds=2.0)
    assert (len(spoken.ulaw), taken) == (16000, 100)
    spoken, taken = recorded((word(seconds=20.0), True), seconds=1e9)
    assert len(spoken.ulaw) == LONGEST * 8000


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.recordings.close()


def told(phone: Phone) -> list[Event]:
    return [event for event in phone.events if isinstance(event, VoiceRecorded)]


@pytest.mark.parametrize("payload", [PCMU, G722], ids=["PCMU", "G722"])
def test_recording_begins_after_the_beep_and_is_stopped_by_an_order(
    room: Room, payload: Payload
) -> None:
    caller = room.phone(payload, speaks=True)
    room.run(1.0)
    caller.media.let_hear(Play("call0", Tone.SPEAK))
    caller.media.record(4.0)
    room.run(1.0)
    assert told(caller) == []
    caller.media.stop_recording()
    caller.media.stop_recording()  # there is none any more
    (event,) = told(caller)
    assert isinstance(event, VoiceRecorded)
    samples = LAW.decode(event.spoken.ulaw)
    assert 0.5 < len(samples) / 8000 < 0.7  # the beep takes 0.4 s
    assert share_of(HUM, samples[800:], 8000) > 0.9


def test_a_silent_phone_has_said_nothing_in_the_end(room: Room) -> None:
    caller = room.phone(PCMU)
    caller.media.record(0.5)
    room.run(0.6)
    assert told(caller) == [VoiceRecorded("call0", Spoken(b""))]


@pytest.mark.parametrize("payload", [PCMU, G722], ids=["PCMU", "G722"])
def test_what_was_said_is_heard_by_another_phone(room: Room, payload: Payload) -> None:
    listener = room.phone(payload)
    spoken = Spoken(LAW.encode(word()))
    listener.media.let_hear(Say("call0", 1, (spoken,)))
    room.run(1.5)
    heard = (
        listener.samples if listener.rate == 8000 else narrowed(np.pad(listener.samples, (0, 2)))
    )
    found = find(word(), heard, 8000)
    assert found.likeness > 0.97 and found.gain == pytest.approx(1.0, abs=0.05)


def test_what_was_said_is_not_shown_where_messages_are() -> None:
    assert "ulaw" not in repr(VoiceRecorded("call0", Spoken(b"x")))
