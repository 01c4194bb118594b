"""Where does a phone really send from, and so want to be sent to? (symmetric RTP, RFC 4961)

The address in a session description is wrong behind most NATs. A source is believed when three
packets in a row come from it with one SSRC, neighbouring sequence numbers and a negotiated payload
type; one at the signalled media or signalling host wins over any other. After that everybody else
is a stranger, until the source is silent for two seconds and another goes on with its SSRC and
sequence; a fifth of a second is enough at another port of the same host, for NATs give those anew.
Or until a new offer/answer: for five seconds if the source goes on after it, else for as long as it
is silent. A packet that SRTP has authenticated proves its source alone.
"""

from dataclasses import dataclass, field

from gateway.rtp.packet import RtpPacket
from gateway.rtp.sequence import distance

Address = tuple[str, int]

_CONFIRMED = 3
_SILENCE = 2.0
_SILENCE_OF_PORT = 0.2  # seconds, if it is another of the same host that goes on
_STAYED = 5.0  # seconds in which the source goes on after an offer/answer: it has not moved
_CONSISTENT = 5  # sequence numbers of consecutive arrivals differ by no more
_FASTEST = 100  # packets a second: how far the sequence may have run on when a source moves
_CANDIDATES = 8  # strangers watched at a time


@dataclass(slots=True)
class _Candidate:
    ssrc: int
    sequence: int
    packets: list[tuple[RtpPacket, float]] = field(default_factory=list)


class Latch:
    """Decides which packets are the phone's and where to send to.

    `signalling_host` is the host its SIP messages come from.
    """

    def __init__(self, signalling_host: str) -> None:
        self.strangers = 0
        self.latched: Address | None = None
        self._signalled: Address | None = None
        self._signalling_host = signalling_host
        self._payload_types: frozenset[int] = frozenset()
        self._open = True
        self._former: Address | None = None  # where the source was before the last offer/answer
        self._going_on_since: float | None = None  # after that
        self._candidates: dict[Address, _Candidate] = {}
        self._last_heard = 0.0
        self._last: tuple[int, int] | None = None  # SSRC and sequence of the source

    @property
    def destination(self) -> Address | None:
        """Where to send media, None while nobody knows."""
        return self.latched or self._signalled

    def negotiated(self, signalled: Address | None, payload_types: frozenset[int]) -> None:
        """An offer/answer is done: a new source may prove itself, the old one is kept until then.

        If the signalled address has changed, media goes there at once.
        """
        self._former = self.latched
        if signalled != self._signalled:
            self.latched = None
        self._signalled = signalled
        self._payload_types = payload_types
        self._open = True
        self._going_on_since = None
        self._candidates.clear()

    def admit(
        self, packet: RtpPacket, source: Address, now: float, *, is_authentic: bool = False
    ) -> list[tuple[RtpPacket, float]]:
        """The packets to play now, and when each has come: this one, or also those that proved
        its source, or none."""
        if packet.payload_type not in self._payload_types:
            self.strangers += 1
            return []
        if is_authentic:
            if not self._is_overtaken(packet, now):
                self._settle(source)
                self._heard(packet, now)
            return [(packet, now)]
        if source == self.latched:
            if self._open:
                self._goes_on(now)
            self._heard(packet, now)
            return [(packet, now)]
        if not self._may_move(packet, source, now):
            self.strangers += 1
            return []
        candidate = self._candidate(packet, source, now)
        if candidate is None:
            self.strangers += 1
            return []
        if len(candidate.packets) < _CONFIRMED:
            return []
        self._settle(source)
        self._heard(packet, now)
        return candidate.packets

    def is_from_peer(self, host: str) -> bool:
        """Whether RTCP from `host` belongs to the phone."""
        known = {self.latched, self._signalled} - {None}
        return any(host == address[0] for address in known if address)

    def _settle(self, source: Address) -> None:
        """The right to move is used up, unless a better source shows, or this is not the one that
        has moved: what it has sent last may still be on its way."""
        self.latched = source
        self._open, self._former = source == self._former, None
        self._candidates.clear()

    def _goes_on(self, now: float) -> None:
        """The source is heard where it was: in time the right to move is over."""
        if self._going_on_since is None:
            self._going_on_since = now
        self._open = now - self._going_on_since < _STAYED

    def _is_overtaken(self, packet: RtpPacket, now: float) -> bool:
        """Whether a packet was sent before the last one: it may have another way behind it.

        After a silence it is none of those, but of a phone that counts anew.
        """
        if self._last is None or self._last[0] != packet.ssrc:
            return False
        if now - self._last_heard >= _SILENCE:
            return False
        return distance(packet.sequence, self._last[1], 16) <= 0

    def _may_move(self, packet: RtpPacket, source: Address, now: float) -> bool:
        if self.latched is None or self._open or self._wins(source):
            return True
        is_near = source[0] == self.latched[0]
        silence = _SILENCE_OF_PORT if is_near else _SILENCE
        if self._last is None or now - self._last_heard < silence:
            return False
        ssrc, sequence = self._last
        step = distance(packet.sequence, sequence, 16)
        return packet.ssrc == ssrc and 0 < step <= _FASTEST * (now - self._last_heard)

    def _wins(self, source: Address) -> bool:
        """Whether `source` is where signalling says and the present one is not."""
        return self._rank(source) > (self._rank(self.latched) if self.latched else -1)

    def _rank(self, source: Address) -> int:
        if source == self._signalled:
            return 2
        signalled_host = self._signalled[0] if self._signalled else None
        return int(source[0] in (signalled_host, self._signalling_host))

    def _candidate(self, packet: RtpPacket, source: Address, now: float) -> _Candidate | None:
        """What is known of `source`, this packet included; None if too many are watched."""
        candidate = self._candidates.get(source)
        if candidate is None and not self._make_room(source):
            return None
        if (
            candidate is None
            or candidate.ssrc != packet.ssrc
            or not 0 < abs(distance(packet.sequence, candidate.sequence, 16)) <= _CONSISTENT
        ):
            candidate = self._candidates[source] = _Candidate(packet.ssrc, packet.sequence)
        candidate.sequence = packet.sequence
        candidate.packets.append((packet, now))
        return candidate

    def _make_room(self, source: Address) -> bool:
        """Give up the oldest of the least likely sources if too many are watched."""
        if len(self._candidates) < _CANDIDATES:
            return True
        least = min(self._candidates, key=self._rank)
        if self._rank(least) > self._rank(source):
            return False
        del self._candidates[least]
        return True

    def _heard(self, packet: RtpPacket, now: float) -> None:
        self._last_heard = now
        self._last = (packet.ssrc, packet.sequence)
