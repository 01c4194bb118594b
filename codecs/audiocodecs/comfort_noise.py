"""Comfort noise (RFC 3389): what a silence sounds like, in a payload, and noise that is like it.

A payload has the level and, perhaps, the spectrum as reflection coefficients. RFC 3389 leaves their
sign to the reader; FFmpeg and libwebrtc agree on one, which is taken here: the first is negative
where low frequencies are stronger.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import SILENCE_LEVEL, Samples

_Wide = npt.NDArray[np.float64]

_FULL_SCALE = 32767.0
_QUANTUM = 258 / 32768  # of a reflection coefficient (section 3.2)
_MOST_REFLECTIONS = 12  # more would shape nothing that is heard
_SETTLED = 256  # samples after which the shape of a spectrum is over
_GENTLE = (-0.6,)  # without a spectrum: softer than white noise, as rooms and lines are


@dataclass(frozen=True, slots=True)
class ComfortNoise:
    """A silence: its level in -dBov (0 to 127, as of RFC 6464), its reflection coefficients."""

    level: int
    reflections: tuple[float, ...] = ()

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read a payload (section 3). ValueError: it is empty."""
        if not payload:
            raise ValueError("comfort noise without a level")
        reflections = tuple((min(octet, 254) - 127) * _QUANTUM for octet in payload[1:])
        return cls(payload[0] & 0x7F, reflections)

    def serialize(self) -> bytes:
        """The payload."""
        octets = (round(reflection / _QUANTUM) + 127 for reflection in self.reflections)
        return bytes((self.level, *octets))


class NoiseGenerator:
    """Makes the noise of one stream, at any rate; `seed` makes it the same again."""

    def __init__(self, noise: ComfortNoise, seed: int) -> None:
        self._dice = np.random.default_rng(seed)
        self._memory: _Wide = np.zeros(_SETTLED - 1)
        self.noise = noise

    @property
    def noise(self) -> ComfortNoise:
        """What it sounds like; set it when the next payload comes."""
        return self._noise

    @noise.setter
    def noise(self, noise: ComfortNoise) -> None:
        self._noise = noise
        self._shape = _shape(noise)

    def generate(self, count: int) -> Samples:
        """The next `count` samples; `SILENCE_LEVEL` is digital silence."""
        excited = np.concatenate((self._memory, self._dice.standard_normal(count)))
        self._memory = excited[count:]
        wave = np.convolve(excited, self._shape, mode="valid")
        return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)


def _shape(noise: ComfortNoise) -> _Wide:
    """The filter that makes noise of this level and spectrum of white noise of power 1."""
    if noise.level >= SILENCE_LEVEL:
        return np.zeros(_SETTLED)
    response = _response((noise.reflections or _GENTLE)[:_MOST_REFLECTIONS])
    wanted = _FULL_SCALE * 10.0 ** (-noise.level / 20.0)
    return np.asarray(response * (wanted / np.sqrt(np.dot(response, response))))


def _response(reflections: tuple[float, ...]) -> _Wide:
    """The impulse response of the all-pole filter with these coefficients, all within -1 to 1."""
    predictor: _Wide = np.ones(1)
    for reflection in reflections:  # the step-up recursion
        padded = np.append(predictor, 0.0)
        predictor = padded + reflection * padded[::-1]
    spectrum = np.fft.rfft(predictor, 2 * _SETTLED)
    return np.asarray(np.fft.irfft(1.0 / spectrum)[:_SETTLED])
