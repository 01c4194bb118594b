"""Tones as samples: what callers hear without words, and what tests speak with."""

from collections.abc import Sequence

import numpy as np

from audiocodecs.frames import Samples, silence

ROWS = (697.0, 770.0, 852.0, 941.0)
COLUMNS = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS = ("123A", "456B", "789C", "*0#D")
_RAMP = 0.005  # seconds of fade at each end, so that a tone begins and ends without a click


def tone(
    frequencies: Sequence[float], seconds: float, *, rate: int, level: float = -16.0
) -> Samples:
    """The sum of equally loud sines, faded in and out; `level` in dB below full scale."""
    count = round(seconds * rate)
    time = np.arange(count) / rate
    wave = sum((np.sin(2 * np.pi * frequency * time) for frequency in frequencies), np.zeros(count))
    peak = 32767.0 * 10.0 ** (level / 20.0) / len(frequencies)
    ramp = np.minimum(1.0, np.minimum(time, time[::-1]) / _RAMP)
    return np.asarray(wave * ramp * peak).astype(np.int16)


def pulsed(frequency: float, *, rate: int, on: float = 0.2, off: float = 0.1) -> Samples:
    """One period of a pulsed sine: a voice for tests that voice activity detection keeps."""
    return np.concatenate((tone([frequency], on, rate=rate), silence(round(off * rate))))


def dtmf(digit: str, seconds: float, *, rate: int) -> Samples:
    """A key's two tones together (ITU-T Q.23). ValueError: there is no such key."""
    for row, keys in zip(ROWS, KEYS, strict=True):
        if len(digit) == 1 and digit in keys:
            return tone([row, COLUMNS[keys.index(digit)]], seconds, rate=rate, level=-8.0)
    raise ValueError(f"there is no key {digit!r}")


def waiting(rate: int) -> Samples:
    """One period of "you are alone, others will come": two soft beeps, then quiet."""
    beep = tone([425.0], 0.15, rate=rate, level=-24.0)
    return np.concatenate((beep, silence(rate // 5), beep, silence(rate * 7 // 2)))


def repairing(rate: int) -> Samples:
    """One period of "please hold on, this is being repaired": a soft tick, then quiet."""
    tick = tone([350.0], 0.06, rate=rate, level=-28.0)
    return np.concatenate((tick, silence(round(rate * 0.94))))


def asking(rate: int) -> Samples:
    """One period of "please type, and then press #": two quick beeps, then time to do so."""
    return np.concatenate((beeps(660.0, 660.0, rate=rate), silence(rate * 5 // 2)))


def beeps(*frequencies: float, rate: int) -> Samples:
    """Short beeps, one after the other: the answer to a key."""
    gap = silence(round(rate * 0.03))
    parts = [(tone([frequency], 0.12, rate=rate, level=-18.0), gap) for frequency in frequencies]
    return np.concatenate([part for pair in parts for part in pair])


def congestion(rate: int) -> Samples:
    """The fast busy signal (ITU-T E.180 congestion), three seconds of it."""
    beat = tone([425.0], 0.25, rate=rate, level=-18.0)
    return np.tile(np.concatenate((beat, silence(rate // 4))), 6)
