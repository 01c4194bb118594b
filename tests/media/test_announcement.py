"""Tones that callers hear: told apart, and what becomes of the one that repeats."""

import numpy as np
import pytest

from audiocodecs.frames import Samples
from gateway.media.announcement import Announcement
from gateway.media.messages import Tone

RATE, SIZE = 8000, 160
SHORT = [Tone.MUTED, Tone.UNMUTED, Tone.HAND, Tone.MAY_SPEAK]
NEWS = [Tone.RECORDING, Tone.RECORDING_OVER, Tone.NOT_HEARD, Tone.SPEAK]


def played(tone: Tone, frames: int = 500) -> list[Samples]:
    announcement = Announcement(tone, rate=RATE)
    found = [announcement.next_frame() for _ in range(frames)]
    return [frame for frame in found if frame is not None]


def pitches(samples: Samples) -> list[int]:
    """The frequency of each beep."""
    beeps, found = samples.astype(float).reshape(-1, SIZE // 2), []
    loud = [bool(np.abs(part).max() > 200) for part in beeps]
    edges = np.flatnonzero(np.diff([False, *loud, False]))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        beep = beeps[begin:end].ravel()
        spectrum = np.abs(np.fft.rfft(beep, RATE))
        found.append(int(spectrum.argmax()))
    return found


def beeps_of(tone: Tone) -> list[int]:
    return pitches(np.concatenate(played(tone)))


@pytest.mark.parametrize("tone", SHORT)
def test_the_answer_to_a_key_is_short(tone: Tone) -> None:
    assert 0.1 <= len(played(tone)) * SIZE / RATE <= 0.5
    assert not tone.repeats


def test_answers_are_told_apart_by_how_they_rise_and_fall() -> None:
    heard = {tone: beeps_of(tone) for tone in SHORT}
    assert {tone: len(beeps) for tone, beeps in heard.items()} == {
        Tone.MUTED: 2,
        Tone.UNMUTED: 2,
        Tone.HAND: 1,
        Tone.MAY_SPEAK: 3,
    }
    assert heard[Tone.MUTED][0] > heard[Tone.MUTED][1]
    assert heard[Tone.UNMUTED] == heard[Tone.MUTED][::-1]
    assert heard[Tone.MAY_SPEAK] == sorted(heard[Tone.MAY_SPEAK])


def test_no_news_sound_like_another_or_like_an_answer() -> None:
    shapes = [tuple(beeps_of(tone)) for tone in (*SHORT, *NEWS)]
    assert len(set(shapes)) == len(shapes)
    assert len(set(beeps_of(Tone.RECORDING))) == 1 and len(beeps_of(Tone.RECORDING)) == 3
    over = beeps_of(Tone.RECORDING_OVER)
    assert over == sorted(over, reverse=True) and len(over) == 3
    assert len(beeps_of(Tone.NOT_HEARD)) == 4
    assert not any(tone.repeats for tone in NEWS)


@pytest.mark.parametrize("tone", [Tone.WAITING, Tone.REPAIRING])
def test_a_tone_that_repeats_goes_on(tone: Tone) -> None:
    assert tone.repeats
    assert len(played(tone, 3000)) == 3000


def test_the_tone_of_a_repair_is_soft() -> None:
    samples = np.concatenate(played(Tone.REPAIRING))
    assert 500 < np.abs(samples).max() < np.abs(np.concatenate(played(Tone.MUTED))).max() / 2
