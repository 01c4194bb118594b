"""Recordings made as loud as each other, by their speech and not by their pauses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.frames import audio_level, silence
from audiocodecs.loudness import SPEECH, levelled, speech_level, trimmed
from audiocodecs.resampling import narrowed
from audiocodecs.tones import tone
from tests.helpers.examples import at_most

RATE = 16000


@at_most(20)
@given(loudness=st.floats(-45.0, -10.0), pause=st.floats(0.0, 2.0))
def test_pauses_do_not_count_and_every_recording_becomes_as_loud(
    loudness: float, pause: float
) -> None:
    word = tone([300.0, 700.0], 0.4, rate=RATE, level=loudness)
    recording = levelled(np.concatenate((word, silence(round(pause * RATE)), word)), RATE)
    assert speech_level(recording, RATE) == pytest.approx(SPEECH, abs=0.3)
    assert audio_level(recording[1000:5000]) == pytest.approx(SPEECH, abs=1)


def test_silence_stays_silence() -> None:
    assert speech_level(silence(RATE), RATE) is None
    assert not levelled(silence(RATE), RATE).any()
    assert len(levelled(silence(0), RATE)) == 0


def test_peaks_of_what_is_made_louder_are_not_clipped() -> None:
    click = np.zeros(RATE, np.int16)
    click[::400] = 12000
    loud = levelled(click, RATE, level=15.0)
    assert loud.max() > 28000
    assert loud.min() >= 0


def test_silence_is_cut_off_at_both_ends_only() -> None:
    word = tone([500.0], 0.3, rate=RATE)
    spoken = np.concatenate((word, silence(RATE // 4), word))
    cut = trimmed(np.concatenate((silence(RATE), spoken, silence(RATE // 2))), RATE)
    assert len(spoken) <= len(cut) <= len(spoken) + RATE // 10
    assert len(trimmed(silence(RATE), RATE)) == 0


@pytest.mark.parametrize("count", [0, 1, 2, 15999, 16000])
def test_a_recording_at_half_the_rate_is_neither_late_nor_cut(count: int) -> None:
    wide = tone([500.0, 1200.0], count / RATE, rate=RATE)
    narrow = narrowed(wide)
    assert len(narrow) == (count + 1) // 2
    assert np.abs(narrow.astype(int) - wide[::2]).max(initial=0) < 120
