"""When the packets of a stream arrive, by what they say of their own time. Pure."""

_RATE = 8000
_LATE = 0.020  # seconds: one frame
_FORGOTTEN = 0.001  # seconds a packet: a stream that has been moved for good is in time again


class Punctuality:
    """Counts the packets of an RTP stream with a clock of 8 kHz that come more than 20 ms late.

    Late is what comes later than the earliest ones around it would make one expect.
    """

    def __init__(self) -> None:
        self.late = 0
        self._earliest: float | None = None
        self._first = 0

    def arrived(self, at: float, timestamp: int) -> None:
        """A packet has come: `at` in seconds, `timestamp` its RTP timestamp."""
        if self._earliest is None:
            self._first = timestamp
        offset = at - (timestamp - self._first & 0xFFFFFFFF) / _RATE
        if self._earliest is None:
            self._earliest = offset
        self.late += offset - self._earliest > _LATE
        self._earliest = min(offset, self._earliest + _FORGOTTEN)
