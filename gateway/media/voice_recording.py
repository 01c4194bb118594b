"""What a phone says, for a few seconds: from its first word to a pause. No IO and no clock: 20 ms a
frame."""

from collections import deque

from audiocodecs.frames import Samples
from audiocodecs.g711 import PCMU
from audiocodecs.resampling import NARROW, Doubler, Halver, converter
from gateway.media.speech import Spoken

LONGEST = 10.0  # seconds, whatever is asked for

_FRAMES = 50  # a second
_ONSET = 6  # frames before it is noticed that somebody speaks
_PAUSE = 40  # frames without speech, after which it has been said


class VoiceRecording:
    """Recorded from frames of any rate, which may change. It lasts `seconds` at most, and is over
    as well if nothing is said for so long."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._most = round(min(seconds, LONGEST) * _FRAMES)
        self._before: deque[bytes] = deque(maxlen=_ONSET)
        self._said: list[bytes] = []
        self._waited = 0
        self._pause = 0
        self._rate = NARROW
        self._converter: Doubler | Halver | None = None

    def take(self, frame: Samples, *, is_speech: bool) -> None:
        """The next frame, unless it is over."""
        if self.is_over:
            return
        encoded = self._encoded(frame)
        if self._said:
            self._said.append(encoded)
            self._pause = 0 if is_speech else self._pause + 1
            self.is_over = self._pause == _PAUSE or len(self._said) >= self._most
        elif is_speech:
            self._said = [*self._before, encoded]
        else:
            self._before.append(encoded)
            self._waited += 1
            self.is_over = self._waited == self._most

    @property
    def spoken(self) -> Spoken:
        """What has been said so far, without the pause at its end."""
        return Spoken(b"".join(self._said[: len(self._said) - self._pause]))

    def _encoded(self, frame: Samples) -> bytes:
        if (rate := len(frame) * _FRAMES) != self._rate:
            self._rate, self._converter = rate, converter(rate, NARROW)
        return PCMU.encode(frame if self._converter is None else self._converter.convert(frame))
