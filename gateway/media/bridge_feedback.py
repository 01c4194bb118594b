"""What leg and videobridge tell each other about single packets: losses, and arrival times.

Generic NACK (RFC 4585) is answered from what was sent in the last second, and asked with where the
answer can come in time; transport-wide feedback goes both ways if it was negotiated. No IO and no
clock: reports go out through the sink the leg has.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from gateway.errors import RtpError
from gateway.media.messages import BridgeOffer
from gateway.rtp.packet import RtpPacket, unpack_extensions
from gateway.rtp.retransmission import SendCache
from gateway.rtp.rtcp import GenericNack, RtcpPacket
from gateway.rtp.transport_cc import ArrivalLog, TransportCounter, TransportFeedback


class MediaSink(Protocol):
    """Where protected packets go: the connection to the bridge."""

    def send_rtp(self, packet: bytes) -> None: ...

    def send_rtcp(self, packet: bytes) -> None: ...

    def want_rtp(self, wanted: bool) -> None: ...


class BridgeFeedback:
    """The feedback of one session with the videobridge."""

    def __init__(self, offer: BridgeOffer, sink: MediaSink) -> None:
        self.counter = TransportCounter()
        self.cache = SendCache()
        self.requested = 0  # packets the bridge was asked for again
        self._ssrc = offer.ssrc
        self._bridge_ssrc = offer.bridge_ssrc or 0
        self._transport_cc_id = offer.transport_cc_id
        self._arrivals = ArrivalLog(offer.ssrc)
        self._sink = sink

    @property
    def counts_arrivals(self) -> bool:
        """Whether every packet has to come, to be told of."""
        return self._transport_cc_id is not None

    def elements(self) -> dict[int, bytes]:
        """The header-extension elements of the next packet to be sent."""
        if self._transport_cc_id is None:
            return {}
        return {self._transport_cc_id: self.counter.next()}

    def send(self, packet: RtpPacket) -> None:
        """Send a packet, and keep it for a while.

        It is kept as it is before protection: protected again, with the same key and number, it
        becomes the very same octets, which SRTP allows (RFC 3711 section 9.1).
        """
        data = packet.serialize()
        self.cache.sent(packet.sequence, data)
        self._sink.send_rtp(data)

    def receive(self, packets: Iterable[RtcpPacket], now: float) -> None:
        """What the bridge says about single packets of ours."""
        for packet in packets:
            match packet:
                case GenericNack() if packet.ssrc == self._ssrc:
                    for data in self.cache.requested(packet.sequences, now):
                        self._sink.send_rtp(data)
                case TransportFeedback():
                    self.counter.reported(packet)

    def arrived(self, data: bytes, now: float) -> None:
        """An RTP packet has come from the bridge, still protected; feedback goes out if due.

        Its number is read unauthenticated, since most packets are never opened (`room_source`). A
        forged one makes the feedback wrong, and nothing else.
        """
        if self._transport_cc_id is None:
            return
        try:
            extension = RtpPacket.parse(data).extension
        except RtpError:
            return
        element = unpack_extensions(extension).get(self._transport_cc_id, b"")
        if len(element) == 2:
            self._arrivals.arrived(int.from_bytes(element), now)
        self.tell_arrivals(now)

    def tell_arrivals(self, now: float) -> None:
        """Send the transport feedback that is due."""
        for feedback in self._arrivals.feedback(self._bridge_ssrc, now):
            self._sink.send_rtcp(feedback.serialize())

    def ask_again(self, ssrc: int, sequences: Sequence[int]) -> None:
        """Ask the bridge for packets of a source that were lost on the way."""
        self.requested += len(sequences)
        self._sink.send_rtcp(GenericNack(self._ssrc, ssrc, tuple(sequences)).serialize())
