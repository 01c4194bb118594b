"""From what was measured of a stream to what people would say of it. Pure arithmetic.

Computed when somebody asks for a report, never while audio flows.
"""

from dataclasses import dataclass, replace

from gateway.media.messages import CallReport, StreamReport
from gateway.rtp.bursts import LossPattern
from gateway.rtp.e_model import G711, G722, OPUS, OPUS_WIDE, Codec, mean_opinion, rating
from gateway.rtp.xr import BEST_R, VoipMetrics

_PEERS_BUFFER = 40.0  # ms: assumed of a peer that does not tell
_LEAST_PACKETS = 50  # one second: of less nothing can be said


@dataclass(frozen=True, slots=True)
class Codecs:
    """What a call's two legs speak, as the E-model knows it."""

    phone: Codec
    bridge: Codec


def codecs_of(encoding: str) -> Codecs:
    """The codecs of a call whose phone was negotiated `encoding`: what the phone cannot hear of
    the conference, nobody judges."""
    match encoding:
        case "G722":
            return Codecs(G722, OPUS_WIDE)
        case "OPUS":
            return Codecs(OPUS_WIDE, OPUS_WIDE)
        case _:
            return Codecs(G711, OPUS)


def judged(report: CallReport, codecs: Codecs) -> CallReport:
    """The report with delay, R and MOS of each leg and direction."""
    phone, bridge = report.phone_round_trip, report.bridge_round_trip
    to_phone = _sent(report.to_phone, codecs.phone, phone)
    if report.phone_heard is not None:
        to_phone = _as_told(to_phone, report.phone_heard)
    return replace(
        report,
        from_phone=_received(report.from_phone, codecs.phone, phone),
        to_phone=to_phone,
        from_bridge=_received(report.from_bridge, codecs.bridge, bridge),
        to_bridge=_sent(report.to_bridge, codecs.bridge, bridge),
    )


def heard_loss(losses: LossPattern, codec: Codec) -> float:
    """The share of packets (0..1) that was missing to the ear.

    Of a run of missing packets the last can be restored from the one behind it, as far as the
    codec does that.
    """
    if not losses.packets:
        return 0.0
    return (losses.missing - codec.repaired * losses.runs) / losses.packets


def _received(stream: StreamReport, codec: Codec, round_trip: float | None) -> StreamReport:
    one_way = (round_trip or 0.0) / 2 + stream.delay + codec.delay
    return _rated(stream, codec, one_way)


def _sent(stream: StreamReport, codec: Codec, round_trip: float | None) -> StreamReport:
    """As far as the peer's reports tell: without any, nothing is known of it."""
    if round_trip is None:
        return stream
    return _rated(stream, codec, round_trip / 2 + _PEERS_BUFFER + codec.delay)


def _rated(stream: StreamReport, codec: Codec, one_way: float) -> StreamReport:
    if stream.losses.packets < _LEAST_PACKETS:
        return stream
    loss = heard_loss(stream.losses, codec)
    ratio = stream.losses.burst_ratio
    r_factor = rating(codec, delay=one_way, loss=loss, burst_ratio=ratio)
    listening = rating(codec, loss=loss, burst_ratio=ratio)
    return replace(
        stream,
        one_way=one_way,
        r_factor=r_factor,
        mos_lq=mean_opinion(listening, is_wide=codec.is_wide),
        mos_cq=mean_opinion(r_factor, is_wide=codec.is_wide),
        is_wide=codec.is_wide,
    )


def _as_told(stream: StreamReport, heard: VoipMetrics) -> StreamReport:
    """What the phone itself says counts for more than what is guessed of it here."""
    one_way = heard.round_trip / 2 + heard.end_system_delay
    return replace(
        stream,
        one_way=one_way if heard.end_system_delay else stream.one_way,
        r_factor=heard.r_factor if heard.r_factor <= BEST_R else stream.r_factor,
        mos_lq=_opinion(heard.mos_lq, stream.mos_lq),
        mos_cq=_opinion(heard.mos_cq, stream.mos_cq),
    )


def _opinion(tenths: int, otherwise: float | None) -> float | None:
    return tenths / 10 if 10 <= tenths <= 50 else otherwise
