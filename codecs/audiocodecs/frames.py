"""The one shape audio has here: mono, signed 16 bits, any rate."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]
"""A one-dimensional array of int16 samples; its rate is known from context."""

SILENCE_LEVEL = 127
"""The audio level of digital silence (RFC 6464 section 3)."""


_FULL_SCALE = 20.0 * math.log10(32767.0)


def silence(count: int) -> Samples:
    """`count` samples of digital silence."""
    return np.zeros(count, np.int16)


def audio_level(samples: Samples) -> int:
    """The level of a frame as RFC 6464 wants it: 0 (overload) to 127 (silence), in -dBov.

    The reference is the power of a full-scale square wave (RFC 6465 appendix A).
    """
    if not len(samples):
        return SILENCE_LEVEL
    wide = samples.astype(np.float32)
    return _level(float(np.dot(wide, wide)) / len(wide))


def audio_levels(frames: Sequence[Samples]) -> list[int]:
    """The level of each of some frames of one length, at the cost of little more than one."""
    size = len(frames[0])
    wide = np.concatenate(frames, dtype=np.float32).reshape(-1, size)
    return [_level(energy / size) for energy in np.einsum("ij,ij->i", wide, wide).tolist()]


def _level(mean_square: float) -> int:
    if mean_square < 1.0:
        return SILENCE_LEVEL
    level = round(_FULL_SCALE - 10.0 * math.log10(mean_square))
    return min(max(level, 0), SILENCE_LEVEL)
