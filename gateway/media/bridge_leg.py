"""The conference's side of a call: our stream to the videobridge, and how its packets are opened.

What arrives belongs to the room, not to the leg: `gateway.media.room_bus` decides which packets
are worth opening. No IO of its own; packets go out through the transport it is given.
"""

import secrets
from collections.abc import Iterable
from functools import cache

from audiocodecs.frames import Samples, silence
from audiocodecs.opus import OpusEncoder
from gateway.errors import RtpError
from gateway.media.bridge_feedback import BridgeFeedback, MediaSink
from gateway.media.encoding import LEAST_LOSS
from gateway.media.messages import BridgeOffer, StreamReport
from gateway.media.reports import RtcpSession, sent
from gateway.rtp.packet import RtpPacket, pack_extensions, unpack_extensions
from gateway.rtp.red import RedSender
from gateway.rtp.rtcp import parse_compound
from gateway.rtp.sender import RtpSender
from gateway.rtp.srtp import SrtpReceiver
from gateway.rtp.statistics import Reception

_CLOCK_RATE = 48000  # of Opus, whatever the rate of the frames (RFC 7587 section 4.1)
_FRAME = 960
_FRAMES = 50  # a second
_NARROW_BAND = 8000  # Hz
_VOICE = 0x80  # beside the level: this is speech, which a bridge may then protect (RFC 6464's V)
_ALMOST_SILENT = 126  # the level of what ends a talk spurt: at 127 the bridge would discard it
_LONGEST_TAIL = 25  # packets that end a talk spurt, at most
_DTX_SENT = 2  # of them that say "no more follows": one may be lost
_DTX_SIZE = 2  # octets: Opus packets this short hold no audio (RFC 7587 section 3.1.3)
_HEAVY_LOSS, _LIGHT_LOSS = 0.10, 0.05  # above, two packets back are repeated; below, one


class BridgeLeg:
    """One connected session with the videobridge; `receiver` opens what the bridge sends.

    Frames are 20 ms at 8 or 16 kHz, whichever the caller's phone has. `bitrate` is in bit/s.
    """

    def __init__(
        self,
        offer: BridgeOffer,
        sink: MediaSink,
        receiver: SrtpReceiver,
        now: float,
        *,
        bitrate: int,
        complexity: int,
    ) -> None:
        self.session = offer.session
        self.ssrc = offer.ssrc
        self.bridge_ssrc = offer.bridge_ssrc
        self.payload_type = offer.opus.payload_type
        self.red_type = offer.red.payload_type if offer.red else None
        self.event = offer.telephone_event
        self.feedback = BridgeFeedback(offer, sink)
        self.level_id = offer.audio_level_id
        self.undecodable = 0
        self.last_heard = 0.0
        """When RTP has come last, be it opened or not."""
        self._sink = sink
        self._wants_rtp = True
        self._receiver = receiver
        self._bitrate = bitrate
        self._complexity = complexity
        self._loss = LEAST_LOSS
        self._encode_at(_NARROW_BAND)
        self._sender = RtpSender(
            offer.ssrc, _CLOCK_RATE, sequence=secrets.randbits(15), timestamp=secrets.randbits(32)
        )
        self._red = RedSender(self.payload_type)
        self._rtcp = RtcpSession(self._sender, now)
        self._tail = 0  # packets since the caller fell silent
        self._dtx_sent = _DTX_SENT  # that is where a stream begins: silent, and not sent

    def send(self, frame: Samples | None, level: int) -> None:
        """Send the caller's frame, whose level is in -dBov; None while the caller is not heard.

        A talk spurt ends as Opus says that it does, with packets that hold no audio; then time
        passes without packets.
        """
        if frame is not None:
            if self._tail:
                self._tail = 0
                self._encoder.set_dtx(False)
            if len(frame) != len(self._silence):
                self._encode_at(len(frame) * _FRAMES)
            self._dtx_sent = 0
            self._transmit(*self._payload(frame), _VOICE | level)
        elif self._dtx_sent < _DTX_SENT and self._tail < _LONGEST_TAIL:
            self._end_spurt()
        else:
            self._pause()

    def _encode_at(self, rate: int) -> None:
        """Have an encoder for frames at this rate: the phone's codec may change."""
        self._silence = silence(rate // _FRAMES)
        self._encoder = OpusEncoder(rate, bitrate=self._bitrate, complexity=self._complexity)
        self._encoder.set_loss(self._loss)

    def _end_spurt(self) -> None:
        if self._tail == 0:
            self._encoder.set_dtx(True)
        self._tail += 1
        payload = self._encoder.encode(self._silence)
        self._dtx_sent += len(payload) <= _DTX_SIZE
        self._red.pause()
        self._transmit(self.payload_type, payload, _ALMOST_SILENT)

    def _transmit(self, payload_type: int, payload: bytes, stated: int) -> None:
        extension = _level_extension(self.level_id, stated)
        numbers = self.feedback.elements()
        if numbers:
            extension = pack_extensions({**unpack_extensions(extension), **numbers})
        self.feedback.send(self._sender.packet(payload_type, payload, _FRAME, extension))

    def set_complexity(self, complexity: int) -> None:
        """How much work to spend on each frame from now on, 0 to 10."""
        self._complexity = complexity
        self._encoder.set_complexity(complexity)

    def absent(self, seconds: float) -> None:
        """Nothing was sent for a while: the time of our stream has gone on without packets."""
        self._sender.pause(round(seconds * _CLOCK_RATE / _FRAME) * _FRAME)
        self._red.pause()

    def want_rtp(self, wanted: bool) -> None:
        """Whether the bridge's RTP is of any use here; if not, hardly any of it will come."""
        wanted = wanted or self.feedback.counts_arrivals
        if wanted is not self._wants_rtp:
            self._wants_rtp = wanted
            self._sink.want_rtp(wanted)

    def glance(self, data: bytes) -> RtpPacket | None:
        """A packet as it came: what is in clear may be read, and believed by who wants to."""
        try:
            return RtpPacket.parse(data[: -self._receiver.overhead])
        except RtpError:
            return None

    def open(self, data: bytes) -> RtpPacket | None:
        """Decrypt a packet; None if it is forged, replayed or damaged."""
        try:
            return RtpPacket.parse(self._receiver.unprotect(data))
        except RtpError:
            self.undecodable += 1
            return None

    def receive_rtcp(self, data: bytes, receptions: Iterable[Reception], now: float) -> None:
        """Take a protected compound; `receptions` are of the sources this leg carries."""
        try:
            packets = parse_compound(self._receiver.unprotect_rtcp(data))
        except RtpError:
            self.undecodable += 1
            return
        self._rtcp.receive(packets, receptions, now)
        self.feedback.receive(packets, now)
        loss = self._rtcp.reported_loss
        if loss is not None:
            self._loss = max(LEAST_LOSS, loss)
            self._encoder.set_loss(self._loss)
            if loss > _HEAVY_LOSS or loss < _LIGHT_LOSS:
                self._red.distance = 2 if loss > _HEAVY_LOSS else 1

    def report(self, receptions: Iterable[Reception], now: float) -> None:
        """Send the report that is due, about the sources this leg carries."""
        compound = self._rtcp.due(receptions, now)
        if compound is not None:
            self._sink.send_rtcp(compound)
        self.feedback.tell_arrivals(now)

    def sent(self) -> StreamReport:
        """What was sent to the bridge so far."""
        return sent(self._sender, self._rtcp.reported, _CLOCK_RATE)

    @property
    def round_trip(self) -> float | None:
        """Milliseconds to the bridge and back, by its reports."""
        return self._rtcp.round_trip

    def _pause(self) -> None:
        self._sender.pause(_FRAME)
        self._red.pause()

    def _payload(self, frame: Samples) -> tuple[int, bytes]:
        """The payload of a frame and its type: RED if that was negotiated and repeats anything."""
        payload = self._encoder.encode(frame)
        if self.red_type is not None:
            redundant = self._red.payload(payload, self._sender.timestamp)
            if redundant is not None:
                return self.red_type, redundant
        return self.payload_type, payload


@cache
def _level_extension(level_id: int | None, stated: int) -> tuple[int, bytes]:
    """The header extension with a level and what goes with it (RFC 6464 section 3); none if that
    was not negotiated."""
    return pack_extensions({level_id: bytes([stated])}) if level_id is not None else (0, b"")
