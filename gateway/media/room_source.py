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
from gateway.rtp.statistics import Reception

_CLOCK_RATE = 48000
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
        self._glanced: dict[BridgeLeg, float] = {}

    def receive(self, leg: BridgeLeg, data: bytes, payload_type: int, now: float) -> bool:
        """Take the copy `leg` got; False if it was opened and is not what it claims to be.

        `payload_type` is the only one that can be played: of others nothing is kept.
        """
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
        if packet.payload_type == payload_type:
            self.playout.put(packet, now)
        return True

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
            discarded=playout.discarded,
            concealed=round(playout.concealed * 1000),
            gap=round(playout.longest_gap * 1000),
            jitter=reception.jitter * 1000,
            delay=playout.delay * 1000,
        )

    def pull(self, now: float) -> Samples | None:
        """The next frame, None while the source is silent."""
        frame = self.playout.pull(now)
        return frame if self.playout.is_sounding else None
