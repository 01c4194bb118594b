import numpy as np
import pytest

from audiocodecs.frames import SILENCE_LEVEL, audio_level, silence
from audiocodecs.tones import congestion, pulsed, tone, waiting
from tests.helpers.listening import share_of


def test_silence_has_the_silent_level() -> None:
    assert audio_level(silence(160)) == SILENCE_LEVEL
    assert audio_level(silence(0)) == SILENCE_LEVEL


def test_a_full_scale_square_wave_is_the_reference() -> None:
    assert audio_level(np.where(np.arange(160) % 8 < 4, 32767, -32767).astype(np.int16)) == 0


@pytest.mark.parametrize("attenuation", [6, 20, 40, 60])
def test_the_level_falls_with_the_signal(attenuation: int) -> None:
    amplitude = 32767 * 10 ** (-attenuation / 20)
    square = np.where(np.arange(160) % 8 < 4, amplitude, -amplitude).astype(np.int16)
    assert audio_level(square) == pytest.approx(attenuation, abs=1)


def test_a_tone_has_its_frequency_and_no_click_at_its_ends() -> None:
    samples = tone([620.0], 0.5, rate=8000)
    assert share_of(620.0, samples, 8000) > 0.98
    assert abs(int(samples[0])) < 50
    assert abs(int(samples[-1])) < 50


@pytest.mark.parametrize("make", [waiting, congestion])
def test_the_tones_for_callers_repeat_from_silence_to_silence(make) -> None:
    samples = make(8000)
    assert samples[0] == 0
    assert not samples[-800:].any()
    assert share_of(425.0, samples[: 8000 // 8], 8000) > 0.95


def test_a_pulsed_tone_pauses() -> None:
    samples = pulsed(500.0, rate=8000)
    assert len(samples) == 2400
    assert not samples[1600:].any()
