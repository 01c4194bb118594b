"""Asking for lost packets, and sending them again (RFC 4585 section 6.2.1). No IO and no clock.

A retransmission is the packet itself, with the SSRC and the sequence number it had.
"""

from collections import deque
from collections.abc import Iterable

from gateway.rtp.sequence import distance

_KEPT = 50  # packets: one second of audio at 20 ms
_MOST_REPEATS = 2  # of one packet
_PAUSE = 0.020  # seconds between two repeats of one packet
_MOST_PER_SECOND = 50  # repeats: at worst, as much again as is sent anyway
_LONGEST_RUN = 8  # packets; a longer run is an outage, and asking would make it worse
_RESTART = 3000  # packets: one so far behind begins anew (RFC 3550 appendix A.1)


class SendCache:
    """What was sent in the last second, for whoever has lost some of it."""

    def __init__(self) -> None:
        self.repeated = 0
        self._packets: dict[int, bytes] = {}  # by sequence number, oldest first
        self._repeats: dict[int, tuple[int, float]] = {}  # how often, and when last
        self._recent: deque[float] = deque(maxlen=_MOST_PER_SECOND)

    def sent(self, sequence: int, packet: bytes) -> None:
        """Keep a packet that has just been sent."""
        self._packets[sequence] = packet
        if len(self._packets) > _KEPT:
            oldest = next(iter(self._packets))
            del self._packets[oldest]
            self._repeats.pop(oldest, None)

    def requested(self, sequences: Iterable[int], now: float) -> list[bytes]:
        """What to send again of what a NACK asks for."""
        again = []
        for sequence in sequences:
            packet = self._packets.get(sequence)
            times, last = self._repeats.get(sequence, (0, -_PAUSE))
            if packet is None or times >= _MOST_REPEATS or now - last < _PAUSE:
                continue
            if len(self._recent) == _MOST_PER_SECOND and now - self._recent[0] < 1.0:
                break
            self._recent.append(now)
            self._repeats[sequence] = (times + 1, now)
            again.append(packet)
        self.repeated += len(again)
        return again


class LossWatch:
    """Sees which packets of a source are missing; each is named once."""

    def __init__(self) -> None:
        self._highest: int | None = None

    def expects(self, sequence: int) -> bool:
        """Whether this is the packet that follows the last one."""
        return self._highest == (sequence - 1) & 0xFFFF

    def missing(self, sequence: int) -> tuple[int, ...]:
        """The packets between the last one and this one, which has just come."""
        before = self._highest
        if self.expects(sequence):
            self._highest = sequence  # the usual case
            return ()
        step = distance(sequence, before, 16) if before is not None else 1
        if step > 0 or step < -_RESTART:
            self._highest = sequence
        if before is None or not 1 < step <= _LONGEST_RUN + 1:
            return ()
        return tuple((before + ahead) & 0xFFFF for ahead in range(1, step))
