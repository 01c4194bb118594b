"""Which of a source's copies are opened. No IO and no clock.

Every endpoint of ours in a room gets a copy of each of its sources. One endpoint, the carrier,
opens its copies; the others drop theirs unread, except the first and about one a second, since
SRTP's rollover counter is kept by opening packets only. What a copy is is told by its timestamp,
which is in clear and the same in all; sequence numbers may differ.

A copy that comes before the carrier's is kept for a moment: it fills in for one the carrier lost,
and if nothing comes from the carrier any more its endpoint takes over.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.media.bridge_leg import BridgeLeg
from gateway.rtp.sequence import distance

_STALL = 0.015  # seconds a copy waits for the carrier's, until its endpoint takes over
_GLANCE = 1.0  # seconds between copies opened for the rollover counter alone
_KEPT = 16  # copies that wait, and timestamps that are missing


@dataclass(frozen=True, slots=True)
class Copy:
    """A protected packet as an endpoint got it."""

    leg: BridgeLeg
    data: bytes
    arrival: float


class Copies:
    """The copies of one source. Who carries it is decided by packets that were opened."""

    def __init__(self) -> None:
        self.carrier: BridgeLeg | None = None
        self._newest: int | None = None  # the timestamp the carrier has come to
        self._ahead: dict[int, float] = {}  # timestamps of which the carrier's has not come yet
        self._waiting: dict[int, Copy] = {}  # those of them that have not been opened
        self._missing: dict[int, None] = {}  # timestamps the carrier has lost
        self._glanced: dict[BridgeLeg, float] = {}

    def offered(self, leg: BridgeLeg, data: bytes, now: float) -> tuple[list[Copy], bool]:
        """A copy has come to an endpoint that is not the carrier.

        What is to be opened now, and whether that endpoint becomes the carrier if its own is
        authentic.
        """
        copy = Copy(leg, data, now)
        if self.carrier is None:
            return [copy], True
        timestamp = int.from_bytes(data[4:8])
        is_ahead = self._newest is None or distance(timestamp, self._newest, 32) > 0
        if is_ahead and now - self._ahead_since(now) >= _STALL:
            waiting = [*self._waiting.values(), copy]
            self._waiting.clear()
            self._ahead.clear()
            return waiting, True
        if is_ahead and len(self._ahead) < _KEPT:
            self._ahead.setdefault(timestamp, now)
        if now - self._glanced.get(leg, -_GLANCE) >= _GLANCE:
            self._glanced[leg] = now
            return [copy], False
        if timestamp in self._missing:
            del self._missing[timestamp]
            return [copy], False
        if timestamp in self._ahead:
            self._waiting.setdefault(timestamp, copy)
        return [], False

    def _ahead_since(self, now: float) -> float:
        return next(iter(self._ahead.values()), now)

    def carried(self, timestamp: int) -> None:
        """A packet of the carrier's has been opened; what it has skipped was `lost` before."""
        self._newest = timestamp
        if self._ahead:
            self._ahead = {
                at: came for at, came in self._ahead.items() if distance(at, timestamp, 32) > 0
            }
            self._waiting = {at: copy for at, copy in self._waiting.items() if at in self._ahead}

    def lost(self, timestamps: Iterable[int]) -> dict[int, Copy]:
        """The carrier lacks these; the copies of them that have come. Later ones are wanted."""
        found = {}
        for timestamp in timestamps:
            copy = self._waiting.pop(timestamp, None)
            if copy is not None:
                found[timestamp] = copy
            elif self._glanced:  # others get copies too
                self._missing[timestamp] = None
                if len(self._missing) > _KEPT:
                    del self._missing[next(iter(self._missing))]
        return found

    def leave(self, leg: BridgeLeg) -> None:
        """An endpoint is gone: the next copy that comes makes another the carrier."""
        self._glanced.pop(leg, None)
        self._waiting = {at: copy for at, copy in self._waiting.items() if copy.leg is not leg}
        if self.carrier is leg:
            self.carrier = None
