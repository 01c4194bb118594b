"""Fades without a click, for what begins or ends in the middle of a sound: a raised cosine."""

from functools import cache

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples, silence


@cache
def rise(count: int) -> npt.NDArray[np.float32]:
    """Gains from 0 to 1 over `count` samples."""
    gains = 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)
    gains.flags.writeable = False
    return gains.astype(np.float32)


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


def cross_fade(before: Samples, after: Samples) -> Samples:
    """From one frame to another of the same length."""
    gains = rise(len(before))
    return np.rint(before + (after.astype(np.float32) - before) * gains).astype(np.int16)


class Switch:
    """Lets the frames of one sound through or not, with a fade of one frame in between."""

    def __init__(self, *, is_on: bool = False) -> None:
        self.is_on = is_on

    def pass_on(self, samples: Samples, *, is_on: bool) -> Samples:
        """The next frame: as it is, faded, or silence."""
        was_on, self.is_on = self.is_on, is_on
        if is_on:
            return samples if was_on else fade_in(samples)
        return fade_out(samples) if was_on else silence(len(samples))
