"""RTCP packets: reports, descriptions, goodbyes (RFC 3550 section 6), feedback (RFC 4585), and
extended reports (RFC 3611)."""

import struct
from dataclasses import dataclass

from gateway.errors import RtpError
from gateway.rtp import transport_cc
from gateway.rtp.packet import LARGEST
from gateway.rtp.transport_cc import TRANSPORT_FEEDBACK, TransportFeedback
from gateway.rtp.xr import ExtendedReport

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203

_MOST_NACKED = 64  # items, each of up to 17 packets; nobody keeps so many to send them again
_CNAME = 1
_GENERIC_NACK = 1
_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver says about one source it hears (section 6.4.1).

    `fraction_lost` is in 1/256, `jitter` in units of the RTP clock, `last_report` the middle 32
    bits of the NTP time of the source's last SR, `delay` since then in 1/65536 s.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    delay: int

    def serialize(self) -> bytes:
        lost = min(max(self.lost, -0x800000), 0x7FFFFF) & 0xFFFFFF
        return struct.pack(
            "!IIIIII",
            self.ssrc,
            self.fraction_lost << 24 | lost,
            self.highest_sequence & 0xFFFFFFFF,
            self.jitter & 0xFFFFFFFF,
            self.last_report,
            self.delay & 0xFFFFFFFF,
        )

    @classmethod
    def parse(cls, data: bytes) -> "ReportBlock":
        ssrc, loss, highest, jitter, last_report, delay = struct.unpack("!IIIIII", data)
        lost = loss & 0xFFFFFF
        lost -= (lost & 0x800000) << 1
        return cls(ssrc, loss >> 24, lost, highest, jitter, last_report, delay)


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What a sender says of its own stream (section 6.4.1); `ntp_time` is the 64-bit NTP time."""

    ssrc: int
    ntp_time: int
    rtp_timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()

    def serialize(self) -> bytes:
        sender = struct.pack(
            "!IQIII",
            self.ssrc,
            self.ntp_time,
            self.rtp_timestamp & 0xFFFFFFFF,
            self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
        )
        return _packet(SENDER_REPORT, len(self.blocks), sender + _serialize_blocks(self.blocks))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What someone who sends nothing says of what it hears (section 6.4.2)."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def serialize(self) -> bytes:
        body = struct.pack("!I", self.ssrc) + _serialize_blocks(self.blocks)
        return _packet(RECEIVER_REPORT, len(self.blocks), body)


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """The canonical name of a source (section 6.5)."""

    ssrc: int
    cname: str

    def serialize(self) -> bytes:
        name = self.cname.encode()[:255]
        chunk = struct.pack("!IBB", self.ssrc, _CNAME, len(name)) + name
        return _packet(SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Sources that leave (section 6.6)."""

    ssrcs: tuple[int, ...]

    def serialize(self) -> bytes:
        return _packet(GOODBYE, len(self.ssrcs), struct.pack(f"!{len(self.ssrcs)}I", *self.ssrcs))


@dataclass(frozen=True, slots=True)
class GenericNack:
    """Sequence numbers a receiver misses and asks for again (RFC 4585 section 6.2.1)."""

    sender_ssrc: int
    ssrc: int
    sequences: tuple[int, ...]

    def serialize(self) -> bytes:
        items = b"".join(struct.pack("!HH", sequence, 0) for sequence in self.sequences)
        body = struct.pack("!II", self.sender_ssrc, self.ssrc) + items
        return _packet(TRANSPORT_FEEDBACK, _GENERIC_NACK, body)


RtcpPacket = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Goodbye
    | GenericNack
    | TransportFeedback
    | ExtendedReport
)


def ntp_time(unix_time: float) -> int:
    """A wall-clock time as the 64-bit NTP time of a sender report."""
    return int((unix_time + _NTP_EPOCH) * (1 << 32))


def middle(ntp: int) -> int:
    """The middle 32 bits of an NTP time, as report blocks quote them."""
    return ntp >> 16 & 0xFFFFFFFF


def parse_compound(data: bytes) -> list[RtcpPacket]:
    """The packets of a compound datagram that are known here; RtpError if it is not RTCP, or
    larger than it may be."""
    if len(data) > LARGEST:
        raise RtpError(f"RTCP of {len(data)} octets")
    packets: list[RtcpPacket] = []
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            raise RtpError("RTCP packet cut off")
        first, kind, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            raise RtpError("not RTCP")
        body = data[at + 4 : end]
        if first & 0x20:
            if not body or body[-1] > len(body):
                raise RtpError("RTCP padding longer than the packet")
            body = body[: len(body) - body[-1]]
        packet = _parse_one(kind, first & 0x1F, body)
        if packet is not None:
            packets.append(packet)
        at = end
    return packets


def _parse_one(kind: int, count: int, body: bytes) -> RtcpPacket | None:
    try:
        match kind:
            case 200:
                ssrc, ntp, timestamp, packets, octets = struct.unpack_from("!IQIII", body)
                blocks = _parse_blocks(body[24:], count)
                return SenderReport(ssrc, ntp, timestamp, packets, octets, blocks)
            case 201:
                (ssrc,) = struct.unpack_from("!I", body)
                return ReceiverReport(ssrc, _parse_blocks(body[4:], count))
            case 202:
                return _parse_description(body)
            case 203:
                return Goodbye(struct.unpack_from(f"!{count}I", body))
            case 205 if count == _GENERIC_NACK:
                return _parse_nack(body)
            case 205 if count == transport_cc.FORMAT:
                return TransportFeedback.parse(body)
            case 207:
                return ExtendedReport.parse(body)
            case _:
                return None
    except struct.error as error:
        raise RtpError(f"RTCP packet of type {kind} too short") from error


def _parse_blocks(data: bytes, count: int) -> tuple[ReportBlock, ...]:
    return tuple(ReportBlock.parse(data[24 * i : 24 * i + 24]) for i in range(count))


def _parse_description(body: bytes) -> SourceDescription | None:
    """The CNAME of the first chunk: the only item anything here asks for."""
    if len(body) < 6 or body[4] != _CNAME:
        return None
    (ssrc,) = struct.unpack_from("!I", body)
    return SourceDescription(ssrc, body[6 : 6 + body[5]].decode(errors="replace"))


def _parse_nack(body: bytes) -> GenericNack:
    sender, ssrc = struct.unpack_from("!II", body)
    sequences = []
    for at in range(8, min(len(body) - 3, 8 + 4 * _MOST_NACKED), 4):
        first, following = struct.unpack_from("!HH", body, at)
        sequences.append(first)
        sequences += [(first + 1 + i) & 0xFFFF for i in range(16) if following >> i & 1]
    return GenericNack(sender, ssrc, tuple(sequences))


def _serialize_blocks(blocks: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(block.serialize() for block in blocks)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
