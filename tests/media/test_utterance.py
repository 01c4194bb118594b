"""What is said, frame by frame: all parts in their order, over what is heard, and an end to it."""

from itertools import pairwise

import numpy as np
import pytest

from audiocodecs.frames import Samples
from audiocodecs.resampling import narrowed
from audiocodecs.tones import tone
from gateway.media.earpiece import Earpiece
from gateway.media.messages import Event, Hush, Play, Played, Recorded, Sampled, Say, Silence, Tone
from gateway.media.utterance import DUCKED, NoRecordings, Over, Utterance

HELLO, BYE = Recorded("en", "hello"), Recorded("en", "bye")
WORDS = {
    HELLO: tone([300.0, 900.0], 0.31, rate=16000),
    BYE: tone([500.0, 700.0], 0.2, rate=16000),
}


class Shelf:
    """Recordings that are there, or will be when `is_read`."""

    def __init__(self, *, is_read: bool = True) -> None:
        self.is_read = is_read

    def samples(self, recorded: Recorded, rate: int) -> Samples | None:
        if not self.is_read:
            return None
        wide = WORDS[recorded]
        return narrowed(wide) if rate == 8000 else wide


def said(utterance: Utterance) -> list[Over]:
    frames = []
    while not utterance.is_over:
        frame = utterance.next_frame()
        assert frame is not None
        frames.append(frame)
    return frames


def sound(frames: list[Over]) -> Samples:
    return np.concatenate([frame.samples for frame in frames])


def test_all_parts_are_said_in_their_order_with_pauses_between_them() -> None:
    frames = said(Utterance((HELLO, BYE), Shelf(), rate=16000))
    heard, gap = sound(frames), 1600
    hello, bye = WORDS[HELLO], WORDS[BYE]
    assert heard[: len(hello)].tolist() == hello.tolist()
    assert not heard[len(hello) : len(hello) + gap].any()
    after = len(hello) + gap
    assert heard[after : after + len(bye)].tolist() == bye.tolist()
    assert not heard[after + len(bye) :].any()
    assert 0.25 <= len(heard[after + len(bye) :]) / 16000 < 0.27


@pytest.mark.parametrize("rate", [8000, 16000])
def test_what_was_spoken_just_now_is_said_as_well(rate: int) -> None:
    words = WORDS[HELLO]
    sent = Sampled(words.astype("<i2").tobytes() + b"\0")  # half a sample is none
    frames = said(Utterance((sent,), NoRecordings(), rate=rate))
    assert {len(frame.samples) for frame in frames} == {rate // 50}
    wanted = words if rate == 16000 else narrowed(words)
    assert sound(frames)[: len(wanted)].tolist() == wanted.tolist()


def test_what_lies_beneath_goes_down_and_comes_back_without_a_step() -> None:
    frames = said(Utterance((HELLO,), Shelf(), rate=8000))
    assert (frames[0].before, frames[0].after) == (1.0, DUCKED)
    assert (frames[-1].before, frames[-1].after) == (DUCKED, 1.0)
    assert all(one.after == following.before for one, following in pairwise(frames))


def test_nothing_is_said_until_all_of_it_has_been_read() -> None:
    shelf = Shelf(is_read=False)
    utterance = Utterance((HELLO,), shelf, rate=8000)
    assert utterance.next_frame() is None
    assert not utterance.is_over
    shelf.is_read = True
    assert sound(said(utterance)).any()
    assert utterance.complete


def test_recordings_that_are_missing_hold_nobody_up() -> None:
    utterance = Utterance((HELLO, BYE), NoRecordings(), rate=8000)
    assert not sound(said(utterance)).any()
    assert utterance.complete


def test_it_goes_on_at_the_same_place_when_the_rate_changes() -> None:
    utterance = Utterance((HELLO,), Shelf(), rate=8000)
    for _ in range(5):
        utterance.next_frame()
    utterance.change_rate(16000)
    next_frame = utterance.next_frame()
    assert next_frame is not None
    assert next_frame.samples.tolist() == WORDS[HELLO][1600:1920].tolist()


def test_what_is_hushed_ends_within_a_frame_and_without_a_click() -> None:
    utterance = Utterance((HELLO,), Shelf(), rate=16000)
    utterance.next_frame()
    utterance.hush()
    (last,) = said(utterance)
    assert abs(int(last.samples[-1])) < 3
    assert last.after == 1.0
    assert not utterance.complete


def test_nobody_is_talked_to_for_longer_than_a_minute() -> None:
    frames = said(Utterance((HELLO,) * 150, Shelf(), rate=16000))
    assert len(frames) == 60 * 50


# The earpiece.


def earpiece(events: list[Event]) -> Earpiece:
    return Earpiece("call", Shelf(), events.append, rate=8000)


def until_over(ear: Earpiece) -> list[Over]:
    frames = []
    while (frame := ear.speech()) is not None:
        frames.append(frame)
    return frames


def test_it_is_told_when_something_has_been_said() -> None:
    events: list[Event] = []
    ear = earpiece(events)
    ear.obey(Say("call", 7, (HELLO,)))
    assert ear.speech() is not None
    assert events == []
    assert sound(until_over(ear)).any()
    assert events == [Played("call", 7, True)]
    ear.obey(Hush("call"))  # nothing is being said
    assert ear.speech() is None
    assert len(events) == 1


def test_what_is_ended_is_told_as_incomplete() -> None:
    events: list[Event] = []
    ear = earpiece(events)
    ear.obey(Say("call", 1, (HELLO,)))
    ear.obey(Say("call", 2, (HELLO,)))
    assert events == [Played("call", 1, False)]
    ear.speech()
    ear.obey(Hush("call"))
    assert len(until_over(ear)) == 1
    assert events[1:] == [Played("call", 2, False)]


def test_a_tone_that_repeats_waits_and_one_that_answers_a_key_comes_first() -> None:
    ear = earpiece([])
    ear.obey(Play("call", Tone.WAITING))
    ear.obey(Say("call", 1, (BYE,)))
    assert ear.tone() is None
    ear.obey(Play("call", Tone.MUTED))
    assert ear.tone() is not None
    while ear.tone() is not None:
        pass
    assert sound(until_over(ear)).any()
    assert ear.tone() is not None
    ear.obey(Silence("call"))
    assert ear.tone() is None


def test_words_and_tones_get_the_length_of_the_new_frames() -> None:
    ear = earpiece([])
    ear.obey(Play("call", Tone.WAITING))
    ear.obey(Say("call", 1, (BYE,)))
    ear.change_rate(16000)
    assert {len(frame.samples) for frame in until_over(ear)} == {320}
    waiting = ear.tone()
    assert waiting is not None and len(waiting) == 320
