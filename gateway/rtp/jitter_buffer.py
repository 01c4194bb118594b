"""The jitter buffer of one source: packets in as they arrive, out when they are due.

Playout goes by timestamp. The buffer estimates when the fastest packets of the source arrive
(`base`, the smallest transit seen lately) and how much later the slow ones do, and so knows at any
time which timestamp is due. The sequence number only tells loss from pause: a videobridge masks
packets it discards, so consecutive sequence numbers may be far apart in time.

No clock: `now` and arrival times come in, in seconds. Timestamps are unwrapped, in clock units.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from gateway.rtp.packet import RtpPacket
from gateway.rtp.sequence import distance

FRAME = 0.020
"""Playout advances in frames of 20 ms."""

_CAPACITY = 256  # packets; a stranger cannot make a source grow beyond
_WINDOW = 200  # packets the delay is estimated over: 4 s at 20 ms
_OUTLIERS = 4  # of them may come later than the target allows: 2 %
_REVIEW = 25  # packets between two estimates
_SETTLED = 50  # packets before the estimate may make the delay shorter
_MARGIN = 0.010
_INITIAL_TARGET = 0.030
_TOLERANCE = 0.005  # of the tick that plays: smaller than the margin
_SHRINK = 1.5 * FRAME  # so much more delay than needed is given back when it is quiet
_OVERDUE = 0.200  # so much more is given back at once: something stalled
_RESTART_AFTER = 0.060  # late for so long without a packet in time: the timestamps jumped
_OTHERS = 64  # sequence numbers that were used for something else than audio
_JUMP = 1.0  # no network holds a packet back longer than this


class Arrival(Enum):
    """What became of a packet."""

    STORED = "stored"
    LATE = "late"
    DUPLICATE = "duplicate"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class Play:
    """Decode this packet; it lasts `duration` clock units."""

    packet: RtpPacket
    duration: int


@dataclass(frozen=True, slots=True)
class Lost:
    """A frame that should play now is missing, though later ones are there.

    `duration` is in clock units. `next_payload` is that of the packet directly behind the hole,
    whose FEC may hold the missing frame.
    """

    duration: int
    next_payload: bytes | None


@dataclass(frozen=True, slots=True)
class Dry:
    """Nothing is there to play: the source pauses, or its packets are late."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait a frame: playout is closer to arrival than the jitter allows."""


Due = Play | Lost | Dry | Hold
_DRY, _HOLD = Dry(), Hold()


class JitterBuffer:
    """Orders the packets of one source and says what is due.

    `clock_rate` is the RTP clock in Hz; `max_delay` bounds the target delay, in seconds.
    """

    def __init__(self, clock_rate: int, *, max_delay: float = 0.200) -> None:
        self.target = _INITIAL_TARGET
        self.delay = 0.0  # from the fastest arrival to playout, as of the last `take`
        self._rate = clock_rate
        self._frame = round(FRAME * clock_rate)
        self._max_delay = max_delay
        self._packets: dict[int, tuple[RtpPacket, int]] = {}  # by unwrapped timestamp
        self._newest: int | None = None  # the unwrapped timestamp of the last good packet
        self._cursor: int | None = None  # the next timestamp to be decoded
        self._last_sequence: int | None = None  # of the last packet played
        self._others: deque[int] = deque(maxlen=_OTHERS)
        self._base = 0.0
        self._transits: deque[float] = deque(maxlen=_WINDOW)
        self._since_review = 0
        self._late_since: float | None = None
        self._suspect: float | None = None  # the transit of a packet from another time line

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: RtpPacket, duration: int, arrival: float) -> Arrival:
        """Take a packet that lasts `duration` clock units and has arrived at `arrival`."""
        timestamp = self._unwrap(packet.timestamp)
        transit = arrival - timestamp / self._rate
        if self._transits and abs(transit - self._base) > _JUMP and not self._confirmed(transit):
            return Arrival.DISCARDED
        self._suspect = None
        self._newest = timestamp
        self._observe(transit)
        if self._cursor is None:
            self._cursor = timestamp
        if timestamp + duration <= self._cursor:
            if not self._late_too_long(arrival):
                self._review()
                return Arrival.LATE
            self._restart()
            self._observe(transit)
            self._cursor = timestamp
        self._late_since = None
        if timestamp in self._packets:
            return Arrival.DUPLICATE
        if len(self._packets) >= _CAPACITY:
            return Arrival.DISCARDED
        self._packets[timestamp] = (packet, duration)
        return Arrival.STORED

    def put_aside(self, sequence: int) -> None:
        """A packet that is not audio, a telephone-event say, has this number: it is not lost."""
        if sequence not in self._others:
            self._others.append(sequence)

    def lost_between(self, later: int, earlier: int) -> int:
        """How many audio packets are missing between two sequence numbers."""
        step = distance(later, earlier, 16)
        return step - 1 - sum(0 < distance(other, earlier, 16) < step for other in self._others)

    def time_left(self, timestamp: int, now: float) -> float:
        """Seconds until the packet at `timestamp` is due; negative if that is over."""
        return self._base + self.target + self._unwrap(timestamp) / self._rate - now

    def take(self, now: float, ahead: float = 0.0) -> Due:
        """What to play next, `ahead` seconds of decoded audio being still unplayed."""
        if self._cursor is None:
            return _DRY
        excess = self._excess(self._cursor, now, ahead)
        self.delay = self.target + excess
        if excess < -_TOLERANCE:
            return _HOLD
        if excess > _OVERDUE:
            self._skip(self._cursor + round(excess * self._rate))
        return self._next(self._cursor)

    def is_skippable(self, now: float, ahead: float = 0.0) -> bool:
        """Whether there is a frame of delay too much, to be given back while it is quiet."""
        if self._cursor is None or not self._packets:
            return False
        return self._excess(self._cursor, now, ahead) >= _SHRINK

    def catch_up(self, now: float) -> None:
        """Nobody has taken anything for a while, as nothing was there: let that time be over."""
        if self._cursor is not None and self._packets:
            due = round((now - self._base - self.target) * self._rate)
            self._cursor = max(self._cursor, min(due, *self._packets))

    def drop_due(self, now: float) -> None:
        """Leave out what would have been played by now: nobody listens."""
        if self._cursor is not None:
            due = round((now - self._base - self.target) * self._rate)
            if due > self._cursor:
                self._skip(due)

    def _excess(self, cursor: int, now: float, ahead: float) -> float:
        """By how many seconds playout is later than the target delay asks for."""
        return now - self._base - self.target - (cursor / self._rate - ahead)

    def _next(self, cursor: int) -> Due:
        held = self._packets.pop(cursor, None)
        if held is not None:
            return self._play(cursor, *held)
        following = min(self._packets, default=None)
        if following is None:
            self._cursor = cursor + self._frame
            return _DRY
        packet, duration = self._packets[following]
        if following < cursor:
            # Off the grid of what was played before: take it as it comes, if any of it is due.
            del self._packets[following]
            if following + duration <= cursor:
                return self._next(cursor)
            return self._play(following, packet, duration)
        hole = min(following - cursor, self._frame)
        self._cursor = cursor + hole
        if self._last_sequence is None or not self.lost_between(
            packet.sequence, self._last_sequence
        ):
            return _DRY
        return Lost(hole, packet.payload if following == self._cursor else None)

    def _play(self, timestamp: int, packet: RtpPacket, duration: int) -> Play:
        self._cursor = timestamp + duration
        self._last_sequence = packet.sequence
        return Play(packet, duration)

    def _skip(self, cursor: int) -> None:
        self._packets = {
            time: held for time, held in self._packets.items() if time + held[1] > cursor
        }
        self._cursor = min(self._packets, default=cursor)

    def _unwrap(self, timestamp: int) -> int:
        if self._newest is None:
            return timestamp
        return self._newest + distance(timestamp, self._newest, 32)

    def _confirmed(self, transit: float) -> bool:
        """Whether a second packet in a row comes from another time line: the first may be junk."""
        if self._suspect is None or abs(transit - self._suspect) > _JUMP / 2:
            self._suspect = transit
            return False
        self._restart()
        return True

    def _observe(self, transit: float) -> None:
        self._transits.append(transit)
        self._since_review += 1
        if len(self._transits) == 1:
            self._base = transit
        self._base = min(self._base, transit)
        if self._since_review >= _REVIEW:
            self._review()

    def _review(self) -> None:
        """Estimate anew: the fastest packets give the base, the slowest but a few the target."""
        self._since_review = 0
        ordered = sorted(self._transits)
        self._base = ordered[0]
        slow = ordered[len(ordered) - 1 - len(ordered) * _OUTLIERS // _WINDOW]
        needed = slow - self._base + _MARGIN
        if len(ordered) < _SETTLED:
            needed = max(needed, self.target)
        self.target = min(needed, self._max_delay)

    def _late_too_long(self, arrival: float) -> bool:
        if self._late_since is None:
            self._late_since = arrival
        return arrival - self._late_since >= _RESTART_AFTER

    def _restart(self) -> None:
        """Forget the old time line: the sender's timestamps have jumped."""
        self._packets.clear()
        self._transits.clear()
        self._cursor = None
        self._late_since = None
        self._since_review = 0
        self.target = max(self.target, _INITIAL_TARGET)
