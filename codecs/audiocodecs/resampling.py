"""From 8 to 16 kHz and back: one linear-phase low-pass filter in two phases, frame by frame.

Flat within 0.1 dB up to 3.4 kHz, at least 50 dB down from 4 kHz on: nothing folds back into what
is heard. It delays by `DELAY`. Any number of streams is converted at once: samples are rows of
shape (..., n), and what the filter remembers of each is a row of (..., MEMORY) of its own.
"""

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples

_Wide = npt.NDArray[np.float32]

NARROW, WIDE = 8000, 16000
_TAPS = 87
_CUTOFF = 3710.0  # Hz
_BETA = 4.9  # of Kaiser's window: 50 dB
DELAY = (_TAPS - 1) / 2 / WIDE
"""Seconds by which either direction delays: 2.7 ms."""


def _low_pass() -> _Wide:
    at = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps = np.sinc(2 * _CUTOFF / WIDE * at) * np.kaiser(_TAPS, _BETA)
    return np.asarray(taps / taps.sum(), np.float32)


_FILTER = _low_pass()
# Doubling: each phase makes every second sample out of the same narrow-band ones.
_HALF = (_TAPS + 1) // 2
_PHASES = 2 * np.column_stack((_FILTER[0::2], np.append(_FILTER[1::2], np.float32(0))))[::-1]


class Doubler:
    """8 to 16 kHz for streams of shape `rows`; `memory` belongs to them."""

    def __init__(self, rows: tuple[int, ...] = ()) -> None:
        self.memory: _Wide = np.zeros((*rows, _HALF - 1), np.float32)

    def convert(self, samples: Samples) -> Samples:
        """(..., n) int16 samples at 8 kHz as (..., 2n) at 16 kHz."""
        wide = np.concatenate((self.memory, samples), axis=-1, dtype=np.float32)
        self.memory = wide[..., samples.shape[-1] :]
        windows = np.lib.stride_tricks.sliding_window_view(wide, _HALF, axis=-1)
        doubled = windows @ _PHASES
        return _rounded(doubled.reshape(*samples.shape[:-1], -1))


class Halver:
    """16 to 8 kHz for streams of shape `rows`; `memory` belongs to them."""

    def __init__(self, rows: tuple[int, ...] = ()) -> None:
        self.memory: _Wide = np.zeros((*rows, _TAPS - 1), np.float32)

    def convert(self, samples: Samples) -> Samples:
        """(..., 2n) int16 samples at 16 kHz as (..., n) at 8 kHz."""
        wide = np.concatenate((self.memory, samples), axis=-1, dtype=np.float32)
        self.memory = wide[..., samples.shape[-1] :]
        windows = np.lib.stride_tricks.sliding_window_view(wide, _TAPS, axis=-1)[..., ::2, :]
        return _rounded(windows @ _FILTER)  # symmetric: it need not be reversed


def narrowed(samples: Samples) -> Samples:
    """A whole recording at 16 kHz, at 8 kHz: nothing of it is cut off, and nothing delayed."""
    late = _TAPS // 2  # in samples at 16 kHz, and odd: one in front makes it even
    padded = np.pad(samples, (1, late + len(samples) % 2))
    return Halver().convert(padded)[(late + 1) // 2 :]


def widened(samples: Samples) -> Samples:
    """A whole recording at 8 kHz, at 16 kHz: nothing of it is cut off, and nothing delayed."""
    late = _TAPS // 2  # in samples at 16 kHz
    padded = np.pad(samples, (0, (late + 1) // 2))
    return Doubler().convert(padded)[late : late + 2 * len(samples)]


def converter(source: int, target: int) -> Doubler | Halver | None:
    """What makes samples at `target` Hz of those of one stream at `source`; None: nothing need."""
    match source, target:
        case (8000, 16000):
            return Doubler()
        case (16000, 8000):
            return Halver()
    assert source == target, f"{source} Hz cannot become {target} Hz"
    return None


def _rounded(samples: _Wide) -> Samples:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
