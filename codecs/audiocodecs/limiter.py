"""Mixes kept below full scale: a gain for each listener that falls at once and returns slowly.

A frame is looked at in pieces of an eighth. At the border of two pieces the gain is what the louder
one needs, and in between it goes straight, so it fits everywhere but in the very first piece after
an onset, where what sticks out is bent over instead of cut off.
"""

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples

_FULL = 32767.0
_THRESHOLD = 0.85 * _FULL  # below, nothing is touched
_KNEE = _FULL - _THRESHOLD
_PIECES = 8
_RETURN = 1.003  # a piece of 2.5 ms: 10 dB/s, slower than syllables

Gains = npt.NDArray[np.float32]
"""One gain (0..1) for each listener, kept from frame to frame."""


def unity(listeners: int) -> Gains:
    """The gains of listeners that have heard nothing yet."""
    return np.ones(listeners, np.float32)


def fits(mixes: npt.NDArray[np.int32]) -> bool:
    """Whether none of these comes near full scale."""
    return bool(mixes.max(initial=0) <= _THRESHOLD and mixes.min(initial=0) >= -_THRESHOLD)


def limit(mixes: npt.NDArray[np.int32], gains: Gains) -> Samples:
    """(listeners, samples) of sums as int16, none of them clipped; `gains` goes on in place.

    The number of samples is a multiple of eight.
    """
    if fits(mixes) and gains.min(initial=1.0) >= 1.0:
        return mixes.astype(np.int16)
    limited = mixes.astype(np.int16)
    peaks = np.abs(mixes).max(axis=1)
    rows = np.flatnonzero((peaks > _THRESHOLD) | (gains < 1.0))
    limited[rows], gains[rows] = _limit_rows(mixes[rows].astype(np.float32), gains[rows])
    return limited


def bend(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Samples of any size, smoothly bent over where they come near full scale."""
    size = np.abs(samples)
    if size.max(initial=0.0) <= _THRESHOLD:
        return samples
    bent = _THRESHOLD + _KNEE * np.tanh((size - _THRESHOLD) / _KNEE)
    return np.where(size > _THRESHOLD, np.copysign(bent, samples), samples).astype(np.float32)


def _limit_rows(mixes: npt.NDArray[np.float32], gains: Gains) -> tuple[Samples, Gains]:
    count, size = mixes.shape
    pieces = mixes.reshape(count, _PIECES, size // _PIECES)
    peaks = np.maximum(np.abs(pieces).max(axis=2), _THRESHOLD)
    needed = _THRESHOLD / peaks
    borders = np.empty((count, _PIECES + 1), np.float32)
    borders[:, 0] = gains
    for piece in range(_PIECES):
        fits = np.minimum(needed[:, piece], needed[:, min(piece + 1, _PIECES - 1)])
        borders[:, piece + 1] = np.minimum(fits, borders[:, piece] * _RETURN)
    way = np.arange(1, size // _PIECES + 1, dtype=np.float32) / (size // _PIECES)
    step = np.diff(borders, axis=1)[:, :, None]
    loud = pieces * (borders[:, :-1, None] + step * way)
    return bend(loud).reshape(count, size).astype(np.int16), borders[:, -1]
