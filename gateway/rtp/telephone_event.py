"""Key presses as RTP packets (RFC 4733), received: one press gives one digit.

A press is a run of packets with one timestamp and growing duration; the last is sent three times
with the end bit. Any of them may be lost, doubled or late.
"""

import struct
from collections import deque
from dataclasses import dataclass

from gateway.rtp.packet import RtpPacket
from gateway.rtp.sequence import distance

DIGITS = "0123456789*#ABCD"
"""The key of event codes 0 to 15 (RFC 4733 section 3.2)."""

_LONGEST_SEGMENT = 0xFFFF
_TIMEOUT = 0.200  # seconds without a packet: the end of the press was lost
_REMEMBERED = 16  # presses whose stragglers are known


@dataclass(frozen=True, slots=True)
class Press:
    """A finished key press; `duration` in seconds."""

    digit: str
    duration: float


class TelephoneEventReceiver:
    """Collects the events of one stream whose clock runs at `clock_rate` Hz."""

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self._finished: deque[int] = deque(maxlen=_REMEMBERED)  # timestamps
        self._code = 0
        self._timestamp: int | None = None  # of the press going on
        self._before = 0  # clock units in earlier segments of this press
        self._duration = 0
        self._heard = 0.0

    @property
    def is_pressed(self) -> bool:
        """Whether a press is going on, as far as is known."""
        return self._timestamp is not None

    def receive(self, packet: RtpPacket, now: float) -> list[Press]:
        """Take a packet of the event payload type; what presses it finishes."""
        if len(packet.payload) < 4:
            return []
        code, flags, duration = struct.unpack_from("!BBH", packet.payload)
        if code >= len(DIGITS) or packet.timestamp in self._finished:
            return []
        finished: list[Press] = []
        if self._timestamp != packet.timestamp:
            finished = self.expire(now)
            if self._timestamp is not None and distance(packet.timestamp, self._timestamp, 32) < 0:
                return []  # a straggler of a press we never saw begin
            if self._continues(code, packet):
                self._before += _LONGEST_SEGMENT
                self._finished.append(self._timestamp or 0)
            else:
                finished += self._finish()
                self._before = 0
            self._timestamp, self._code, self._duration = packet.timestamp, code, 0
        self._heard = now
        self._duration = max(self._duration, duration)
        if flags & 0x80:
            finished += self._finish()
        return finished

    def expire(self, now: float) -> list[Press]:
        """The press whose end was lost, once nothing of it has come for a while."""
        if self._timestamp is not None and now - self._heard >= _TIMEOUT:
            return self._finish()
        return []

    def _continues(self, code: int, packet: RtpPacket) -> bool:
        """Whether this is the next segment of a very long press (section 2.5.1.3)."""
        return (
            self._timestamp is not None
            and code == self._code
            and not packet.marker
            and distance(packet.timestamp, self._timestamp, 32) == _LONGEST_SEGMENT
        )

    def _finish(self) -> list[Press]:
        if self._timestamp is None:
            return []
        self._finished.append(self._timestamp)
        self._timestamp = None
        duration = (self._before + self._duration) / self.clock_rate
        return [Press(DIGITS[self._code], duration)]
