"""How clean is a tone that has been through something?"""

import numpy as np

from audiocodecs.frames import Samples


def fitted(samples: Samples, frequency: float, rate: int) -> tuple[float, float]:
    """The amplitude of a steady sine of that frequency, and its ratio to all else in dB."""
    time = np.arange(len(samples)) / rate
    basis = np.column_stack(
        (np.sin(2 * np.pi * frequency * time), np.cos(2 * np.pi * frequency * time))
    )
    wave = samples.astype(np.float64)
    parts, *_ = np.linalg.lstsq(basis, wave, rcond=None)
    rest = float(np.sum((wave - basis @ parts) ** 2)) + 1e-9
    power = float(np.sum((basis @ parts) ** 2))
    return float(np.hypot(*parts)), 10 * float(np.log10(power / rest))
