"""Music for one caller that waits: round and round, and softer beneath words. Pure."""

import numpy as np

from audiocodecs.fade import scaled
from audiocodecs.frames import Samples, silence
from gateway.media.speech import MUSIC
from gateway.media.utterance import DUCKED, Recordings

_STEP = 0.25  # of the gain, a frame: it comes and goes within 80 ms


class Music:
    """Silent until it `is_wanted`; each time it goes on where it was."""

    def __init__(self, recordings: Recordings, *, rate: int) -> None:
        self.is_wanted = False
        self._recordings = recordings
        self._rate = rate
        self._at = 0
        self._gain = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is heard, nor wanted."""
        return not self.is_wanted and self._gain == 0.0

    def change_rate(self, rate: int) -> None:
        """Go on at another rate."""
        self._at = self._at * rate // self._rate
        self._rate = rate

    def next_frame(self, *, is_beneath: bool) -> Samples | None:
        """The next 20 ms, softer if it `is_beneath` something; silence as long as the
        recording is being read. None: it is over, or there is no recording."""
        if self.is_over:
            return None
        size = self._rate // 50
        samples = self._recordings.samples(MUSIC, self._rate)
        if samples is None:
            return silence(size)
        if not len(samples):
            self._gain = 0.0
            return None
        before, self._gain = self._gain, self._next_gain(is_beneath=is_beneath)
        frame = self._cut(samples, size)
        if before == self._gain == 1.0:
            return frame
        return np.rint(scaled(frame, before, self._gain)).astype(np.int16)

    def _next_gain(self, *, is_beneath: bool) -> float:
        wanted = (DUCKED if is_beneath else 1.0) if self.is_wanted else 0.0
        return min(max(wanted, self._gain - _STEP), self._gain + _STEP)

    def _cut(self, samples: Samples, size: int) -> Samples:
        at = self._at % len(samples)
        self._at = at + size
        frame = samples[at : at + size]
        while len(frame) < size:
            frame = np.concatenate((frame, samples[: size - len(frame)]))
        return frame
