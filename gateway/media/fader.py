"""A voice that comes into a mix or leaves it, without a click. No IO and no clock."""

from audiocodecs.fade import fade_in, fade_out
from audiocodecs.frames import Samples, silence

_RAMP = 0.005  # seconds


def last_word(frame: Samples, rate: int) -> Samples:
    """How a voice ends that is gone after `frame`: it runs back from there, and fades away."""
    return fade_out(frame[::-1], round(_RAMP * rate))


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
        """What is heard of the frame: all of it, or its end, or its beginning, or nothing."""
        if self._is_open and self._was_open:
            return frame
        if not self.is_audible:
            return silence(len(frame))
        return (fade_in if self._is_open else fade_out)(frame, round(_RAMP * rate))
