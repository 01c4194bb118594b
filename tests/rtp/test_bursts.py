"""Bursts and gaps, against the definition of RFC 3611 read literally."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rtp.bursts import GMIN, LossCounter, LossPattern


def counted(slots: str) -> LossPattern:
    """Of packets that were there (.) and were not (x)."""
    counter = LossCounter()
    for slot in slots:
        if slot == "x":
            counter.missed()
        else:
            counter.played()
    return counter.pattern()


def defined(slots: str) -> LossPattern:
    """The same by the definition: missing packets less than GMIN apart belong together."""
    groups: list[list[int]] = []
    for at in (at for at, slot in enumerate(slots) if slot == "x"):
        if groups and at - groups[-1][-1] - 1 < GMIN:
            groups[-1].append(at)
        else:
            groups.append([at])
    bursts = [group for group in groups if len(group) > 1]
    return LossPattern(
        packets=len(slots),
        missing=slots.count("x"),
        runs=sum(part != "" for part in slots.split(".")),
        bursts=len(bursts),
        burst_packets=sum(group[-1] - group[0] + 1 for group in bursts),
        burst_missing=sum(map(len, bursts)),
    )


@given(
    slots=st.text(".x", max_size=120)
    | st.lists(st.integers(0, 40)).map(lambda gaps: "x".join("." * gap for gap in gaps))
)
def test_what_is_counted_is_what_is_defined(slots: str) -> None:
    assert counted(slots) == defined(slots)


@pytest.mark.parametrize(("between", "bursts"), [(GMIN - 1, 1), (GMIN, 0)])
def test_enough_packets_in_a_row_part_two_losses(between: int, bursts: int) -> None:
    pattern = counted("." * 30 + "x" + "." * between + "x" + "." * 30)
    assert pattern.bursts == bursts
    assert pattern.burst_packets == (between + 2) * bursts


def test_densities_and_lengths_are_of_bursts_and_of_what_is_between() -> None:
    pattern = counted("." * 40 + "x.xx" + "." * 40 + "x" + "." * 19)
    assert pattern.burst_density == 0.75
    assert pattern.gap_density == 0.01
    assert (pattern.burst_length, pattern.gap_length) == (4, 50)
    assert pattern.loss == 4 / 104


def test_several_missing_at_once_are_as_many_one_by_one() -> None:
    counter = LossCounter()
    counter.missed(3)
    counter.played()
    counter.missed(0)
    counter.missed(2)
    assert counter.pattern() == counted("xxx.xx")


def test_losses_that_keep_together_have_a_ratio_above_one() -> None:
    dice = random.Random(1)
    alone = "".join("x" if dice.random() < 0.1 else "." for _ in range(20_000))
    assert counted(alone).burst_ratio == pytest.approx(1.0, abs=0.03)
    assert counted(("xx" + "." * 18) * 500).burst_ratio == pytest.approx(1.8)
    assert counted("." * 9).burst_ratio == 1.0
