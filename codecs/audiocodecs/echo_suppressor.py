"""Echo of the conference from a phone's line, made softer: a suppressor, no canceller.

Only levels are looked at. How long the echo takes, and how much softer it is, shows where the
line's level follows what was played a while ago; until that is sure nothing is touched. Then, while
something is played, what is no louder than its echo would be is attenuated; whoever talks over it
stands out, and passes.
"""

import math
from collections import deque
from itertools import islice

import numpy as np

from audiocodecs.fade import scaled
from audiocodecs.frames import SILENCE_LEVEL, Samples

_MEMORY = 75  # frames: what is compared, 1.5 s
_LONGEST = 25  # frames that an echo may take: half a second
_EVERY = 25  # frames from one comparison to the next
_SURE = 3  # comparisons in a row that have to agree: one may be chance
_ALIKE = 0.8  # the correlation of levels from which on it is an echo
_VARIED = 3.0  # dB: levels that change less tell nothing
_FLOOR = 60.0  # -dBov: softer than this nothing is compared
_PLAYED = 50  # -dBov: what is played softer than this leaves no echo to be heard
_LOSS = 20.0  # dB between what is played and its echo, until it is known
_LEAST_LOSS = 4.0  # what is as loud as that is somebody
_MOST_LOSS = 40.0
_LEARNING = 0.5  # of a new comparison in the loss
_SLACK = 2  # frames by which an echo is smeared
_EXCESS = 6.0  # dB by which a voice stands out from the echo
_ATTENUATION = 20.0  # dB
_RELEASE = 5.0  # dB a frame, when there is no echo any more
_HOLD = 5  # frames: syllables of an echo are not let through one by one


class EchoSuppressor:
    """The echo suppressor of one line; call `played` and `apply` once for each 20 ms."""

    def __init__(self) -> None:
        self.delay: int | None = None  # frames that the echo takes; None: none was found yet
        self.loss = _LOSS
        self._found: deque[int] = deque(maxlen=_SURE)
        self._far: deque[int] = deque([SILENCE_LEVEL], maxlen=_MEMORY + _LONGEST)
        self._near: deque[int] = deque(maxlen=_MEMORY)
        self._until_comparison = _EVERY
        self._hold = 0
        self._attenuation = 0.0  # dB
        self._factor = 1.0

    @property
    def is_suppressing(self) -> bool:
        """Whether what comes is taken for an echo."""
        return self._attenuation > 0.0

    def played(self, level: int) -> None:
        """The level, in -dBov, of the frame that the phone is played now."""
        self._far.append(level)

    def apply(self, samples: Samples, level: int) -> Samples:
        """A frame from the phone, of this level, with less of what it was played."""
        self._near.append(level)
        self._until_comparison -= 1
        if self._until_comparison <= 0:
            self._until_comparison = _EVERY
            self._compare()
        self._decide(level)
        before, self._factor = self._factor, math.pow(10.0, -self._attenuation / 20.0)
        if before == self._factor == 1.0:
            return samples
        return scaled(samples, before, self._factor).astype(np.int16)

    def _decide(self, level: int) -> None:
        loudest = self._loudest_played()
        if loudest <= _PLAYED and level >= loudest + self.loss - _EXCESS:
            self._hold = _HOLD
            self._attenuation = _ATTENUATION
        elif loudest <= _PLAYED and level < loudest + self.loss - 2 * _EXCESS:
            self._hold = 0  # somebody talks: at once
            self._attenuation = 0.0
        elif self._hold:
            self._hold -= 1
        else:
            self._attenuation = max(self._attenuation - _RELEASE, 0.0)

    def _loudest_played(self) -> int:
        """What may be heard back now, of all that was played."""
        if self.delay is None:
            return SILENCE_LEVEL
        first, last = max(self.delay - _SLACK, 0), self.delay + _SLACK + 1
        return min(islice(reversed(self._far), first, last), default=SILENCE_LEVEL)

    def _compare(self) -> None:
        """Where the line's level follows what was played, learn after how long and how softly."""
        if len(self._far) < _MEMORY + _LONGEST or len(self._near) < _MEMORY:
            return
        far = np.minimum(np.array(self._far, np.float32), _FLOOR)
        near = np.minimum(np.array(self._near, np.float32), _FLOOR)
        near_part = near - near.mean()
        windows = np.lib.stride_tricks.sliding_window_view(far, _MEMORY)  # row i: delay longest - i
        parts = windows - windows.mean(axis=1, keepdims=True)
        spreads = np.sqrt(np.mean(parts**2, axis=1))
        spread = float(np.sqrt(np.mean(near_part**2)))
        if spread < _VARIED:
            return
        likeness = (parts @ near_part) / (_MEMORY * spread * np.maximum(spreads, _VARIED))
        best = int(np.argmax(likeness))
        heard = windows[best] < _PLAYED
        if likeness[best] < _ALIKE or not heard.any():
            self._found.clear()
            return
        loss = float(np.median(near[heard] - windows[best][heard]))
        if loss < _LEAST_LOSS:
            self._found.clear()
            return
        self._found.append(_LONGEST - best)
        if len(self._found) == _SURE and max(self._found) - min(self._found) <= 1:
            self.delay = self._found[-1]
            self.loss += _LEARNING * (min(loss, _MOST_LOSS) - self.loss)
