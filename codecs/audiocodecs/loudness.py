"""How loud speech is, and speech made as loud as other speech. No IO and no clock."""

import math

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples
from audiocodecs.limiter import bend

SPEECH = 23.0
"""The level of recorded speech, in -dBov, its pauses left out: in the middle of what `gain.py`
takes for speech that is as it should be."""

_FRAMES = 50  # a second
_PAUSE = 25.0  # dB below the loudest frame: softer frames are no speech
_FLOOR = 32767.0**2 * 10**-6.5  # -65 dBov: what is never louder is no speech at all
_EDGE = 0.02  # seconds that are left of the silence at both ends


def speech_level(samples: Samples, rate: int) -> float | None:
    """The level in -dBov of what is speech; None if there is none."""
    powers = _powers(samples, rate)
    loud = powers[_is_speech(powers)]
    if not len(loud):
        return None
    return 20 * math.log10(32767.0) - 10 * math.log10(float(loud.mean()))


def levelled(samples: Samples, rate: int, level: float = SPEECH) -> Samples:
    """The same at another level; peaks that would be clipped are bent over."""
    before = speech_level(samples, rate)
    if before is None:
        return samples
    gain = np.float32(10.0 ** ((before - level) / 20.0))
    return np.rint(bend(samples.astype(np.float32) * gain)).astype(np.int16)


def trimmed(samples: Samples, rate: int) -> Samples:
    """The samples from shortly before the first sound to shortly after the last."""
    sounding = np.flatnonzero(_powers(samples, rate) > _FLOOR)
    if not len(sounding):
        return samples[:0]
    size, edge = rate // _FRAMES, round(_EDGE * rate)
    first, last = int(sounding[0]) * size, (int(sounding[-1]) + 1) * size
    return samples[max(0, first - edge) : last + edge]


def _powers(samples: Samples, rate: int) -> npt.NDArray[np.float64]:
    """Of each 20 ms; the last may be made up with silence."""
    size = rate // _FRAMES
    padded = np.pad(samples, (0, -len(samples) % size)).reshape(-1, size)
    return np.asarray(np.mean(padded.astype(np.float64) ** 2, axis=1))


def _is_speech(powers: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    if not len(powers):
        return np.zeros(0, np.bool_)
    least = max(_FLOOR, float(powers.max()) * 10 ** (-_PAUSE / 10))
    return np.asarray(powers >= least)
