"""The pitch period of a piece of speech: where it resembles itself."""

import numpy as np
import numpy.typing as npt

Wide = npt.NDArray[np.float32]
"""Samples with room for sums."""


def pitch_period(samples: Wide, shortest: int, longest: int) -> tuple[int, float]:
    """The lag from `shortest` to `longest` with the highest normalised correlation, and that.

    Lags are in samples, and smaller than their number; 1 is a perfect repetition.
    """
    size = len(samples)
    padded = np.zeros(size + longest - shortest, np.float32)
    padded[: size - shortest] = samples[shortest:]
    products = np.correlate(padded, samples, "valid")
    sums = np.concatenate((np.zeros(1, np.float32), np.cumsum(samples * samples)))
    lags = np.arange(shortest, longest + 1)
    likeness = products / np.sqrt(sums[size - lags] * (sums[size] - sums[lags]) + 1.0)
    best = int(np.argmax(likeness))
    return shortest + best, float(likeness[best])
