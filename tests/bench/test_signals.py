"""Signals that codecs and voice activity detection have to take for what they stand for."""

import numpy as np
import pytest

from audiocodecs.frames import audio_level
from gateway.bench.signals import noise, speech


def levels(samples: np.ndarray, rate: int) -> list[int]:
    return [audio_level(frame) for frame in samples.reshape(-1, rate // 50)]


@pytest.mark.parametrize("rate", [8000, 48000])
def test_speech_is_as_loud_as_on_the_telephone_and_does_not_clip(rate: int) -> None:
    said = speech(1, 2.0, rate=rate)
    assert len(said) == 2 * rate
    assert audio_level(said) == pytest.approx(26, abs=1)
    assert np.abs(said).max() < 32767


def test_nobody_pauses_longer_than_between_words() -> None:
    quiet, longest = 0, 0
    for level in levels(speech(2, 6.0, rate=8000), 8000):
        quiet = quiet + 1 if level > 40 else 0
        longest = max(longest, quiet)
    assert 0 < longest <= 10  # frames of 20 ms


def test_a_voice_is_the_same_every_time_and_another_for_each_seed() -> None:
    assert np.array_equal(speech(3, 1.0, rate=8000), speech(3, 1.0, rate=8000))
    assert not np.array_equal(speech(3, 1.0, rate=8000), speech(4, 1.0, rate=8000))


def test_a_voice_is_mostly_below_four_kilohertz() -> None:
    spectrum = np.abs(np.fft.rfft(speech(5, 2.0, rate=48000))) ** 2
    assert spectrum[: 2 * 4000].sum() > 0.9 * spectrum.sum()


def test_noise_is_evenly_quiet() -> None:
    said = levels(noise(1, 1.0, rate=8000, level=-60.0), 8000)
    assert min(said) >= 58
    assert max(said) <= 62
