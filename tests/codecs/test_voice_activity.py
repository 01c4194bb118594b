from collections.abc import Iterable

import numpy as np
import pytest

from audiocodecs.frames import SILENCE_LEVEL, Samples, audio_level
from audiocodecs.voice_activity import VoiceActivity
from tests.helpers.voices import mixed, noise, speech

RATE = 8000
FRAME = 160


def levels(samples: Samples) -> list[int]:
    return [audio_level(frame) for frame in samples.reshape(-1, FRAME)]


def decisions(levels: Iterable[int]) -> np.ndarray:
    activity = VoiceActivity()
    return np.array([activity.update(level) for level in levels])


def energies(samples: Samples) -> np.ndarray:
    return np.mean(samples.reshape(-1, FRAME).astype(float) ** 2, axis=1)


@pytest.mark.parametrize("colour", [0.0, 0.9])
@pytest.mark.parametrize("ratio", [25, 15, 10])
@pytest.mark.parametrize("seed", [1, 2])
def test_words_are_heard_in_noise_and_the_noise_is_not(
    seed: int, ratio: int, colour: float
) -> None:
    words = speech(30, rate=RATE, level=-26.0, seed=seed)
    words[: 10 * RATE] = words[20 * RATE : 25 * RATE] = 0
    heard = decisions(
        levels(mixed(words, noise(30, rate=RATE, level=-26.0 - ratio, seed=seed, colour=colour)))
    )
    energy = energies(words)
    assert energy[~heard].sum() < 0.01 * energy.sum()
    assert heard[400:499].mean() < 0.1  # once the line is known
    assert heard[1050:1249].mean() < 0.2


def test_at_five_decibels_hardly_a_word_is_missed() -> None:
    words = speech(30, rate=RATE, level=-26.0)
    heard = decisions(levels(mixed(words, noise(30, rate=RATE, level=-31.0))))
    energy = energies(words)
    assert energy[~heard].sum() < 0.05 * energy.sum()


def test_a_quiet_speaker_on_a_clean_line_is_heard() -> None:
    words = speech(10, rate=RATE, level=-52.0)
    energy = energies(words)
    assert energy[~decisions(levels(words))].sum() < 0.02 * energy.sum()


def test_the_first_loud_frame_is_active_at_once_and_the_word_keeps_its_end() -> None:
    heard = decisions([60] * 300 + [30] * 10 + [60] * 50)
    assert not heard[250:300].any()
    assert heard[300 : 310 + 25].all()
    assert not heard[336:].any()


def test_a_click_holds_for_less_than_a_word() -> None:
    heard = decisions([60] * 300 + [30] + [60] * 50)
    assert heard[300:306].all()
    assert not heard[307:].any()


def test_a_word_of_many_seconds_does_not_become_noise() -> None:
    sung = [40 + number % 3 for number in range(200)]
    assert decisions([60] * 300 + sung)[300:].all()


def test_louder_noise_becomes_the_floor_and_softer_noise_at_once() -> None:
    activity = VoiceActivity()
    for level in [65] * 300 + [48] * 600:
        activity.update(level)
    assert not activity.is_active
    assert activity.noise == pytest.approx(48, abs=1)
    for level in [65] * 50:
        activity.update(level)
    assert activity.noise > 62


def test_loud_music_and_tones_are_never_noise() -> None:
    assert decisions([20] * 3000).all()


def test_digital_silence_is_silence() -> None:
    assert not decisions([SILENCE_LEVEL] * 100).any()
