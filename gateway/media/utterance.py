"""What a caller is told in words, frame by frame, to be laid over what it hears. Pure."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from audiocodecs.fade import fade_out
from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import PCMU
from audiocodecs.resampling import NARROW, narrowed, widened
from gateway.media.speech import Recorded, SpeechPart, Spoken

DUCKED = 0.25
"""The gain of the conference beneath: 12 dB down, so that both are understood."""

_GAP, _TAIL = 0.1, 0.25  # seconds of silence between two parts, and after the last
_LONGEST = 60  # seconds


class Recordings(Protocol):
    """Where recordings come from."""

    def samples(self, recorded: Recorded, rate: int) -> Samples | None:
        """A recording at `rate` Hz, empty if there is none; None as long as it is being read."""


class NoRecordings:
    """An engine that has none."""

    def samples(self, recorded: Recorded, rate: int) -> Samples | None:
        return silence(0)


@dataclass(frozen=True, slots=True)
class Over:
    """20 ms that are laid over what is heard, whose gain goes from `before` to `after`."""

    samples: Samples
    before: float
    after: float


class Utterance:
    """Some parts, one after the other, at `rate` Hz."""

    def __init__(self, parts: tuple[SpeechPart, ...], recordings: Recordings, *, rate: int) -> None:
        self.is_over = False
        self.complete = False
        self._parts = parts
        self._recordings = recordings
        self._rate = rate
        self._samples: Samples | None = None
        self._at = 0
        self._gain = 1.0
        self._is_hushed = False

    def hush(self) -> None:
        """Fade away within the next frame."""
        self._is_hushed = True

    def change_rate(self, rate: int) -> None:
        """Go on at another rate."""
        self._at = self._at * rate // self._rate
        self._rate, self._samples = rate, None

    def next_frame(self) -> Over | None:
        """The next frame; None as long as parts are missing, and nothing more once it is over."""
        if self._samples is None:
            self._samples = self._gathered()
        if self._samples is None and not self._is_hushed:
            return None
        size = self._rate // 50
        frame, rest = self._cut(size)
        self._at += size
        self.complete = rest == 0
        if self._is_hushed:
            frame = fade_out(frame)
        self.is_over = self.complete or self._is_hushed
        before, self._gain = self._gain, 1.0 if self.is_over else DUCKED
        return Over(frame, before, self._gain)

    def _cut(self, size: int) -> tuple[Samples, int]:
        """The frame at this place, and how many samples are left after it."""
        if self._samples is None:
            return silence(size), size
        frame = self._samples[self._at : self._at + size]
        if len(frame) < size:
            frame = np.concatenate((frame, silence(size - len(frame))))
        return frame, max(0, len(self._samples) - self._at - size)

    def _gathered(self) -> Samples | None:
        """All parts with gaps between them; None if one is still being read."""
        found = [self._found(part) for part in self._parts]
        spoken = [samples for samples in found if samples is not None]
        if len(spoken) < len(found):
            return None
        gap, tail = silence(round(_GAP * self._rate)), silence(round(_TAIL * self._rate))
        pieces = [piece for samples in spoken if len(samples) for piece in (samples, gap)]
        return np.concatenate((*pieces[:-1], tail))[: _LONGEST * self._rate]

    def _found(self, part: SpeechPart) -> Samples | None:
        if isinstance(part, Recorded):
            return self._recordings.samples(part, self._rate)
        if isinstance(part, Spoken):
            narrow = PCMU.decode(part.ulaw)
            return narrow if self._rate == NARROW else widened(narrow)
        wide = np.frombuffer(part.pcm, "<i2", count=len(part.pcm) // 2).astype(np.int16)
        return narrowed(wide) if self._rate == NARROW else wide
