"""What a caller hears instead of the conference: tones, frame by frame."""

from functools import cache

import numpy as np

from audiocodecs import tones
from audiocodecs.frames import Samples, silence
from gateway.media.messages import Tone

_BEEPS = {
    Tone.MUTED: (620.0, 440.0),
    Tone.UNMUTED: (440.0, 620.0),
    Tone.HAND: (880.0,),
    Tone.MAY_SPEAK: (440.0, 620.0, 880.0),
    Tone.RECORDING: (740.0, 740.0, 740.0),
    Tone.RECORDING_OVER: (880.0, 620.0, 440.0),
    Tone.NOT_HEARD: (440.0, 880.0, 440.0, 880.0),
}


@cache
def _samples(tone: Tone, rate: int) -> Samples:
    match tone:
        case Tone.WAITING:
            return tones.waiting(rate)
        case Tone.REPAIRING:
            return tones.repairing(rate)
        case Tone.PASSWORD:
            return tones.asking(rate)
        case Tone.REFUSED:
            return tones.tone([220.0], 0.6, rate=rate)
        case Tone.SPEAK:
            return tones.tone([1000.0], 0.4, rate=rate, level=-18.0)
        case Tone.CONGESTION:
            return tones.congestion(rate)
        case _:
            return tones.beeps(*_BEEPS[tone], rate=rate)


class Announcement:
    """A tone being played in frames of 20 ms at `rate` Hz, after a `pause` in seconds."""

    def __init__(self, tone: Tone, *, rate: int, pause: float = 0.0) -> None:
        self.tone = tone
        samples = _samples(tone, rate)
        self._samples = np.concatenate((silence(round(rate * pause)), samples))
        self._repeats = tone.repeats
        self._size = rate // 50
        self._at = 0

    def next_frame(self) -> Samples | None:
        """The next frame; None once a tone that does not repeat is over."""
        if self._at >= len(self._samples):
            if not self._repeats:
                return None
            self._at = 0
        frame = self._samples[self._at : self._at + self._size]
        self._at += self._size
        if len(frame) < self._size:
            return np.concatenate((frame, np.zeros(self._size - len(frame), np.int16)))
        return frame
