"""The sending side of one RTP stream: numbering, counting, and its sender reports."""

from gateway.rtp.packet import MAX_SEQUENCE, MAX_TIMESTAMP, RtpPacket
from gateway.rtp.rtcp import ReportBlock, SenderReport, ntp_time


class RtpSender:
    """Numbers the packets of one SSRC.

    `clock_rate` in Hz. Sequence number and timestamp start where the caller says: at random
    (RFC 3550 section 5.1), or where an earlier stream with this SSRC stopped.
    """

    def __init__(self, ssrc: int, clock_rate: int, *, sequence: int, timestamp: int) -> None:
        self.ssrc = ssrc
        self.packets = 0
        self.octets = 0
        self.sequence = sequence & MAX_SEQUENCE
        self.timestamp = timestamp & MAX_TIMESTAMP
        self._clock_rate = clock_rate
        self._paused = True

    def packet(
        self,
        payload_type: int,
        payload: bytes,
        duration: int,
        extension: tuple[int, bytes] = (0, b""),
    ) -> RtpPacket:
        """The next packet, lasting `duration` clock units; the first of a talk spurt is marked."""
        packet = RtpPacket(
            payload_type,
            self.sequence,
            self.timestamp,
            self.ssrc,
            payload,
            self._paused,
            extension,
        )
        self._paused = False
        self.sequence = (self.sequence + 1) & MAX_SEQUENCE
        self.timestamp = (self.timestamp + duration) & MAX_TIMESTAMP
        self.packets += 1
        self.octets += len(payload)
        return packet

    def event(
        self, payload_type: int, payload: bytes, timestamp: int, *, marker: bool
    ) -> RtpPacket:
        """The next packet, about an event that began at `timestamp`: time does not go on."""
        packet = RtpPacket(payload_type, self.sequence, timestamp, self.ssrc, payload, marker)
        self.sequence = (self.sequence + 1) & MAX_SEQUENCE
        self.packets += 1
        self.octets += len(payload)
        return packet

    def pause(self, duration: int) -> None:
        """Let `duration` clock units pass without a packet: time goes on, the sequence does not."""
        self._paused = True
        self.timestamp = (self.timestamp + duration) & MAX_TIMESTAMP

    def report(self, unix_time: float, blocks: tuple[ReportBlock, ...]) -> SenderReport:
        """A sender report for the moment `unix_time` (seconds since 1970)."""
        return SenderReport(
            self.ssrc, ntp_time(unix_time), self.timestamp, self.packets, self.octets, blocks
        )
