"""The E-model against values of the recommendations, and what must hold of any model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtp.e_model import (
    G711,
    G711_BARE,
    G722,
    OPUS,
    OPUS_WIDE,
    Codec,
    mean_opinion,
    rating,
)

CODECS = [G711, G711_BARE, G722, OPUS, OPUS_WIDE]
codecs = st.sampled_from(CODECS)
delays = st.floats(0, 2000)
losses = st.floats(0, 1)
ratios = st.floats(1, 10)


def test_a_call_without_faults_has_the_default_rating() -> None:
    assert rating(G711) == pytest.approx(93.2, abs=0.05)
    assert mean_opinion(93.2) == pytest.approx(4.41, abs=0.005)
    assert rating(G722) == pytest.approx(129 - 13)


# G.107 table B.1 (also G.109): lower limits of the categories of quality.
@pytest.mark.parametrize(
    ("r", "mos"), [(90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1), (100, 4.5)]
)
def test_opinions_are_those_of_the_table(r: float, mos: float) -> None:
    assert mean_opinion(r) == pytest.approx(mos, abs=0.007)  # the table rounds upwards


# G.107 clause 7.5, by hand: Ie-eff = Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl).
@pytest.mark.parametrize(
    ("codec", "loss", "ratio", "impairment"),
    [
        (G711_BARE, 0.01, 1, 17.9),
        (G711, 0.01, 1, 3.6),
        (G711, 0.05, 1, 15.8),
        (G711, 0.05, 2, 17.2),
        (Codec(ie=11, bpl=19), 0.03, 1, 22.5),  # G.729A with VAD
        (Codec(ie=15, bpl=16.1), 0.02, 1, 23.8),  # G.723.1 with VAD
    ],
)
def test_loss_costs_what_the_formula_says(
    codec: Codec, loss: float, ratio: float, impairment: float
) -> None:
    r = rating(codec, loss=loss, burst_ratio=ratio)
    assert 93.2 - r == pytest.approx(impairment, abs=0.1)


# The straight lines of R. Cole and J. Rosenbluth (2001), fitted to G.107 with its defaults.
@pytest.mark.parametrize("delay", [0, 50, 100, 150, 200, 250, 300])
def test_delay_costs_what_the_well_known_lines_say(delay: float) -> None:
    lines = 0.024 * delay + 0.11 * max(0.0, delay - 177.3)
    assert 93.2 - rating(G711, delay=delay) == pytest.approx(lines, abs=1.0)


@given(codec=codecs, delay=delays, more=delays, loss=losses, ratio=ratios)
def test_more_delay_is_never_better(
    codec: Codec, delay: float, more: float, loss: float, ratio: float
) -> None:
    before = rating(codec, delay=delay, loss=loss, burst_ratio=ratio)
    after = rating(codec, delay=delay + more, loss=loss, burst_ratio=ratio)
    assert after <= before + 1e-6


@given(codec=codecs, delay=delays, loss=losses, other=losses, ratio=ratios)
def test_more_loss_is_never_better(
    codec: Codec, delay: float, loss: float, other: float, ratio: float
) -> None:
    less, more = sorted((loss, other))
    assert rating(codec, delay=delay, loss=more, burst_ratio=ratio) <= rating(
        codec, delay=delay, loss=less, burst_ratio=ratio
    )


@given(codec=codecs, loss=losses, ratio=ratios, other=ratios)
def test_bursts_are_never_better_than_single_losses(
    codec: Codec, loss: float, ratio: float, other: float
) -> None:
    less, more = sorted((ratio, other))
    assert rating(codec, loss=loss, burst_ratio=more) <= rating(codec, loss=loss, burst_ratio=less)


@given(r=st.floats(-50, 200), more=st.floats(0, 50), is_wide=st.booleans())
def test_a_better_rating_is_never_a_worse_opinion(r: float, more: float, is_wide: bool) -> None:
    opinion = mean_opinion(r, is_wide=is_wide)
    assert 1.0 <= opinion <= 4.5
    assert mean_opinion(r + more, is_wide=is_wide) >= opinion - 1e-9
