"""Automatic gain for lines that come in far too quiet or too loud; others it leaves alone.

Only speech moves it, a few decibels a second, and never its pauses: so the noise between the words
does not swell. Noise is never made louder than is bearable.
"""

import math

import numpy as np

from audiocodecs.fade import scaled
from audiocodecs.frames import Samples
from audiocodecs.limiter import bend

_SOFTEST, _LOUDEST = 26.0, 20.0  # -dBov: speech between these is as it should be
_MOST, _LEAST = 15.0, -12.0  # dB of gain
_WORTH_IT = 1.5  # dB: for less nobody begins
_UP, _DOWN = 0.06, 0.12  # dB a frame of speech: 3 and 6 dB/s
_MEMORY = 0.02  # of a new frame in the speech level: a second of speech
_PAUSE = 15.0  # dB below the speech level: frames as soft as this are between words
_FORGETTING = 0.995  # a frame between words: what was heard first may have been a click
_FIRST = 25  # frames of speech before anything is done: half a second
_NOISE = 45.0  # -dBov: noise is not raised above


class GainControl:
    """The gain of one line of 20 ms frames."""

    def __init__(self) -> None:
        self.gain = 0.0  # dB
        self._power = 0.0  # of speech, relative to full scale
        self._heard = 0
        self._factor = 1.0

    def apply(self, samples: Samples, level: int, noise: float, *, is_speech: bool) -> Samples:
        """The frame at the gain of the moment.

        `level` is the frame's and `noise` the line's, in -dBov; `is_speech` says that the frame
        stands out from the noise.
        """
        if is_speech and self._is_word(level) and self._heard >= _FIRST:
            self._move(noise)
        before, self._factor = self._factor, math.pow(10.0, self.gain / 20.0)
        if before == self._factor == 1.0:
            return samples
        return bend(scaled(samples, before, self._factor)).astype(np.int16)

    def _is_word(self, level: int) -> bool:
        """Whether the frame is not between words; if so, it counts for the speech level."""
        power = 10.0 ** (-level / 10.0)
        if power < self._power * 10.0 ** (-_PAUSE / 10.0):
            self._power *= _FORGETTING
            return False
        self._heard += 1
        self._power += max(_MEMORY, 1.0 / self._heard) * (power - self._power)
        return True

    def _move(self, noise: float) -> None:
        level = -10.0 * math.log10(self._power)
        wanted = max(level - _SOFTEST, 0.0) + min(level - _LOUDEST, 0.0)
        wanted = min(max(wanted, _LEAST), _MOST, max(noise - _NOISE, 0.0))
        if self.gain == 0.0 and abs(wanted) < _WORTH_IT:
            return
        self.gain += min(max(wanted - self.gain, -_DOWN), _UP)
