"""Recordings that go round and round: their end leads into their beginning without a click."""

import numpy as np

from audiocodecs.fade import rise
from audiocodecs.frames import Samples

SEAM = 0.04
"""Seconds in which the end fades away under the beginning."""


def looped(samples: Samples, rate: int) -> Samples:
    """The samples to be played round and round: shorter by the seam."""
    count = min(round(SEAM * rate), len(samples) // 2)
    turn = samples[: len(samples) - count].copy()
    if count:
        gains, end = rise(count), samples[-count:]
        turn[:count] = np.rint(turn[:count] * gains + end * gains[::-1]).astype(np.int16)
    return turn


def with_seam(turn: Samples, rate: int) -> Samples:
    """What `looped` makes into this turn again: its beginning is at its end as well."""
    return np.concatenate((turn, turn[: round(SEAM * rate)]))
