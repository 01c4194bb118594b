"""Signals that have of speech what tests need: pitch, syllables and pauses; and noise."""

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples

_FULL_SCALE = 32767.0
_HARMONICS = [*(np.exp(1j * k * k) / k for k in range(11, 0, -1)), 0.0]  # the highest first


def amplitude(level: float) -> float:
    """The root mean square, in sample steps, of a signal at `level` dBov (0 is a full square)."""
    return float(_FULL_SCALE * 10.0 ** (level / 20.0))


def vowel(seconds: float, *, rate: int, pitch: float = 125.0, level: float = -20.0) -> Samples:
    """A steady voiced sound: harmonics of `pitch` up to 3.4 kHz, falling as a vowel's do."""
    time = np.arange(round(seconds * rate)) / rate
    harmonics = range(1, int(3400 / pitch) + 1)
    wave = sum((np.sin(2 * np.pi * pitch * k * time + k * k) / k for k in harmonics), 0.0 * time)
    return (wave / np.sqrt(np.mean(wave**2)) * amplitude(level)).astype(np.int16)


def noise(
    seconds: float, *, rate: int, level: float, seed: int = 1, colour: float = 0.0
) -> Samples:
    """Noise at `level` dBov; `colour` from 0 (white) towards 1 (ever deeper)."""
    dice = np.random.default_rng(seed)
    white = dice.standard_normal(round(seconds * rate) + 500)
    response = colour ** np.arange(500) if colour else np.ones(1)
    wave = np.convolve(white, response)[500 : 500 + round(seconds * rate)]
    return (wave / np.std(wave) * amplitude(level)).astype(np.int16)


def speech(seconds: float, *, rate: int, level: float = -26.0, seed: int = 1) -> Samples:
    """Words with pauses between: each a soft hiss, then vowels whose pitch and loudness glide.

    `level` is that of the words, in dBov; between them there is digital silence.
    """
    dice = np.random.default_rng(seed)
    count = round(seconds * rate)
    out = np.zeros(count)
    at = round(0.5 * rate)
    while at < count:
        for _ in range(dice.integers(1, 5)):
            syllable = _syllable(dice, rate)
            room = out[at : at + len(syllable)]
            room += syllable[: len(room)]
            at += len(syllable)
        at += round(dice.uniform(0.15, 0.8) * rate)
    spoken = out[out != 0.0]
    out *= amplitude(level) / np.sqrt(np.mean(spoken**2))
    return np.clip(out, -32768, 32767).astype(np.int16)


def mixed(*signals: Samples) -> Samples:
    """Their sum, cut off where it is too loud."""
    total = np.sum([signal.astype(np.int32) for signal in signals], axis=0)
    return np.clip(total, -32768, 32767).astype(np.int16)


def _syllable(dice: np.random.Generator, rate: int) -> npt.NDArray[np.float64]:
    hiss = dice.standard_normal(round(0.06 * rate)) * 0.08
    count = round(dice.uniform(0.12, 0.3) * rate)
    pitch = dice.uniform(90.0, 220.0) * (1.0 + dice.uniform(-0.15, 0.15) * np.arange(count) / count)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    wave = np.polyval(_HARMONICS, np.exp(1j * phase)).imag
    envelope = np.sin(np.pi * np.arange(count) / count) ** 0.7
    return np.concatenate((hiss, wave * envelope * dice.uniform(0.5, 1.2)))
