"""A frame made shorter or longer by one pitch period, so that nobody hears it (WSOLA).

The lag at which the frame resembles itself most is taken out, or put in once more; the parts are
cross-faded over all of their overlap. The first and the last samples stay what they were, so the
frame still fits between its neighbours.
"""

import numpy as np

from audiocodecs.frames import Samples
from audiocodecs.pitch import Wide, pitch_period

VOICED_ALIKE = 0.9
"""The correlation from which on a cut in speech is not heard."""

QUIET_ALIKE = -1.0
"""Where it is quiet, any place is good enough for a cut."""

_SHORTEST_PERIOD = 0.0025  # seconds: 400 Hz
_LONGEST_PERIOD = 0.015  # 66 Hz
_LEAST_OVERLAP = 0.005  # to compare, and to fade over
_WINDOW = 0.030  # of a long frame only the beginning is looked at


def shorten(
    samples: Samples, rate: int, *, most: float = _LONGEST_PERIOD, alike: float = VOICED_ALIKE
) -> Samples:
    """The frame without one pitch period of at most `most` seconds.

    It comes back as it is if no period of it resembles the next by a correlation of `alike`.
    """
    window = _window(samples, rate)
    period = _period(window, rate, most, alike)
    if not period:
        return samples
    rest = len(window) - period
    faded = _cross_fade(window[:rest], window[period:])
    return np.concatenate((faded, samples[len(window) :]))


def lengthen(samples: Samples, rate: int, *, alike: float = QUIET_ALIKE) -> Samples:
    """The frame with one pitch period twice; as it is if none is as `alike` as that."""
    window = _window(samples, rate)
    period = _period(window, rate, _LONGEST_PERIOD, alike)
    if not period:
        return samples
    rest = len(window) - period
    faded = _cross_fade(window[period:], window[:rest])
    return np.concatenate((samples[:period], faded, samples[rest:]))


def _window(samples: Samples, rate: int) -> Wide:
    return samples[: round(_WINDOW * rate)].astype(np.float32)


def _period(window: Wide, rate: int, most: float, alike: float) -> int:
    """The lag, in samples, at which the window resembles itself most; 0 if it does not enough."""
    shortest = round(_SHORTEST_PERIOD * rate)
    longest = min(
        int(min(most, _LONGEST_PERIOD) * rate), len(window) - round(_LEAST_OVERLAP * rate)
    )
    if longest < shortest:
        return 0
    period, likeness = pitch_period(window, shortest, longest)
    return period if likeness >= alike else 0


def _cross_fade(before: Wide, after: Wide) -> Samples:
    ramp = np.linspace(0.0, 1.0, len(before), dtype=np.float32)
    return np.rint(before + (after - before) * ramp).astype(np.int16)
