"""One remote source of a room: which of its copies is opened, and what it sounds like.

Every endpoint of ours in the room gets a copy of the source from the bridge. One endpoint, the
carrier, opens its copies; the others drop theirs unread, except the first and about one a second:
SRTP's rollover counter is kept by opening packets only. When the carrier falls silent while
another endpoint still gets the source, that one takes over.
"""

from audiocodecs.frames import Samples
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.decoding import OpusStreamDecoder
from gateway.media.messages import StreamReport
from gateway.media.playout import Playout
from gateway.rtp.packet import RtpPacket
from gateway.rtp.red import RedReceiver
from gateway.rtp.retransmission import LossWatch
from gateway.rtp.statistics import Reception
from gateway.rtp.telephone_event import Press, TelephoneEventReceiver

_CLOCK_RATE = 48000
_FRAME = 960
_STALL = 0.030  # seconds: one and a half packets
_GLANCE = 1.0  # seconds between copies opened for the rollover counter alone


class RoomSource:
    """A source with SSRC `ssrc`; `endpoint` is its owner, None until the focus names one."""

    def __init__(self, ssrc: int, endpoint: str | None, now: float, *, rate: int) -> None:
        self.ssrc = ssrc
        self.endpoint = endpoint
        self.carrier: BridgeLeg | None = None
        self.last_carried = now
        self.playout = Playout(OpusStreamDecoder(rate), _CLOCK_RATE)
        self.reception = Reception(ssrc, _CLOCK_RATE)
        self._red = RedReceiver()
        self._watch = LossWatch()
        self._keys: TelephoneEventReceiver | None = None
        self._presses: list[Press] = []
        self._glanced: dict[BridgeLeg, float] = {}

    def receive(self, leg: BridgeLeg, data: bytes, now: float) -> bool:
        """Take the copy `leg` got; False if it was opened and is not what it claims to be."""
        carried = leg is self.carrier
        if not carried and now - self.last_carried < _STALL and self.carrier is not None:
            if now - self._glanced.get(leg, -_GLANCE) < _GLANCE:
                return True
            self._glanced[leg] = now
        packet = leg.open(data)
        if packet is None:
            return False
        if not carried and (self.carrier is None or now - self.last_carried >= _STALL):
            self.carrier = leg
            # What the new carrier dropped unread is not lost: its statistics begin here.
            self.reception = Reception(self.ssrc, _CLOCK_RATE)
            carried = True
        if carried:
            self.last_carried = now
            self.reception.received(packet, now)
        if packet.payload_type in (leg.payload_type, leg.red_type):
            self._hear(leg, packet, now)
        else:
            # Its audio goes on with the same numbers: this one is no loss.
            self.playout.put_aside(packet.sequence)
            self._watch.missing(packet.sequence)
            if leg.event is not None and packet.payload_type == leg.event.payload_type:
                self._press(leg.event.clock_rate, packet, now)
        return True

    def presses(self, now: float) -> list[Press]:
        """The keys its owner has pressed since the last time."""
        if self._keys is None:
            return []
        finished, self._presses = self._presses + self._keys.expire(now), []
        return finished

    def leave(self, leg: BridgeLeg) -> None:
        """An endpoint of ours is gone: the next copy that comes makes another the carrier."""
        self._glanced.pop(leg, None)
        if self.carrier is leg:
            self.carrier = None

    def heard(self) -> StreamReport:
        """What has come of it since it has had its carrier."""
        playout, reception = self.playout, self.reception
        return StreamReport(
            packets=reception.packets,
            octets=reception.octets,
            lost=max(0, reception.lost),
            late=playout.late,
            duplicate=playout.duplicate,
            discarded=playout.discarded + self._red.damaged,
            recovered=self._red.recovered,
            concealed=round(playout.concealed * 1000),
            gap=round(playout.longest_gap * 1000),
            jitter=reception.jitter * 1000,
            delay=playout.delay * 1000,
        )

    def pull(self, now: float) -> Samples | None:
        """The next frame, None while the source is silent."""
        frame = self.playout.pull(now)
        return frame if self.playout.is_sounding else None

    def _hear(self, leg: BridgeLeg, packet: RtpPacket, now: float) -> None:
        """Audio: play it, with what it repeats, and ask for what is missing all the same."""
        for part in self._red.unpack(packet, leg.red_type, leg.payload_type):
            missing = self._watch.missing(part.sequence)
            if missing and leg is self.carrier:
                self._ask_again(leg, part, missing, now)
            self.playout.put(part, now)

    def _ask_again(
        self, leg: BridgeLeg, packet: RtpPacket, missing: tuple[int, ...], now: float
    ) -> None:
        """Ask for what is missing before a packet, if the answer comes before it is due."""
        if leg.round_trip is None:
            return
        due = {
            sequence: self.playout.time_left(packet.timestamp - back * _FRAME & 0xFFFFFFFF, now)
            for back, sequence in zip(range(len(missing), 0, -1), missing, strict=True)
        }
        in_time = [sequence for sequence in missing if due[sequence] * 1000 > leg.round_trip]
        if in_time:
            leg.feedback.ask_again(self.ssrc, in_time)

    def _press(self, clock_rate: int, packet: RtpPacket, now: float) -> None:
        if self._keys is None:
            self._keys = TelephoneEventReceiver(clock_rate)
        self._presses += self._keys.receive(packet, now)
