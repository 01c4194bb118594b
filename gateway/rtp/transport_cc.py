"""Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01). No IO, no clock.

A sender numbers all packets of a transport, of whatever stream, in a header extension; the
receiver tells it, some ten times a second, which of them have come and when. Times are in seconds
outside and in ticks of 250 µs inside a message.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.errors import RtpError
from gateway.rtp.sequence import distance

FORMAT = 15
"""The FMT of the feedback among RTCP's transport-layer feedback (type 205)."""

TICK = 0.000250
INTERVAL = 0.100
"""Seconds between two messages."""

TRANSPORT_FEEDBACK = 205  # the packet type RTPFB (RFC 4585 6.1)
_REFERENCE = 256  # ticks of a unit of the reference time: 64 ms
_MOST_STATUSES = 1024  # in one message; more of them are told in another
_MOST_PENDING = 2048  # arrivals not told yet
_MOST_MESSAGES = 4  # at a time; numbers that leap about come from nobody worth more
_NOT_RECEIVED, _SMALL, _LARGE = 0, 1, 2
_LONGEST_RUN = 0x1FFF


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """Which packets from `base` on have arrived, and when.

    `arrivals` has an entry for each packet: ticks after the reference time, None if it has not
    come. `reference` is in units of 64 ms (24 bits), `number` counts the messages (8 bits).
    """

    sender_ssrc: int
    ssrc: int
    base: int
    reference: int
    number: int
    arrivals: tuple[int | None, ...]

    def serialize(self) -> bytes:
        """The packet. ValueError: two arrivals are too far apart for one message."""
        symbols, deltas, before = [], b"", 0
        for arrival in self.arrivals:
            if arrival is None:
                symbols.append(_NOT_RECEIVED)
                continue
            delta, before = arrival - before, arrival
            if 0 <= delta <= 0xFF:
                symbols.append(_SMALL)
                deltas += bytes([delta])
            elif -0x8000 <= delta <= 0x7FFF:
                symbols.append(_LARGE)
                deltas += struct.pack("!h", delta)
            else:
                raise ValueError("arrivals too far apart for one feedback")
        body = struct.pack(
            "!IIHHI",
            self.sender_ssrc,
            self.ssrc,
            self.base,
            len(self.arrivals),
            (self.reference & 0xFFFFFF) << 8 | self.number & 0xFF,
        )
        body += b"".join(struct.pack("!H", chunk) for chunk in _chunks(symbols)) + deltas
        body += bytes(-len(body) % 4)
        return struct.pack("!BBH", 0x80 | FORMAT, TRANSPORT_FEEDBACK, len(body) // 4) + body

    @classmethod
    def parse(cls, body: bytes) -> "TransportFeedback":
        """Read what follows the RTCP header. RtpError: it is cut off, or has reserved symbols."""
        try:
            sender, ssrc, base, count, rest = struct.unpack_from("!IIHHI", body)
            symbols, at = _read_symbols(body, count)
            arrivals: list[int | None] = []
            now = 0
            for symbol in symbols:
                if symbol == _NOT_RECEIVED:
                    arrivals.append(None)
                    continue
                small = symbol == _SMALL
                (delta,) = struct.unpack_from("!B" if small else "!h", body, at)
                at += 1 if small else 2
                now += delta
                arrivals.append(now)
        except struct.error as error:
            raise RtpError("transport feedback cut off") from error
        return cls(sender, ssrc, base, rest >> 8, rest & 0xFF, tuple(arrivals))

    @property
    def lost(self) -> int:
        """How many of the packets have not come."""
        return sum(arrival is None for arrival in self.arrivals)


def _chunks(symbols: list[int]) -> Iterator[int]:
    """The packet status chunks: runs where there are any, else 14 or 7 symbols at a time."""
    at = 0
    while at < len(symbols):
        symbol = symbols[at]
        run = 1
        while run < _LONGEST_RUN and symbols[at + run : at + run + 1] == [symbol]:
            run += 1
        following = symbols[at : at + 14]
        if run >= 14 or at + run == len(symbols):
            yield symbol << 13 | run
            at += run
        elif _LARGE not in following:
            bits = sum(each << (13 - place) for place, each in enumerate(following))
            yield 0x8000 | bits
            at += 14
        else:
            bits = sum(each << 2 * (6 - place) for place, each in enumerate(following[:7]))
            yield 0xC000 | bits
            at += 7


def _read_symbols(body: bytes, count: int) -> tuple[list[int], int]:
    """`count` status symbols, and where the deltas begin."""
    symbols: list[int] = []
    at = 16
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", body, at)
        at += 2
        if chunk < 0x8000:
            run = chunk & _LONGEST_RUN
            if run == 0:
                raise RtpError("transport feedback with a run of no length")
            symbols += [chunk >> 13] * min(run, count - len(symbols))
        elif chunk < 0xC000:
            symbols += [chunk >> place & 1 for place in range(13, -1, -1)]
        else:
            symbols += [chunk >> place & 3 for place in range(12, -1, -2)]
    del symbols[count:]
    if 3 in symbols:
        raise RtpError("transport feedback with a reserved symbol")
    return symbols, at


class ArrivalLog:
    """Notes the arrivals of one transport, and makes the feedback about them."""

    def __init__(self, sender_ssrc: int) -> None:
        self._sender_ssrc = sender_ssrc
        self._number = 0
        self._newest: int | None = None  # unwrapped
        self._told: int | None = None  # up to which packet everything has been told
        self._pending: dict[int, int] = {}  # ticks of arrival by unwrapped number
        self._due = 0.0

    def arrived(self, sequence: int, now: float) -> None:
        """A packet has come. Of one that comes twice the first arrival counts."""
        unwrapped = sequence
        if self._newest is not None:
            unwrapped = self._newest + distance(sequence, self._newest & 0xFFFF, 16)
        if not self._pending:
            self._due = max(self._due, now + INTERVAL)
        if len(self._pending) < _MOST_PENDING:
            self._pending.setdefault(unwrapped, round(now / TICK))
        self._newest = unwrapped if self._newest is None else max(self._newest, unwrapped)

    def feedback(self, ssrc: int, now: float) -> list[TransportFeedback]:
        """The messages that are due about the transport that `ssrc` is a stream of."""
        if not self._pending or now < self._due:
            return []
        pending, self._pending = sorted(self._pending.items()), {}
        self._due = now + INTERVAL
        messages: list[TransportFeedback] = []
        base = pending[0][0]
        if self._told is not None and 0 < base - self._told <= _MOST_STATUSES // 2:
            base = self._told + 1  # those between are lost, or late
        while pending and len(messages) < _MOST_MESSAGES:
            taken = _fitting(pending, base)
            messages.append(self._message(ssrc, base, pending[:taken]))
            pending = pending[taken:]
            base = pending[0][0] if pending else base
        self._told = max(self._newest or 0, self._told or 0)
        return messages

    def _message(self, ssrc: int, base: int, arrived: list[tuple[int, int]]) -> TransportFeedback:
        reference = min(ticks for _, ticks in arrived) // _REFERENCE
        at = {number: ticks - reference * _REFERENCE for number, ticks in arrived}
        arrivals = tuple(at.get(number) for number in range(base, arrived[-1][0] + 1))
        self._number = (self._number + 1) & 0xFF
        return TransportFeedback(
            self._sender_ssrc,
            ssrc,
            base & 0xFFFF,
            reference & 0xFFFFFF,
            self._number,
            arrivals,
        )


def _fitting(pending: list[tuple[int, int]], base: int) -> int:
    """How many arrivals one message from `base` on can hold; always one."""
    earliest = latest = pending[0][1]
    for taken, (number, ticks) in enumerate(pending):
        earliest, latest = min(earliest, ticks), max(latest, ticks)
        too_far = latest - earliest + _REFERENCE > 0x7FFF
        if taken and (number - base >= _MOST_STATUSES or too_far):
            return taken
    return len(pending)


class TransportCounter:
    """Numbers what we send over one transport."""

    def __init__(self) -> None:
        self.reported_lost = 0  # by the peer, in its feedback so far
        self._next = 0

    def next(self) -> bytes:
        """The header-extension element of the next packet."""
        number, self._next = self._next, (self._next + 1) & 0xFFFF
        return number.to_bytes(2)

    def reported(self, feedback: TransportFeedback) -> None:
        """Take the peer's feedback: audio has one rate, so nothing is done about it."""
        self.reported_lost += feedback.lost
