"""Gains that change without a click; a raised cosine for what begins or ends in mid-sound."""

from functools import cache

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples, silence

Gains = npt.NDArray[np.float32]
"""One for each sample."""


@cache
def rise(count: int) -> Gains:
    """Gains from 0 to 1 over `count` samples."""
    steps = np.arange(count, dtype=np.float32) + 0.5
    gains: Gains = np.asarray(0.5 - 0.5 * np.cos(np.pi / count * steps), np.float32)
    gains.flags.writeable = False  # all callers share it
    return gains


@cache
def way(count: int) -> Gains:
    """How much of the way from one gain to another has been gone at each of `count` samples."""
    way: Gains = np.linspace(1.0 / count, 1.0, count, dtype=np.float32)
    way.flags.writeable = False
    return way


def scaled(
    samples: Samples | npt.NDArray[np.int32], before: float, after: float
) -> npt.NDArray[np.float32]:
    """The samples at a gain that was `before` at their beginning and is `after` at their end."""
    if before == after:
        return samples * np.float32(after)
    return samples * (np.float32(before) + np.float32(after - before) * way(len(samples)))


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
