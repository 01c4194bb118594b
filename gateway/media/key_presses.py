"""Key presses on their way to a phone, one after the other. No IO and no clock: 20 ms a step.

Where telephone-event was negotiated a press is a run of packets (RFC 4733 section 2.5): one each
20 ms, with the timestamp of its beginning, the last one three times. Elsewhere it is a tone.
"""

import struct
from collections import deque
from collections.abc import Iterable, Iterator

from audiocodecs.frames import Samples, silence
from audiocodecs.tones import dtmf
from gateway.media.messages import Payload
from gateway.rtp.packet import MAX_TIMESTAMP, RtpPacket
from gateway.rtp.sender import RtpSender
from gateway.rtp.telephone_event import DIGITS

_STEP = 0.020
_SHORTEST, _LONGEST = 0.080, 6.0  # seconds
_MOST_UNITS = 0xFFFF  # of the duration field: 8.19 s of an 8 kHz clock, 1.36 s of Opus' clock
_PAUSE = 4  # steps after a press in which nothing is sent: phones want 40 ms or more (Q.24)
_MOST_WAITING = 64
_VOLUME = 10  # -dBm0
_LAST_SENT = 3  # times


class KeyPresses:
    """The presses that one phone is sent; its audio has `rate` Hz and frames of 20 ms.

    `clock_rate` is that of the audio's RTP clock.
    """

    def __init__(self, rate: int, clock_rate: int, waiting: Iterable[tuple[str, int]] = ()) -> None:
        self._rate = rate
        self._frame = round(rate * _STEP)
        self._units = round(clock_rate * _STEP)
        self._waiting: deque[tuple[str, int]] = deque(waiting)
        self._packets: Iterator[RtpPacket | None] | None = None
        self._tone: Iterator[Samples] | None = None

    def press(self, digit: str, duration: float) -> None:
        """Send a press of `duration` seconds after those before it. ValueError: there is no
        such key. A press beyond the most that wait is left out."""
        if digit not in DIGITS or len(digit) != 1:
            raise ValueError(f"there is no key {digit!r}")
        steps = round(min(max(duration, _SHORTEST), _LONGEST) / _STEP)
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append((digit, steps))

    def after(self, rate: int, clock_rate: int) -> "KeyPresses":
        """Those that still wait, for audio of another kind; the one that is being sent is over."""
        return KeyPresses(rate, clock_rate, self._waiting)

    @property
    def is_pressing(self) -> bool:
        """Whether a press, or the pause after one, is being sent."""
        return self._packets is not None or self._tone is not None

    def clear(self) -> None:
        """Forget them all: the phone is not to be sent anything."""
        self._waiting.clear()
        self._packets = self._tone = None

    def event(self, event: Payload, sender: RtpSender) -> tuple[bool, RtpPacket | None]:
        """One step as telephone-event: whether it takes the place of audio, and what is sent."""
        if self._packets is None:
            if not self._waiting:
                return False, None
            self._packets = self._event_packets(event, sender, *self._waiting.popleft())
        packet = next(self._packets, None)
        sender.pause(self._units)
        return True, packet

    def tone(self) -> Samples | None:
        """One step as a tone, None if nothing is being pressed."""
        if self._tone is None:
            if not self._waiting:
                return None
            digit, steps = self._waiting.popleft()
            self._tone = self._tone_frames(digit, steps)
        return next(self._tone)

    def _event_packets(
        self, event: Payload, sender: RtpSender, digit: str, steps: int
    ) -> Iterator[RtpPacket | None]:
        start = sender.timestamp & MAX_TIMESTAMP
        code = DIGITS.index(digit)
        steps = min(steps, int(_MOST_UNITS / event.clock_rate / _STEP))
        for step in [*range(1, steps + 1), *[steps] * (_LAST_SENT - 1)]:
            lasted = round(step * _STEP * event.clock_rate)
            flags = (0x80 if step == steps else 0) | _VOLUME
            payload = struct.pack("!BBH", code, flags, lasted)
            yield sender.event(event.payload_type, payload, start, marker=step == 1)
        for _ in range(_PAUSE - 1):
            yield None
        self._packets = None
        yield None

    def _tone_frames(self, digit: str, steps: int) -> Iterator[Samples]:
        samples = dtmf(digit, steps * _STEP, rate=self._rate)
        for at in range(0, len(samples), self._frame):
            yield samples[at : at + self._frame]
        for _ in range(_PAUSE - 1):
            yield silence(self._frame)
        self._tone = None
        yield silence(self._frame)
