"""Extended reports (RFC 3611): what a receiver of voice heard, and round trips for those who only
receive. Of the report blocks those for voice are read, and others passed over."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import RtpError

EXTENDED_REPORT = 207
UNAVAILABLE = 127
"""The value of levels, ratings and scores that nobody has measured (section 4.7)."""

BEST_R = 100
"""What is above it, and a MOS beyond 1 to 5, says nothing (section 4.7.5)."""

_REFERENCE_TIME, _DLRR, _VOIP_METRICS = 4, 5, 7
_VOIP = struct.Struct("!I4B4H2b2B4B2B3H")


@dataclass(frozen=True, slots=True)
class VoipMetrics:
    """How one source was heard (section 4.7).

    `loss_rate`, `discard_rate` and the densities are in 1/256; durations, delays and the jitter
    buffer's in milliseconds; levels in dBm0, `echo_return_loss` in dB; scores in tenths. What is
    unknown is 0, or `UNAVAILABLE` for `signal_level` to `mos_cq`. `configuration` is the octet of
    section 4.7.6: concealment, adaptive or not.
    """

    ssrc: int
    loss_rate: int = 0
    discard_rate: int = 0
    burst_density: int = 0
    gap_density: int = 0
    burst_duration: int = 0
    gap_duration: int = 0
    round_trip: int = 0
    end_system_delay: int = 0
    signal_level: int = UNAVAILABLE
    noise_level: int = UNAVAILABLE
    echo_return_loss: int = UNAVAILABLE
    gmin: int = 16
    r_factor: int = UNAVAILABLE
    external_r_factor: int = UNAVAILABLE
    mos_lq: int = UNAVAILABLE
    mos_cq: int = UNAVAILABLE
    configuration: int = 0
    nominal_delay: int = 0
    maximum_delay: int = 0
    absolute_maximum_delay: int = 0

    def serialize(self) -> bytes:
        body = _VOIP.pack(
            self.ssrc,
            self.loss_rate,
            self.discard_rate,
            self.burst_density,
            self.gap_density,
            self.burst_duration,
            self.gap_duration,
            self.round_trip,
            self.end_system_delay,
            self.signal_level,
            self.noise_level,
            self.echo_return_loss,
            self.gmin,
            self.r_factor,
            self.external_r_factor,
            self.mos_lq,
            self.mos_cq,
            self.configuration,
            0,
            self.nominal_delay,
            self.maximum_delay,
            self.absolute_maximum_delay,
        )
        return _block(_VOIP_METRICS, body)

    @classmethod
    def parse(cls, body: bytes) -> "VoipMetrics":
        if len(body) != _VOIP.size:
            raise RtpError("VoIP metrics of another length")
        fields = _VOIP.unpack(body)
        return cls(*fields[:18], *fields[19:])


@dataclass(frozen=True, slots=True)
class ReferenceTime:
    """When a receiver sent its report (section 4.4): the 64-bit NTP time of its clock."""

    ntp_time: int

    def serialize(self) -> bytes:
        return _block(_REFERENCE_TIME, struct.pack("!Q", self.ntp_time))

    @classmethod
    def parse(cls, body: bytes) -> "ReferenceTime":
        if len(body) != 8:
            raise RtpError("reference time of another length")
        return cls(*struct.unpack("!Q", body))


@dataclass(frozen=True, slots=True)
class LastReference:
    """The answer to one receiver's reference time (section 4.5).

    `last_report` is the middle 32 bits of that time, `delay` since it came in 1/65536 s.
    """

    ssrc: int
    last_report: int
    delay: int


@dataclass(frozen=True, slots=True)
class Dlrr:
    """The answers to several of them."""

    answers: tuple[LastReference, ...]

    def serialize(self) -> bytes:
        return _block(
            _DLRR,
            b"".join(
                struct.pack("!III", each.ssrc, each.last_report, each.delay)
                for each in self.answers
            ),
        )

    @classmethod
    def parse(cls, body: bytes) -> "Dlrr":
        if len(body) % 12:
            raise RtpError("DLRR of another length")
        return cls(tuple(LastReference(*each) for each in struct.iter_unpack("!III", body)))


Block = VoipMetrics | ReferenceTime | Dlrr


@dataclass(frozen=True, slots=True)
class ExtendedReport:
    """An XR packet of the sender with this SSRC (section 2)."""

    ssrc: int
    blocks: tuple[Block, ...] = ()

    def serialize(self) -> bytes:
        body = struct.pack("!I", self.ssrc) + b"".join(block.serialize() for block in self.blocks)
        return struct.pack("!BBH", 0x80, EXTENDED_REPORT, len(body) // 4) + body

    @classmethod
    def parse(cls, body: bytes) -> "ExtendedReport":
        """Read what follows the header of the packet; RtpError: it is no such report."""
        if len(body) < 4:
            raise RtpError("extended report too short")
        blocks: list[Block] = []
        at = 4
        while at < len(body):
            if len(body) - at < 4:
                raise RtpError("report block cut off")
            kind, _, words = struct.unpack_from("!BBH", body, at)
            end = at + 4 + 4 * words
            if end > len(body):
                raise RtpError("report block cut off")
            parse = _PARSERS.get(kind)
            if parse is not None:
                blocks.append(parse(body[at + 4 : end]))
            at = end
        return cls(int.from_bytes(body[:4]), tuple(blocks))


_PARSERS: dict[int, Callable[[bytes], Block]] = {
    _REFERENCE_TIME: ReferenceTime.parse,
    _DLRR: Dlrr.parse,
    _VOIP_METRICS: VoipMetrics.parse,
}


def _block(kind: int, body: bytes) -> bytes:
    return struct.pack("!BBH", kind, 0, len(body) // 4) + body
