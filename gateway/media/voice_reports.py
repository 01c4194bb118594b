"""What gateway and phone tell each other about how voice is heard (RFC 3611). No IO, no clock.

Extended reports go out behind the others, in the same compound, to a phone whose session
description asked for them (section 5).
"""

from collections.abc import Iterable

from gateway.media.messages import CallReport, PhoneMedia, StreamReport
from gateway.media.quality import codecs_of, judged
from gateway.rtp.bursts import GMIN
from gateway.rtp.rtcp import RtcpPacket, middle, ntp_time
from gateway.rtp.xr import (
    BEST_R,
    UNAVAILABLE,
    Block,
    Dlrr,
    ExtendedReport,
    LastReference,
    ReferenceTime,
    VoipMetrics,
)

_PACKET = 20  # ms
_DBM0 = 6.18  # of dBov: a full sine is -3.01 dBov (RFC 6464) and 3.17 dBm0 (G.711)
_CONFIGURATION = 0b1111_0000  # standard concealment, adaptive buffer (section 4.7.6)


class VoiceReports:
    """The extended reports of one phone leg, whose jitter buffer holds `max_delay` s at most."""

    def __init__(self, *, max_delay: float) -> None:
        self.heard: VoipMetrics | None = None  # by the phone, as it says
        self.round_trip: float | None = None  # milliseconds, where it sends no other reports
        self._max_delay = round(max_delay * 1000)
        self._wants_metrics = self._wants_round_trip = False
        self._reference: tuple[int, int, float] | None = None  # the phone's: SSRC, time, arrival

    def negotiated(self, media: PhoneMedia, ssrc: int) -> None:
        """Apply what an offer/answer agreed on; `ssrc` is ours from now on."""
        self._ssrc = ssrc
        self._wants_metrics = media.voip_metrics
        self._wants_round_trip = media.receiver_round_trip
        self.codecs = codecs_of(media.payloads[0].encoding)

    def receive(self, packets: Iterable[RtcpPacket], now: float) -> None:
        """Take the phone's reports about our stream, and its questions."""
        for packet in packets:
            if not isinstance(packet, ExtendedReport):
                continue
            for block in packet.blocks:
                match block:
                    case VoipMetrics() if block.ssrc == self._ssrc:
                        self.heard = block
                    case ReferenceTime():
                        self._reference = (packet.ssrc, middle(block.ntp_time), now)
                    case Dlrr():
                        self._answered(block, now)

    def due(
        self, ssrc: int | None, received: StreamReport, round_trip: float | None, now: float
    ) -> bytes:
        """What goes out with the reports of this moment; nothing if the phone asked for nothing.

        `ssrc` is the phone's, `received` what has come from it; `round_trip` is in milliseconds.
        """
        blocks: list[Block] = []
        if self._wants_round_trip:
            if round_trip is None:
                blocks.append(ReferenceTime(ntp_time(now)))
            if self._reference is not None:
                asker, last, arrival = self._reference
                delay = round((now - arrival) * 65536) & 0xFFFFFFFF
                blocks.append(Dlrr((LastReference(asker, last, delay),)))
        if self._wants_metrics and ssrc is not None:
            blocks.append(self._metrics(ssrc, received, round_trip))
        return ExtendedReport(self._ssrc, tuple(blocks)).serialize() if blocks else b""

    def _metrics(self, ssrc: int, received: StreamReport, round_trip: float | None) -> VoipMetrics:
        whole = CallReport(from_phone=received, phone_round_trip=round_trip)
        stream = judged(whole, self.codecs).from_phone
        losses, sent = stream.losses, stream.packets + stream.lost
        return VoipMetrics(
            ssrc=ssrc,
            loss_rate=_fraction(stream.lost / sent if sent else 0.0),
            discard_rate=_fraction(stream.late / sent if sent else 0.0),
            burst_density=_fraction(losses.burst_density),
            gap_density=_fraction(losses.gap_density),
            burst_duration=_word(losses.burst_length * _PACKET),
            gap_duration=_word(losses.gap_length * _PACKET),
            round_trip=_word(round_trip or 0.0),
            end_system_delay=_word(stream.delay + self.codecs.phone.delay),
            signal_level=_level(stream.level),
            gmin=GMIN,
            r_factor=_rating(stream.r_factor),
            mos_lq=_opinion(stream.mos_lq),
            mos_cq=_opinion(stream.mos_cq),
            configuration=_CONFIGURATION,
            nominal_delay=_word(stream.delay),
            maximum_delay=_word(stream.delay),
            absolute_maximum_delay=self._max_delay,
        )

    def _answered(self, answers: Dlrr, now: float) -> None:
        for answer in answers.answers:
            if answer.ssrc == self._ssrc and answer.last_report:
                units = middle(ntp_time(now)) - answer.last_report - answer.delay
                seconds = (units & 0xFFFFFFFF) / 65536
                if seconds < 60.0:  # else its clock makes no sense
                    self.round_trip = seconds * 1000


def _fraction(share: float) -> int:
    """In 1/256, rounded down, as the RFC wants it."""
    return min(int(max(share, 0.0) * 256), 255)


def _word(value: float) -> int:
    return min(max(round(value), 0), 0xFFFF)


def _level(dbov: float | None) -> int:
    return UNAVAILABLE if dbov is None else max(round(dbov + _DBM0), -128)


def _rating(value: float | None) -> int:
    """As far as the field goes: of wide-band speech, which may have more, the best."""
    return UNAVAILABLE if value is None else min(round(value), BEST_R)


def _opinion(value: float | None) -> int:
    return UNAVAILABLE if value is None else round(value * 10)
