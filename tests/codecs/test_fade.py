import numpy as np
import pytest

from audiocodecs.fade import Switch, cross_fade, fade_in, fade_out
from audiocodecs.frames import Samples, silence

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


@pytest.mark.parametrize("on_first", [True, False])
def test_switching_a_sound_on_or_off_makes_no_click(on_first: bool) -> None:
    spoken = sine(20 * FRAME).reshape(-1, FRAME)
    switch = Switch(is_on=on_first)
    states = [(number < 10) == on_first for number in range(20)]
    heard = np.concatenate(
        [switch.pass_on(f, is_on=on) for f, on in zip(spoken, states, strict=True)]
    )
    hard = np.concatenate([f if on else f * 0 for f, on in zip(spoken, states, strict=True)])
    assert click(heard) < click(hard) - 20
    assert click(heard) < -60


def test_what_is_on_passes_unchanged_and_what_is_off_is_silent() -> None:
    switch = Switch(is_on=True)
    frame = sine(FRAME)
    assert switch.pass_on(frame, is_on=True) is frame
    switch.pass_on(frame, is_on=False)
    assert not switch.pass_on(frame, is_on=False).any()


def test_a_fade_may_be_shorter_than_the_frame() -> None:
    frame = np.full(FRAME, 1000, np.int16)
    rising, falling = fade_in(frame, 40), fade_out(frame, 40)
    assert abs(rising[0]) < 10 and (rising[40:] == 1000).all()
    assert falling[0] > 990 and not falling[40:].any()
    assert (np.diff(rising) >= 0).all() and (np.diff(falling) <= 0).all()
    assert frame.tolist() == [1000] * FRAME


def test_a_cross_fade_of_a_sound_with_itself_is_that_sound() -> None:
    assert np.abs(cross_fade(sine(FRAME), sine(FRAME)) - sine(FRAME)).max() <= 1
    assert cross_fade(sine(FRAME), silence(FRAME)).tolist() == fade_out(sine(FRAME)).tolist()
