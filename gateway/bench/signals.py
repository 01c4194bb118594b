"""What phones and talkers say: speech-like signals made from a seed, and the noise of quiet lines.

A voice is a harmonic sound with the formants of vowels that glide into each other, in syllables
with short pauses: what codecs and voice activity detection take for speech. Nobody pauses longer
than between words, so who speaks speaks all the time.
"""

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples

_LEVEL = -26.0  # dBov of active speech (ITU-T P.56): what phone lines aim at
_FORMANTS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))
_WIDTHS = (90, 110, 170)
_HIGHEST = 7000.0  # Hz: above it voices have nothing that matters here
_CONTROL = 200  # Hz: how often gain and formants are worked out

Curve = npt.NDArray[np.float64]


def speech(seed: int, seconds: float, *, rate: int) -> Samples:
    """A loop of speech at `rate` Hz; the same every time for a seed."""
    dice = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    coarse = np.arange(round(seconds * _CONTROL) + 1) / _CONTROL
    pitch = dice.uniform(95, 210) * (1 + 0.08 * np.sin(2 * np.pi * dice.uniform(0.3, 0.6) * coarse))
    gains, formants = _syllables(dice, coarse)
    turn = np.exp(2j * np.pi * np.cumsum(np.interp(time, coarse, pitch)) / rate)
    tone, wave = np.ones(len(time), np.complex128), np.zeros(len(time))
    for harmonic in range(1, int(min(_HIGHEST, rate / 2) / pitch.max())):
        tone *= turn
        amplitude = gains * _envelope(harmonic * pitch, formants)
        wave += np.interp(time, coarse, amplitude) * tone.imag
    wave += 0.01 * np.abs(wave).max() * dice.standard_normal(len(time))
    return _at_level(wave, _LEVEL)


def noise(seed: int, seconds: float, *, rate: int, level: float) -> Samples:
    """Nobody speaks: white noise at `level` dBov."""
    wave = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return _at_level(wave, level)


def _syllables(dice: np.random.Generator, time: Curve) -> tuple[Curve, list[Curve]]:
    """The gain and the three formants at each moment of `time`."""
    gains, vowels, at, number = [(0.0, 0.03)], [], 0.0, 0
    while at < time[-1]:
        length, pause = dice.uniform(0.12, 0.28), dice.uniform(0.02, 0.05)
        if number % 5 == 4:
            pause = dice.uniform(0.08, 0.14)  # between words
        loud = dice.uniform(0.5, 1.0)
        gains += [(at + 0.03, loud), (at + length - 0.04, 0.8 * loud), (at + length, 0.03)]
        gains.append((at + length + pause, 0.03))
        vowels.append((at + length / 2, *_FORMANTS[dice.integers(len(_FORMANTS))]))
        at, number = at + length + pause, number + 1
    curve, glide = np.array(gains), np.array(vowels, np.float64)
    formants = [np.interp(time, glide[:, 0], glide[:, each]) for each in (1, 2, 3)]
    return np.interp(time, curve[:, 0], curve[:, 1]), formants


def _envelope(frequency: Curve, formants: list[Curve]) -> Curve:
    """How loud a harmonic of this frequency is: near formants, and falling 6 dB an octave."""
    resonance = np.full(len(frequency), 0.02)
    for formant, width in zip(formants, _WIDTHS, strict=True):
        resonance += 1.0 / (1.0 + ((frequency - formant) / width) ** 2)
    return resonance * 150.0 / frequency


def _at_level(wave: Curve, level: float) -> Samples:
    loudness = float(np.sqrt(np.mean(wave**2)))
    scaled = wave * (32767.0 * 10.0 ** (level / 20.0) / loudness)
    return np.asarray(np.clip(scaled, -32767, 32767)).astype(np.int16)
