"""Key presses of a phone that has not agreed on telephone-event: tones in its audio. No IO.

The conference is not to hear them. The first 20 ms of a tone are gone to it by then; delaying
all that the caller says would be worse.
"""

from audiocodecs.dtmf import DtmfReceiver, Pressed
from audiocodecs.frames import Samples
from gateway.media.fader import Fader

_ECHO = 25  # frames after a key of ours in which its echo may come back


class InBandDigits:
    """What is done with a phone's frames of 20 ms at `rate` Hz."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._receiver = DtmfReceiver(rate)
        self._fader = Fader(is_open=True)
        self._pressed: list[Pressed] = []
        self._deaf = 0  # frames for which keys may be our own

    def sending(self) -> None:
        """We send the phone a key ourselves in this frame: its line may send that back."""
        self._deaf = _ECHO

    def receive(self, frame: Samples) -> Samples:
        """The frame without keys."""
        pressed = self._receiver.receive(frame)
        if self._deaf:
            self._deaf -= 1
        else:
            self._pressed += pressed
        self._fader.move(is_open=not self._receiver.is_sounding)
        return self._fader.apply(frame, self.rate)

    def take(self) -> list[Pressed]:
        """The presses that have ended since this was asked last."""
        pressed, self._pressed = self._pressed, []
        return pressed
