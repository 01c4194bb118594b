"""Ears for tests: which frequencies are in these samples?"""

import numpy as np

from audiocodecs.frames import Samples
from gateway.lab.listening import listen_for


def share_of(frequency: float, samples: Samples, rate: int) -> float:
    """The share (0..1) of the signal's energy within 30 Hz of `frequency`."""
    spectrum = np.abs(np.fft.rfft(samples.astype(np.float64) * np.hanning(len(samples)))) ** 2
    bins = np.fft.rfftfreq(len(samples), 1 / rate)
    total = float(spectrum.sum())
    return float(spectrum[np.abs(bins - frequency) <= 30.0].sum()) / total if total else 0.0


def sounds_in(frequency: float, samples: Samples, rate: int) -> bool:
    """Whether a tone is there for a moment, a beep for instance: in any quarter of a second."""
    piece = rate // 4
    pieces = (samples[at : at + piece] for at in range(0, len(samples), piece // 2))
    return any(listen_for(frequency, each, rate).is_present for each in pieces)
