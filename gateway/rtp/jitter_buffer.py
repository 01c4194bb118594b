"""The jitter buffer of one source: packets in as they arrive, out when they are due.

Playout goes by timestamp. The buffer estimates when the fastest packets of the source arrive
(`base`, the smallest transit seen lately) and how much later the slow ones do, and so knows at any
time which timestamp is due. The sequence number only tells loss from pause: a videobridge masks
packets it discards, so consecutive sequence numbers may be far apart in time.

A packet that comes when its time is over, but nothing after it has been played, is played all the
same: the delay has then grown by as much. Who plays gives that back bit by bit (`excess`).

No clock: `now` and arrival times come in, in seconds. Timestamps are unwrapped, in clock units.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum

from gateway.rtp.packet import RtpPacket
from gateway.rtp.sequence import distance
from gateway.rtp.sequence_runs import SequenceRuns

FRAME = 0.020
"""Playout advances in frames of 20 ms."""

_CAPACITY = 256  # packets; a stranger cannot make a source grow beyond
_WINDOW = 200  # packets the delay is estimated over: 4 s at 20 ms
_OUTLIERS = 2  # of them may come later than the target allows: 1 %
_REVIEW = 25  # packets between two estimates, if none comes late
_SHRINK = 0.25  # of what the target is too long is given up at each estimate: half in 1.2 s
_SETTLED = 50  # packets before the estimate may make the delay shorter
_MARGIN = 0.010
_INITIAL_TARGET = 0.030
_TOLERANCE = 0.005  # of the tick that plays: smaller than the margin
_OVERDUE = 2 * FRAME  # so much above the longest delay, all excess is dropped: we have stalled
_RESTART_AFTER = 0.060  # late for so long without a packet in time: the timestamps jumped
_MOST_LOST = 10  # packets in a row: what is missing more is not for waiting
_RESTART_OVERTAKEN_AFTER = 0.300  # if what comes late is of a time when others were faster
_DROPOUT = 3000  # packets: a larger step of the sequence is a restart (RFC 3550 appendix A.1)
_LEAP = 0.100  # nothing overtakes by so much: the timestamps have leapt ahead
_LEAST_USUAL = -0.008  # seconds of delay too many: with fewer the source would be slowed down
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
    """Nothing is there to play for `duration` clock units: a pause, or packets that are late."""

    duration: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait a frame before the source begins: it would be closer to arrival than jitter allows."""


Due = Play | Lost | Dry | Hold
_HOLD = Hold()


class JitterBuffer:
    """Orders the packets of one source and says what is due.

    `clock_rate` is the RTP clock in Hz; `max_delay` bounds the delay, in seconds. `recovers` says
    that a packet helps to fill in the one before it: where packets are lost, playout waits for it.
    """

    def __init__(
        self, clock_rate: int, *, max_delay: float = 0.200, recovers: bool = False
    ) -> None:
        self.target = _INITIAL_TARGET
        self.delay = 0.0  # from the fastest arrival to playout, as of the last `take`
        self._rate = clock_rate
        self._frame = round(FRAME * clock_rate)
        self._max_delay = max_delay
        self._recovers = recovers
        self._packets: dict[int, tuple[RtpPacket, int]] = {}  # by unwrapped timestamp
        self._newest: int | None = None  # the unwrapped timestamp of the last good packet
        self._cursor: int | None = None  # the next timestamp to be decoded
        self._given = 0  # the timestamp up to which everything has been played, or given up
        self._begun = False  # whether anything has been played since the last pause
        self._is_unusual = False  # whether a packet waits that is older than what is due
        self._last_sequence: int | None = None  # of the last packet played
        self._highest_sequence: int | None = None  # of those that have come
        self._others = SequenceRuns()  # used for something else than audio
        self._base = 0.0
        self._transits: deque[float] = deque(maxlen=_WINDOW)
        self._since_review = 0
        self._late_since: float | None = None
        self._suspect: float | None = None  # the transit of a packet from another time line

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: RtpPacket, duration: int, arrival: float) -> Arrival:
        """Take a packet that lasts `duration` clock units and has arrived at `arrival`."""
        if self._put_usual(packet, duration, arrival):
            return Arrival.STORED
        timestamp = self._unwrap(packet.timestamp)
        transit = arrival - timestamp / self._rate
        if not -_JUMP <= transit - self._base <= _JUMP and self._is_junk(transit):
            return Arrival.DISCARDED
        self._suspect = None
        self._newest = timestamp
        if not self._transits or transit - self._base <= self._max_delay:  # else: of no help
            self._observe(transit)
            self._expect_recovery(packet.sequence, transit, duration)
        if self._cursor is None:
            self._cursor = self._given = timestamp
        if self._is_over(timestamp + duration, arrival):
            if not self._late_too_long(packet.sequence, arrival):
                return Arrival.LATE
            self._restart()
            self._observe(transit)
            self._cursor = self._given = timestamp
        self._late_since = None
        if timestamp in self._packets:
            return Arrival.DUPLICATE
        if len(self._packets) >= _CAPACITY:
            return Arrival.DISCARDED
        self._packets[timestamp] = (packet, duration)
        if timestamp < self._cursor:
            self._is_unusual = True
        return Arrival.STORED

    def _put_usual(self, packet: RtpPacket, duration: int, arrival: float) -> bool:
        """Store a packet if it follows the last one, and is neither early nor late: `put` would do
        the same, at three times the cost."""
        newest, cursor = self._newest, self._cursor
        if newest is None or cursor is None or self._highest_sequence is None:
            return False
        timestamp = newest + duration
        transit = arrival - timestamp / self._rate
        if (
            packet.timestamp != timestamp & 0xFFFFFFFF
            or packet.sequence != (self._highest_sequence + 1) & 0xFFFF
            or not self._base <= transit <= self._base + self.target - _MARGIN
            or self._since_review + 1 >= _REVIEW
            or timestamp < cursor
            or timestamp in self._packets
            or len(self._packets) >= _CAPACITY
        ):
            return False
        self._newest = timestamp
        self._highest_sequence = packet.sequence
        self._transits.append(transit)
        self._since_review += 1
        self._suspect = self._late_since = None
        self._packets[timestamp] = (packet, duration)
        return True

    def put_aside(self, sequence: int) -> None:
        """A packet that is not audio, a telephone-event say, has this number: it is not lost."""
        self._others.add(sequence)

    def overlook(self, sequence: int) -> None:
        """The source says nothing worth playing, up to the packet with this number, which has
        come: what waits is dropped, and nothing is missed."""
        self._packets.clear()
        self._is_unusual = False
        self._highest_sequence = self._last_sequence = sequence

    def lost_between(self, later: int, earlier: int) -> int:
        """How many audio packets are missing between two sequence numbers; none if they are so far
        apart that the source numbers anew."""
        step = distance(later, earlier, 16)
        if not 0 < step < _DROPOUT:
            return 0
        return step - 1 - self._others.between(later, earlier)

    def time_left(self, timestamp: int, now: float) -> float:
        """Seconds until the packet at `timestamp` is due; negative if that is over."""
        return self._base + self.target + self._unwrap(timestamp) / self._rate - now

    def take(self, now: float, ahead: float = 0.0) -> Due:
        """What to play next, `ahead` seconds of decoded audio being still unplayed."""
        if self._cursor is None:
            return Dry(self._frame)
        excess = self.excess(now, ahead)
        self.delay = self.target + excess
        if excess < -_TOLERANCE and not self._begun:
            return _HOLD
        if self.delay > self._max_delay + _OVERDUE:
            self._skip(self._cursor + round(excess * self._rate))
        return self._next(self._cursor)

    def take_usual(self, now: float, ahead: float, most: float) -> RtpPacket | None:
        """What `take` would say, if it is the next packet and nothing is to be done about the
        delay: it is no more than `most` seconds longer than needed. None: ask `take`.
        """
        if self._is_unusual or self._cursor is None or not self._begun:
            return None
        held = self._packets.get(self._cursor)
        if held is None:
            return None
        late = now - self._base - self.target - self._cursor / self._rate
        if late < _LEAST_USUAL or (excess := late + ahead) > most:
            return None
        del self._packets[self._cursor]
        self.delay = self.target + excess
        packet, duration = held
        self._cursor = self._given = self._cursor + duration
        self._last_sequence = packet.sequence
        return packet

    def excess(self, now: float, ahead: float) -> float:
        """By how many seconds playout is later than the target delay asks for."""
        if self._cursor is None:
            return 0.0
        return now - self._base - self.target - (self._cursor / self._rate - ahead)

    def catch_up(self, now: float) -> None:
        """Nobody has taken anything for a while, as nothing was there: let that time be over."""
        if self._cursor is not None and self._packets:
            due = round((now - self._base - self.target) * self._rate)
            self._cursor = self._given = max(self._given, min(due, *self._packets))
            self._begun = False

    def drop_due(self, now: float) -> None:
        """Leave out what would have been played by now: nobody listens."""
        if self._cursor is not None:
            due = round((now - self._base - self.target) * self._rate)
            if due > self._cursor:
                self._skip(due)

    def _next(self, cursor: int) -> Due:
        following = min(self._packets, default=None)
        if following is None:
            # It may be late: if so, it is played yet, and the delay has grown.
            self._cursor = cursor + self._frame
            return Dry(self._frame)
        if following <= cursor:
            self._is_unusual = following < cursor
            return self._play(following, *self._packets.pop(following))
        packet, _ = self._packets[following]
        hole = min(following - cursor, self._frame)
        self._cursor = self._given = cursor + hole
        if self._last_sequence is None or not self.lost_between(
            packet.sequence, self._last_sequence
        ):
            return Dry(hole)
        return Lost(hole, packet.payload if following == self._cursor else None)

    def _play(self, timestamp: int, packet: RtpPacket, duration: int) -> Play:
        self._cursor = self._given = timestamp + duration
        self._last_sequence = packet.sequence
        self._begun = True
        return Play(packet, duration)

    def _skip(self, cursor: int) -> None:
        self._packets = {
            time: held for time, held in self._packets.items() if time + held[1] > cursor
        }
        self._cursor = self._given = min(self._packets, default=cursor)

    def _unwrap(self, timestamp: int) -> int:
        if self._newest is None:
            return timestamp
        return self._newest + ((timestamp - self._newest + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def _is_junk(self, transit: float) -> bool:
        """Whether a packet from another time line is to be passed over: a second one in a row is
        none, there the time line has changed."""
        if not self._transits:
            return False
        if self._suspect is None or abs(transit - self._suspect) > _JUMP / 2:
            self._suspect = transit
            return True
        self._restart()
        return False

    def _observe(self, transit: float) -> None:
        if not self._transits or transit < self._base - _LEAP:
            self._transits.clear()
            self._base = transit
        self._transits.append(transit)
        self._since_review += 1
        self._base = min(self._base, transit)
        if self._since_review >= _REVIEW or transit - self._base + _MARGIN > self.target:
            self._review()

    def _expect_recovery(self, sequence: int, transit: float, duration: int) -> None:
        """A packet is missing that this one helps to fill in: as if it had come that late."""
        if self._highest_sequence == (sequence - 1) & 0xFFFF:
            self._highest_sequence = sequence  # the usual case: nothing is missing
            return
        step = 1
        if self._highest_sequence is not None:
            step = distance(sequence, self._highest_sequence, 16)
        if step > 0 or step < -_MOST_LOST:  # so far behind it is numbered anew, or by another way
            self._highest_sequence = sequence
        if 1 < step < _MOST_LOST and self._recovers and (sequence - 1) & 0xFFFF not in self._others:
            self._observe(transit + duration / self._rate)

    def _review(self) -> None:
        """Estimate anew: the fastest packets give the base, the slowest but a few the target."""
        self._since_review = 0
        ordered = sorted(self._transits)
        self._base = ordered[0]
        slow = ordered[len(ordered) - 1 - len(ordered) * _OUTLIERS // _WINDOW]
        needed = min(slow - self._base + _MARGIN, self._max_delay)
        if needed > self.target:
            self.target = needed
        elif len(ordered) >= _SETTLED:
            self.target += _SHRINK * (needed - self.target)

    def _is_over(self, end: int, arrival: float) -> bool:
        """Whether it is no use any more to play what ends at this timestamp."""
        assert self._cursor is not None
        too_late = arrival - self._base - end / self._rate > self._max_delay
        return end <= self._given or (end <= self._cursor and too_late)

    def _late_too_long(self, sequence: int, arrival: float) -> bool:
        if self._late_since is None:
            self._late_since = arrival
        last = self._last_sequence
        overtaken = last is not None and distance(sequence, last, 16) <= 0
        limit = _RESTART_OVERTAKEN_AFTER if overtaken else _RESTART_AFTER
        return arrival - self._late_since >= limit

    def _restart(self) -> None:
        """Forget the old time line: the sender's timestamps have jumped."""
        self._packets.clear()
        self._transits.clear()
        self._cursor = None
        self._begun = False
        self._late_since = None
        self._since_review = 0
        self.target = _INITIAL_TARGET
