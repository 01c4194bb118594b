"""What a videobridge lets through of an endpoint's audio, and how it hides what it does not.

Discarded packets are masked: the sequence numbers behind them close up, so that receivers see a
jump of the timestamp and no loss. Real losses stay visible. No IO and no clock.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.rtp.packet import RtpPacket, audio_level, pack_extensions
from gateway.rtp.sequence import distance

SILENT = 127
_SILENT_PACKETS_PASSED = 4  # of a run with level 127; those behind are discarded
_CACHED = 256  # packets kept for retransmission


@dataclass(slots=True)
class _Source:
    """What is remembered of one SSRC."""

    masked: int = 0
    silent_run: int = 0
    highest: int | None = None
    sent: dict[int, RtpPacket] = field(default_factory=dict)


class MediaGate:
    """The rules for the audio one endpoint sends.

    `payload_types` are the offered ones, `level_id` the offered id of the audio level extension.
    `violation` is told what a correct client would not do.
    """

    def __init__(
        self,
        payload_types: frozenset[int],
        level_id: int,
        violation: Callable[[int, str], None],
    ) -> None:
        self.ssrcs: frozenset[int] = frozenset()
        self.force_muted = False
        self._payload_types = payload_types
        self._level_id = level_id
        self._violation = violation
        self._sources: dict[int, _Source] = {}

    def admit(self, packet: RtpPacket) -> RtpPacket | None:
        """The packet as receivers get it, or None if it is dropped or discarded."""
        if packet.payload_type not in self._payload_types:
            self._violation(35, f"payload type {packet.payload_type} was not offered")
            return None
        if packet.ssrc not in self.ssrcs:
            self._violation(35, f"SSRC {packet.ssrc} was not signalled")
            return None
        source = self._sources.setdefault(packet.ssrc, _Source())
        level = audio_level(packet, self._level_id)
        if level is None:
            self._violation(35, "a packet without the audio level extension")
        source.silent_run = source.silent_run + 1 if level == SILENT else 0
        discarded = source.silent_run > _SILENT_PACKETS_PASSED or (
            self.force_muted and level is not None
        )
        if discarded:
            self._mask(source, packet)
            return None
        return self._forwarded(source, packet, level)

    def cached(self, ssrc: int, sequence: int) -> RtpPacket | None:
        """A forwarded packet again, for whoever has lost it (RFC 4585 NACK)."""
        source = self._sources.get(ssrc)
        return source.sent.get(sequence) if source else None

    def _mask(self, source: _Source, packet: RtpPacket) -> None:
        if source.highest is None or distance(packet.sequence, source.highest, 16) > 0:
            source.highest = packet.sequence
            source.masked += 1

    def _forwarded(self, source: _Source, packet: RtpPacket, level: int | None) -> RtpPacket:
        if source.highest is None or distance(packet.sequence, source.highest, 16) > 0:
            source.highest = packet.sequence
        kept = pack_extensions({self._level_id: bytes([level])}) if level is not None else (0, b"")
        sequence = (packet.sequence - source.masked) & 0xFFFF
        forwarded = packet._replace(sequence=sequence, extension=kept)
        source.sent[sequence] = forwarded
        source.sent.pop((sequence - _CACHED) & 0xFFFF, None)
        return forwarded
