"""A voice that comes into a mix or leaves it, without a click. No IO and no clock."""

from functools import cache

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples

_RAMP = 0.005  # seconds


class Fader:
    """Turns one voice up or down at the beginning of a frame, where `move` says so."""

    def __init__(self, *, is_open: bool = False) -> None:
        self._was_open = self._is_open = is_open

    def move(self, *, is_open: bool) -> None:
        """Another frame begins: whether it is to be heard."""
        self._was_open, self._is_open = self._is_open, is_open

    @property
    def is_audible(self) -> bool:
        """Whether anything of the frame is heard."""
        return self._is_open or self._was_open

    def apply(self, frame: Samples, rate: int) -> Samples:
        """What is heard of the frame: all of it, or less of its beginning, or its beginning."""
        if self._is_open and self._was_open:
            return frame
        ramp = _ramp(rate)
        faded = frame.copy() if self._is_open else np.zeros_like(frame)
        faded[: len(ramp)] = frame[: len(ramp)] * (ramp if self._is_open else ramp[::-1])
        return faded


@cache
def _ramp(rate: int) -> npt.NDArray[np.float32]:
    count = round(_RAMP * rate)
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / count)).astype(np.float32)
