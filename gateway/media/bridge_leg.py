"""The conference's side of a call: our stream to the videobridge, and how its packets are opened.

What arrives belongs to the room, not to the leg: `gateway.media.room_bus` decides which packets
are worth opening. No IO of its own; packets go out through the transport it is given.
"""

import secrets
from collections.abc import Iterable

from audiocodecs.frames import SILENCE_LEVEL, Samples, audio_level
from audiocodecs.opus import OpusEncoder
from gateway.errors import RtpError
from gateway.media.bridge_feedback import BridgeFeedback, MediaSink
from gateway.media.messages import BridgeOffer, StreamReport
from gateway.media.reports import RtcpSession
from gateway.rtp.packet import RtpPacket, pack_extensions
from gateway.rtp.red import RedSender
from gateway.rtp.rtcp import parse_compound
from gateway.rtp.sender import RtpSender
from gateway.rtp.srtp import SrtpReceiver
from gateway.rtp.statistics import Reception

_CLOCK_RATE = 48000  # of Opus, whatever the rate of the frames (RFC 7587 section 4.1)
_FRAME = 960
_SILENT_SENT = 3  # packets that say "silence" before sending stops: the bridge passes four
_LEAST_LOSS = 0.05  # the share of FEC never falls below what this fraction needs
_HEAVY_LOSS, _LIGHT_LOSS = 0.10, 0.05  # above, two packets back are repeated; below, one


class BridgeLeg:
    """One connected session with the videobridge.

    Frames are 20 ms at `rate` Hz; `receiver` opens what the bridge sends.
    """

    def __init__(
        self,
        offer: BridgeOffer,
        sink: MediaSink,
        receiver: SrtpReceiver,
        now: float,
        *,
        rate: int,
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
        self.undecodable = 0
        self.muted = False
        self._level_id = offer.audio_level_id
        self._sink = sink
        self._receiver = receiver
        self._encoder = OpusEncoder(rate, bitrate=bitrate, complexity=complexity)
        self._sender = RtpSender(
            offer.ssrc, _CLOCK_RATE, sequence=secrets.randbits(15), timestamp=secrets.randbits(32)
        )
        self._red = RedSender(self.payload_type)
        self._rtcp = RtcpSession(self._sender, now)
        self._silent = 0

    def send(self, frame: Samples) -> None:
        """Encode the caller's frame and send it; while muted, time passes without packets."""
        if self.muted:
            self._pause()
            return
        level = audio_level(frame)
        self._silent = self._silent + 1 if level == SILENCE_LEVEL else 0
        if self._silent > _SILENT_SENT:
            # Digital silence: the bridge would discard it (and mask it), so it is not sent.
            self._pause()
            return
        elements = self.feedback.elements()
        if self._level_id is not None:
            elements = {self._level_id: bytes([level]), **elements}
        extension = pack_extensions(elements) if elements else (0, b"")
        payload_type, payload = self._payload(frame)
        self.feedback.send(self._sender.packet(payload_type, payload, _FRAME, extension))

    def absent(self, seconds: float) -> None:
        """There was no path for a while: the time of our stream has gone on without packets."""
        self._sender.pause(round(seconds * _CLOCK_RATE / _FRAME) * _FRAME)
        self._red.pause()

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
            self._encoder.set_loss(max(_LEAST_LOSS, loss))
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
        return StreamReport(packets=self._sender.packets, octets=self._sender.octets)

    @property
    def round_trip(self) -> float | None:
        """Milliseconds to the bridge and back, by its reports."""
        return self._rtcp.round_trip

    @property
    def reported_loss(self) -> float | None:
        """Which fraction of what we send the bridge says it loses."""
        return self._rtcp.reported_loss

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
