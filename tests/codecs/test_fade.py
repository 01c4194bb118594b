from collections.abc import Callable

import numpy as np
import pytest

from audiocodecs.fade import fade_in, fade_out, scaled
from audiocodecs.frames import Samples

RATE = 8000
FRAME = 160


def sine(count: int, frequency: float = 400.0) -> Samples:
    return (16000 * np.sin(2 * np.pi * frequency * np.arange(count) / RATE + 1.0)).astype(np.int16)


def click(samples: Samples, frequency: float = 400.0) -> float:
    """The energy further than 600 Hz from a sine, in dB below the sine's."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    bins = np.fft.rfftfreq(len(samples), 1 / RATE)
    far = spectrum[np.abs(bins - frequency) > 600].sum()
    return float(10 * np.log10(far / spectrum.sum()))


@pytest.mark.parametrize("fade", [fade_in, fade_out])
def test_a_sound_that_begins_or_ends_with_a_fade_makes_no_click(
    fade: Callable[[Samples], Samples],
) -> None:
    spoken = sine(20 * FRAME).reshape(-1, FRAME)
    heard, hard = spoken.copy(), spoken.copy()
    silent = slice(0, 10) if fade is fade_in else slice(11, 20)
    heard[silent] = hard[silent] = 0
    heard[10] = fade(spoken[10])
    assert click(heard.ravel()) < click(hard.ravel()) - 20
    assert click(heard.ravel()) < -60


def test_a_fade_may_be_shorter_than_the_frame() -> None:
    frame = np.full(FRAME, 1000, np.int16)
    rising, falling = fade_in(frame, 40), fade_out(frame, 40)
    assert abs(rising[0]) < 10 and (rising[40:] == 1000).all()
    assert falling[0] > 990 and not falling[40:].any()
    assert (np.diff(rising) >= 0).all() and (np.diff(falling) <= 0).all()
    assert frame.tolist() == [1000] * FRAME


def test_a_gain_goes_straight_from_one_value_to_the_other() -> None:
    frame = np.full(FRAME, 1000, np.int16)
    louder = scaled(frame, 1.0, 2.0)
    assert np.allclose(np.diff(louder), 1000 / FRAME, atol=0.01)
    assert (louder[0] - 1000, louder[-1]) == (pytest.approx(1000 / FRAME), 2000)
    assert (scaled(frame, 0.5, 0.5) == 500).all()
