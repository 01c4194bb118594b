"""A gate for lines that only hum or hiss: after a second without speech they become silent."""

from audiocodecs.fade import fade_in, fade_out
from audiocodecs.frames import Samples, silence

_SOFT = 45  # -dBov: louder noise is left alone, for its coming and going would be heard
_PATIENCE = 50  # frames without speech until it closes
_ONSET = 16  # the fade when it opens, as a part of the frame: 1.25 ms, too short to cut a word


class NoiseGate:
    """The gate of one line of 20 ms frames."""

    def __init__(self) -> None:
        self.is_open = True
        self._quiet = 0

    def apply(self, samples: Samples, level: int, *, is_speech: bool) -> Samples:
        """The frame, or silence while the gate is closed.

        `level` is the frame's, in -dBov; `is_speech` is the line's voice activity.
        """
        was_open = self.is_open
        self._quiet = 0 if is_speech or level < _SOFT else self._quiet + 1
        self.is_open = self._quiet <= _PATIENCE
        if self.is_open:
            return samples if was_open else fade_in(samples, len(samples) // _ONSET)
        return fade_out(samples) if was_open else silence(len(samples))
