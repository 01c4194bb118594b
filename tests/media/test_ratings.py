"""What is said of a call's quality, from what was measured of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.messages import CallReport, StreamReport
from gateway.media.quality import codecs_of, heard_loss, judged
from gateway.rtp.bursts import LossPattern
from gateway.rtp.e_model import G711, OPUS, mean_opinion, rating
from gateway.rtp.xr import VoipMetrics

WHOLE = LossPattern(packets=1000)
HOLED = LossPattern(packets=1000, missing=50, runs=50)
NARROW, WIDE = codecs_of("PCMU"), codecs_of("G722")


def test_a_leg_is_rated_by_its_codec_its_losses_and_its_delay() -> None:
    report = CallReport(from_phone=StreamReport(delay=60.0, losses=HOLED), phone_round_trip=100.0)
    heard = judged(report, NARROW).from_phone
    assert heard.one_way == 50 + 60 + 20
    assert heard.r_factor == rating(G711, delay=130, loss=0.05)
    assert heard.mos_cq == mean_opinion(rating(G711, delay=130, loss=0.05))
    assert heard.mos_lq == mean_opinion(rating(G711, loss=0.05))
    assert not heard.is_wide


def test_what_the_conference_says_is_rated_as_wide_only_if_the_phone_hears_it_so() -> None:
    report = CallReport(from_bridge=StreamReport(losses=WHOLE))
    narrow, wide = judged(report, NARROW).from_bridge, judged(report, WIDE).from_bridge
    assert narrow.r_factor is not None and wide.r_factor is not None
    assert (narrow.is_wide, wide.is_wide) == (False, True)
    assert narrow.r_factor < 94 < wide.r_factor


def test_nothing_is_said_of_what_nobody_reported_and_of_a_call_that_was_too_short() -> None:
    short = StreamReport(losses=LossPattern(packets=49))
    report = judged(CallReport(from_phone=short, to_bridge=StreamReport(losses=WHOLE)), NARROW)
    assert report.from_phone.r_factor is None
    assert (report.to_bridge.r_factor, report.to_bridge.mos_cq) == (None, None)
    known = judged(replace(report, bridge_round_trip=20.0), NARROW).to_bridge
    assert known.r_factor == rating(OPUS, delay=10 + 40 + 26.5)


def test_what_the_phone_says_itself_counts_for_more() -> None:
    told = VoipMetrics(ssrc=1, r_factor=81, mos_lq=41, round_trip=60, end_system_delay=90)
    report = CallReport(
        to_phone=StreamReport(losses=WHOLE), phone_round_trip=20.0, phone_heard=told
    )
    heard = judged(report, NARROW).to_phone
    assert (heard.r_factor, heard.mos_lq, heard.one_way) == (81, 4.1, 120)
    assert heard.mos_cq is not None  # it did not say: ours


@pytest.mark.parametrize("nonsense", [(0, 101), (9, 127), (51, 128), (255, 255)])
def test_what_the_phone_says_out_of_all_range_is_passed_over(nonsense: tuple[int, int]) -> None:
    opinion, rating = nonsense
    told = VoipMetrics(ssrc=1, r_factor=rating, mos_lq=opinion, mos_cq=opinion)
    report = CallReport(to_phone=StreamReport(losses=WHOLE), phone_round_trip=20.0)
    assert (
        judged(replace(report, phone_heard=told), NARROW).to_phone
        == judged(report, NARROW).to_phone
    )


def test_fec_restores_single_losses_and_little_of_a_burst() -> None:
    single = LossPattern(packets=100, missing=10, runs=10)
    burst = LossPattern(packets=100, missing=10, runs=1)
    assert heard_loss(single, G711) == heard_loss(burst, G711) == 0.1
    assert heard_loss(single, OPUS) == pytest.approx(0.02)
    assert heard_loss(burst, OPUS) == pytest.approx(0.092)
    assert heard_loss(LossPattern(), OPUS) == 0.0


@given(
    missing=st.integers(0, 1000),
    share=st.floats(0, 1),
    delay=st.floats(0, 1000),
    round_trip=st.none() | st.floats(0, 5000),
)
def test_every_report_can_be_rated(
    missing: int, share: float, delay: float, round_trip: float | None
) -> None:
    losses = LossPattern(1000, missing, max(min(missing, 1), round(missing * share)))
    stream = StreamReport(delay=delay, losses=losses)
    report = CallReport(stream, stream, stream, stream, round_trip, round_trip)
    for codecs in (NARROW, WIDE):
        rated = judged(report, codecs)
        for each in (rated.from_phone, rated.from_bridge):
            assert each.mos_cq is not None and each.mos_lq is not None
            assert 1.0 <= each.mos_cq <= each.mos_lq <= 4.5
