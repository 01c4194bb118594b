"""Fades without a click, for what begins or ends in the middle of a sound: a raised cosine."""

from functools import cache

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples, silence


@cache
def rise(count: int) -> npt.NDArray[np.float32]:
    """Gains from 0 to 1 over `count` samples."""
    steps = np.arange(count, dtype=np.float32) + 0.5
    gains: npt.NDArray[np.float32] = 0.5 - 0.5 * np.cos(np.pi / count * steps)
    gains.flags.writeable = False  # all callers share it
    return gains


def fade_in(samples: Samples, count: int | None = None) -> Samples:
    """The samples, their first `count` (all of them by default) rising from silence."""
    count = len(samples) if count is None else min(count, len(samples))
    faded = samples.copy()
    faded[:count] = np.rint(samples[:count] * rise(count)).astype(np.int16)
    return faded


def fade_out(samples: Samples, count: int | None = None) -> Samples:
    """The samples, their first `count` (all of them by default) falling to silence, which stays."""
    count = len(samples) if count is None else min(count, len(samples))
    faded = silence(len(samples))
    faded[:count] = np.rint(samples[:count] * rise(count)[::-1]).astype(np.int16)
    return faded
