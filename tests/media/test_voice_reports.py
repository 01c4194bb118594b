"""Extended reports on a phone leg: which go out, what they say, and what is read of the phone's."""

from dataclasses import replace

import pytest

from audiocodecs.g711 import PCMU
from audiocodecs.tones import tone
from gateway.media.messages import Payload, PhoneMedia, StreamReport
from gateway.media.phone_leg import PhoneLeg
from gateway.media.voice_reports import VoiceReports
from gateway.rtp.bursts import LossPattern
from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import RtcpPacket, middle, ntp_time, parse_compound
from gateway.rtp.xr import (
    UNAVAILABLE,
    Dlrr,
    ExtendedReport,
    LastReference,
    ReferenceTime,
    VoipMetrics,
)

PHONE, OURS, THEIRS = ("192.0.2.1", 4000), 1, 77
BEGIN = 100.0
VOICE = PCMU.encode(tone([440.0], 0.02, rate=8000))


def agreed(*, voip_metrics: bool = False, receiver_round_trip: bool = False) -> PhoneMedia:
    return PhoneMedia(
        remote=PHONE,
        remote_rtcp=None,
        signalling_host=PHONE[0],
        payloads=(Payload(0, "PCMU", 8000),),
        voip_metrics=voip_metrics,
        receiver_round_trip=receiver_round_trip,
    )


def reports(media: PhoneMedia) -> VoiceReports:
    made = VoiceReports(max_delay=0.2)
    made.negotiated(media, OURS)
    return made


def extended(packets: list[RtcpPacket]) -> list[ExtendedReport]:
    return [packet for packet in packets if isinstance(packet, ExtendedReport)]


def told_by(leg: PhoneLeg, *, lost: frozenset[int] = frozenset()) -> list[ExtendedReport]:
    """Three seconds of a phone's voice, and what it is told of it."""
    told: list[RtcpPacket] = []
    for number in range(150):
        now = BEGIN + number * 0.02
        if number not in lost:
            packet = RtpPacket(0, number, number * 160, THEIRS, VOICE)
            leg.receive(packet.serialize(), PHONE, now)
        leg.pull(now + 0.005)
        if number % 25 == 0:
            due = leg.rtcp(now)
            told += parse_compound(due[0]) if due is not None else []
    return extended(told)


def test_a_phone_that_wants_voip_metrics_gets_them_with_every_report() -> None:
    told = told_by(PhoneLeg(agreed(voip_metrics=True), BEGIN), lost=frozenset({60, 61, 63}))
    metrics = told[-1].blocks[-1]
    assert isinstance(metrics, VoipMetrics)
    assert metrics.ssrc == THEIRS
    assert 0 < metrics.loss_rate < 20
    assert metrics.burst_density == 256 * 3 // 4
    assert metrics.burst_duration == 80
    assert metrics.gmin == 16
    assert 0 < metrics.r_factor < 93
    assert 10 < metrics.mos_cq <= metrics.mos_lq < 44
    assert 20 <= metrics.nominal_delay <= 200 == metrics.absolute_maximum_delay


def test_a_phone_that_does_not_ask_for_them_gets_none() -> None:
    assert told_by(PhoneLeg(agreed(), BEGIN)) == []


def test_the_level_is_told_in_dbm0_and_what_is_unknown_is_left_open() -> None:
    made = reports(agreed(voip_metrics=True))
    stream = StreamReport(level=-26.0, losses=LossPattern(10))
    (packet,) = extended(parse_compound(made.due(THEIRS, stream, None, BEGIN)))
    (metrics,) = packet.blocks
    assert isinstance(metrics, VoipMetrics)
    assert metrics.signal_level == -20  # 0 dBm0 is 6.18 dB under a full square wave
    assert metrics.mos_lq == metrics.r_factor == UNAVAILABLE  # of a fifth of a second


def test_of_wide_band_speech_no_more_is_said_than_the_field_can_hold() -> None:
    wide = replace(agreed(voip_metrics=True), payloads=(Payload(9, "G722", 8000),))
    stream = StreamReport(packets=500, losses=LossPattern(500))
    (packet,) = extended(parse_compound(reports(wide).due(THEIRS, stream, 20.0, BEGIN)))
    (metrics,) = packet.blocks
    assert isinstance(metrics, VoipMetrics)
    assert metrics.r_factor == 100
    assert 40 < metrics.mos_lq <= 50


def test_what_the_phone_says_of_our_stream_is_read_and_of_others_is_not() -> None:
    made = reports(agreed())
    about_us, other = VoipMetrics(OURS, mos_lq=38), VoipMetrics(55, mos_lq=20)
    made.receive([ExtendedReport(THEIRS, (about_us, other))], BEGIN)
    assert made.heard == about_us


def test_a_phone_that_asks_for_the_time_is_answered_after_how_long() -> None:
    made = reports(agreed(receiver_round_trip=True))
    asked = ntp_time(500.25)
    made.receive([ExtendedReport(THEIRS, (ReferenceTime(asked),))], BEGIN)
    (packet,) = extended(parse_compound(made.due(THEIRS, StreamReport(), 20.0, BEGIN + 0.5)))
    assert packet.blocks == (Dlrr((LastReference(THEIRS, middle(asked), 0x8000),)),)


def test_without_other_reports_the_round_trip_comes_from_our_own_question() -> None:
    made = reports(agreed(receiver_round_trip=True))
    (packet,) = extended(parse_compound(made.due(THEIRS, StreamReport(), None, BEGIN)))
    (question,) = packet.blocks
    assert isinstance(question, ReferenceTime)
    answer = LastReference(OURS, middle(question.ntp_time), 0x8000)
    made.receive([ExtendedReport(THEIRS, (Dlrr((answer,)),))], BEGIN + 0.58)
    assert made.round_trip == pytest.approx(80, abs=0.1)


def test_an_answer_that_is_not_ours_or_makes_no_sense_is_no_round_trip() -> None:
    made = reports(agreed(receiver_round_trip=True))
    for answer in (LastReference(55, 1, 1), LastReference(OURS, 0, 0), LastReference(OURS, 1, 1)):
        made.receive([ExtendedReport(THEIRS, (Dlrr((answer,)),))], BEGIN)
    assert made.round_trip is None
