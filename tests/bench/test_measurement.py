"""What two readings of a process mean."""

from dataclasses import replace

import pytest

from gateway.bench.measurement import (
    CoreTime,
    Reading,
    Readings,
    Snapshot,
    Traffic,
    late_of_ten_thousand,
    measured,
    middle,
    middle_number,
    quantile,
)
from gateway.bench.scenario import Scenario
from gateway.media.load import LATENESS_BOUNDS, Lateness

TEN = Scenario("ten", "", 10)
NO_CORE = CoreTime(0.0, 0.0)


def histogram(*seconds: float) -> list[int]:
    lateness = Lateness()
    for each in seconds:
        lateness.add(each)
    return list(lateness.counts)


def readings() -> Readings:
    nobody = (0,) * (len(LATENESS_BOUNDS) + 1)
    before = tuple(histogram(*[0.0005] * 100))
    after = tuple(histogram(*[0.0005] * 10_100))
    return Readings(
        idle=Snapshot(0.0, 1.0, 50 << 20, nobody, 0, 0, NO_CORE),
        set_up=Snapshot(2.0, 1.2, 55 << 20, nobody, 0, 0, NO_CORE),
        begin=Reading(
            Snapshot(10.0, 2.0, 60 << 20, before, 5, 400, CoreTime(100.0, 1.0)),
            Traffic(0, 0, 0, 0, 0, 0, 4.0),
        ),
        end=Reading(
            Snapshot(30.0, 3.0, 61 << 20, after, 5, 600, CoreTime(103.0, 1.2)),
            Traffic(10_000, 3, 5_000, 0, 20_000, 20, 14.0),
        ),
    )


def test_cpu_is_told_for_a_call_and_second_of_the_window() -> None:
    result = measured(TEN, readings())
    assert result.seconds == 20
    assert result.cpu_ms == pytest.approx(1000 / 20 / 10)
    assert result.load == pytest.approx(0.05)


def test_set_up_and_memory_are_what_has_come_since_there_was_no_call() -> None:
    result = measured(TEN, readings())
    assert result.setup_ms == pytest.approx(20)
    assert result.memory_kb == pytest.approx(1024 * 11 / 10)
    assert result.growth_kb == pytest.approx(3 * 1024)


def test_the_core_was_used_by_others_and_taken_by_the_hypervisor() -> None:
    result = measured(TEN, readings())
    assert result.others == pytest.approx((3.0 - 1.0) / 20)
    assert result.steal == pytest.approx(0.01)


def test_packets_are_counted_for_a_call_and_second() -> None:
    result = measured(TEN, readings())
    assert (result.to_phones, result.to_bridge) == (50, 25)
    assert result.heard_late == pytest.approx(3)
    assert result.generator_late == pytest.approx(0.001)
    assert result.generator_cpu == pytest.approx(0.5)


def test_what_had_to_be_made_up_is_told_for_a_call_and_second() -> None:
    assert measured(TEN, readings()).concealed_ms == pytest.approx(1.0)


def test_time_is_kept_if_hardly_any_tick_is_late_and_everything_has_come() -> None:
    good = replace(measured(TEN, readings()), heard_late=1.0)
    assert good.keeps_time
    assert not replace(good, heard_late=1.1).keeps_time
    assert not replace(good, p99_ms=5.1).keeps_time
    assert not replace(good, late=1.1).keeps_time
    assert not replace(good, to_phones=49.0).keeps_time


def test_a_quantile_is_found_inside_its_bucket() -> None:
    assert quantile(histogram(*[0.0015] * 100), 0.5) == pytest.approx(0.0015)
    assert quantile(histogram(*[0.0001] * 98, 0.007, 0.007), 0.99) == pytest.approx(0.0075)
    assert quantile(histogram(0.5), 0.99) == LATENESS_BOUNDS[-1]
    assert quantile(histogram(), 0.99) == 0.0


def test_a_frame_is_late_by_twenty_milliseconds_or_never_comes() -> None:
    counts = histogram(*[0.0001] * 96, 0.019, 0.021, 0.3)
    assert late_of_ten_thousand(counts, skipped=1) == pytest.approx(300)
    assert late_of_ten_thousand(histogram(), skipped=0) == 0


def test_of_three_runs_the_middle_one_counts() -> None:
    one = measured(TEN, readings())
    runs = [replace(one, cpu_ms=cpu) for cpu in (7.0, 5.0, 9.0)]
    assert middle(runs).cpu_ms == 7.0
    assert middle(runs[:2]).cpu_ms == 5.0
    assert middle_number([100, 90, 120]) == 100
