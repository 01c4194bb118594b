"""How a call sounds, as `/debug` tells it: only what is known, in units that its name says."""

from gateway.media.messages import CallReport, StreamReport


def quality(report: CallReport) -> dict[str, object]:
    """All four directions, round trips, and what the phone itself has heard (RFC 3611)."""
    told: dict[str, object] = {
        name: _stream(stream) for name, stream in report.directions.items() if stream.packets
    }
    told |= _known(
        phone_round_trip_ms=_rounded(report.phone_round_trip, 1),
        bridge_round_trip_ms=_rounded(report.bridge_round_trip, 1),
    )
    heard = report.phone_heard
    if heard is not None:
        told["phone_heard"] = {
            "loss": round(heard.loss_rate / 256, 4),
            "discarded": round(heard.discard_rate / 256, 4),
            "burst_density": round(heard.burst_density / 256, 4),
            "burst_ms": heard.burst_duration,
            "round_trip_ms": heard.round_trip,
            "end_system_delay_ms": heard.end_system_delay,
            "buffer_ms": heard.nominal_delay,
        }
    return told


def _stream(stream: StreamReport) -> dict[str, object]:
    losses = stream.losses
    return {
        "packets": stream.packets,
        "lost": stream.lost,
        "late": stream.late,
        "recovered": stream.recovered,
        "discarded": stream.discarded,
        "jitter_ms": round(stream.jitter, 1),
        "buffer_ms": round(stream.delay, 1),
        "longest_gap_ms": stream.gap,
        "concealed": round(stream.concealment, 4),
        "bursts": losses.bursts,
        "burst_density": round(losses.burst_density, 4),
        "gap_density": round(losses.gap_density, 4),
        "burst_ratio": round(losses.burst_ratio, 2),
        "talk_seconds": round(stream.talk / 1000, 1),
        **_known(
            jitter_now_ms=_rounded(stream.jitter_now, 1),
            buffer_now_ms=_rounded(stream.delay_now, 1),
            level_dbov=_rounded(stream.level, 1),
            one_way_ms=_rounded(stream.one_way, 1),
            r_factor=_rounded(stream.r_factor, 1),
            mos_lq=_rounded(stream.mos_lq, 2),
            mos_cq=_rounded(stream.mos_cq, 2),
        ),
    }


def _known(**values: float | None) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
