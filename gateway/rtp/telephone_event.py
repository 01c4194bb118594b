"""Key presses as RTP packets (RFC 4733), received: one press gives one digit.

A press is a run of packets with one timestamp and growing duration; the last is sent three times
with the end bit. Any of them may be lost, doubled or late. Some phones give each packet of a run
a timestamp of its own; it is one press all the same.
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
_LATE, _LATE_END = 0.020, 0.060  # seconds by which packets with timestamps of their own are ahead


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
        self._begun: int | None = None  # the timestamp of the last press, which may be over
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
        timestamp = packet.timestamp
        if self._is_restamped(code, bool(flags & 0x80), duration, packet):
            timestamp = self._begun or 0
        if code >= len(DIGITS) or timestamp in self._finished:
            return []
        finished: list[Press] = []
        if self._timestamp != timestamp:
            finished = self.expire(now)
            if self._timestamp is not None and distance(timestamp, self._timestamp, 32) < 0:
                return []  # a straggler of a press we never saw begin
            if self._continues(code, packet):
                self._before += _LONGEST_SEGMENT
                self._finished.append(self._timestamp or 0)
            else:
                finished += self._finish()
                self._before = 0
            self._timestamp = self._begun = timestamp
            self._code, self._duration = code, 0
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

    def _is_restamped(self, code: int, is_end: bool, duration: int, packet: RtpPacket) -> bool:
        """Whether this is of the last press though it has another timestamp: its duration then
        reaches back to the beginning, or did before its end was repeated."""
        if self._begun is None or code != self._code or packet.marker:
            return False
        elapsed = distance(packet.timestamp, self._begun, 32)
        late = _LATE_END if is_end else _LATE
        return 0 < elapsed <= duration + late * self.clock_rate

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
