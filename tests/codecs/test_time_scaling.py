import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.frames import Samples, silence
from audiocodecs.time_scaling import QUIET_ALIKE, lengthen, shorten
from tests.helpers.examples import at_most
from tests.helpers.listening import share_of
from tests.helpers.voices import noise, vowel

RATES = [8000, 16000, 48000]


def steepest(samples: Samples) -> int:
    return int(np.abs(np.diff(samples.astype(np.int32))).max())


def scaled(spoken: Samples, rate: int, change) -> tuple[Samples, int]:
    """Every second frame of 20 ms changed; the result, and how many frames were."""
    frames = spoken.reshape(-1, rate // 50)
    out = [change(frame, rate) if number % 2 else frame for number, frame in enumerate(frames)]
    return np.concatenate(out), sum(len(frame) != rate // 50 for frame in out)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("pitch", [80.0, 125.0, 210.0, 330.0])
@pytest.mark.parametrize("change", [shorten, lengthen])
def test_a_vowel_is_changed_by_whole_periods_without_a_click(
    change, pitch: float, rate: int
) -> None:
    spoken = vowel(1.0, rate=rate, pitch=pitch)
    heard, changed = scaled(spoken, rate, change)
    assert changed == 25
    periods = abs(len(heard) - len(spoken)) / changed / (rate / pitch)
    assert abs(periods - round(periods)) < 0.06
    assert round(periods) >= 1
    assert (len(heard) < len(spoken)) == (change is shorten)
    assert steepest(heard) <= 1.05 * steepest(spoken)
    harmonics = [sum(share_of(pitch * k, s, rate) for k in range(1, 6)) for s in (heard, spoken)]
    assert harmonics[0] > 0.96 * harmonics[1]


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency", [150.0, 440.0, 1000.0, 3000.0])
def test_a_tone_keeps_its_frequency_and_its_loudness(frequency: float, rate: int) -> None:
    time = np.arange(rate) / rate
    spoken = (8000 * np.sin(2 * np.pi * frequency * time)).astype(np.int16)
    for change in (shorten, lengthen):
        heard, changed = scaled(spoken, rate, change)
        assert changed
        assert share_of(frequency, heard, rate) > 0.98
        assert steepest(heard) <= 1.1 * steepest(spoken)
        block = rate // 50
        blocks = heard[: len(heard) // block * block].astype(float).reshape(-1, block)
        energies = np.mean(blocks**2, axis=1)
        if frequency >= 440.0:
            assert energies.min() > 0.7 * energies.max()


@given(
    seed=st.integers(0, 1000),
    level=st.floats(-60.0, -6.0),
    frames=st.sampled_from([80, 160, 240, 320, 480, 960]),
    most=st.floats(0.0, 0.02),
)
@at_most(50)
def test_whatever_it_is_both_ends_stay_and_no_more_than_asked_is_cut(
    seed: int, level: float, frames: int, most: float
) -> None:
    samples = noise(frames / 8000, rate=8000, level=level, seed=seed)
    shorter = shorten(samples, 8000, most=most, alike=QUIET_ALIKE)
    longer = lengthen(samples, 8000)
    assert 0 <= len(samples) - len(shorter) <= min(most, 0.015) * 8000
    assert 0 <= len(longer) - len(samples) <= 0.015 * 8000
    for changed in (shorter, longer):
        assert changed.dtype == np.int16
        assert abs(int(changed[0]) - int(samples[0])) <= 1
        assert abs(int(changed[-1]) - int(samples[-1])) <= 1
        assert np.abs(changed).max() <= np.abs(samples).max()


def test_what_has_no_pitch_is_left_alone_in_speech_and_cut_where_it_is_quiet() -> None:
    hiss = noise(0.02, rate=8000, level=-30.0)
    assert shorten(hiss, 8000) is hiss
    assert len(shorten(hiss, 8000, alike=QUIET_ALIKE)) < 160


def test_silence_may_be_cut_and_a_frame_too_short_may_not() -> None:
    assert len(shorten(silence(160), 8000, alike=QUIET_ALIKE)) < 160
    assert len(shorten(vowel(0.005, rate=8000), 8000)) == 40
    assert len(lengthen(vowel(0.005, rate=8000), 8000)) == 40
