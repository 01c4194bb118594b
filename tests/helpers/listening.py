"""Ears for tests: which frequencies are in these samples?"""

import numpy as np

from audiocodecs.frames import Samples


def share_of(frequency: float, samples: Samples, rate: int) -> float:
    """The share (0..1) of the signal's energy within 30 Hz of `frequency`."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(len(samples)))) ** 2
    bins = np.fft.rfftfreq(len(samples), 1 / rate)
    total = float(spectrum.sum())
    return float(spectrum[np.abs(bins - frequency) <= 30.0].sum()) / total if total else 0.0
