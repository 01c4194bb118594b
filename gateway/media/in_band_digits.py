"""What a conference is not to hear of a phone: its keys. No IO and no clock: 20 ms a frame.

A phone that has not agreed on telephone-event presses them in its audio. The first 20 ms of a tone
are gone by then; delaying all that the caller says would be worse. Of one that has agreed there
may be a tone all the same, beside the packets that tell of the press: some gateways leave it in.
"""

from audiocodecs.dtmf import DtmfReceiver, Pressed
from audiocodecs.frames import Samples
from gateway.media.fader import Fader

_LATE = 5  # frames: audio waits in the jitter buffer, what tells of a press does not
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

    @property
    def is_closed(self) -> bool:
        """Whether the last frame held a key, and so is silent."""
        return self._receiver.is_sounding

    def take(self) -> list[Pressed]:
        """The presses that have ended since this was asked last."""
        pressed, self._pressed = self._pressed, []
        return pressed


class BesideEvents:
    """What is done with the frames of a phone, at `rate` Hz, that tells of presses by packets."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._fader = Fader(is_open=True)
        self._closed = 0  # frames that are still to be silent

    @property
    def is_closed(self) -> bool:
        """Whether the last frame was silenced."""
        return self._closed > 0

    def receive(self, frame: Samples, *, is_pressed: bool) -> Samples:
        """The frame, or silence while a key is pressed and for as long as that may be late."""
        if not is_pressed and not self._closed:
            return frame
        self._closed = _LATE if is_pressed else self._closed - 1
        self._fader.move(is_open=not self._closed)
        return self._fader.apply(frame, self._rate)
