"""What people, machines and eyes get of a report."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from rich.console import Console
from typer.testing import CliRunner

from gateway.bench.machine import this_machine
from gateway.bench.measurement import Measurement
from gateway.bench.plot import Bar, svg
from gateway.bench.scenario import OWN_ROOMS, SCENARIOS
from gateway.bench.suite import Capacity, Report, Result, Settings
from gateway.bench.tables import (
    as_json,
    capacity_line,
    comparison_line,
    results_table,
    warnings,
)
from gateway.cli import app

MEASURED = Measurement(
    scenario=OWN_ROOMS,
    seconds=60.0,
    cpu_ms=8.0,
    p50_ms=0.5,
    p99_ms=1.5,
    late=0.0,
    heard_late=0.2,
    steal=0.01,
    others=0.02,
    setup_ms=10.0,
    memory_kb=300.0,
    growth_kb=1.0,
    concealed_ms=0.5,
    to_phones=50.0,
    to_bridge=50.0,
    generator_late=0.0,
    generator_cpu=0.4,
)
SHARED = replace(MEASURED, scenario=SCENARIOS["room20-two-speaking"], cpu_ms=3.0, p99_ms=7.0)
REPORT = Report(
    this_machine(),
    Settings(60.0, 3, capacity=True, comparison=True),
    (Result(MEASURED, 5.0, (MEASURED,)), Result(SHARED, 1.0, (SHARED,))),
    (),
    Result(replace(MEASURED, cpu_ms=60.0), 5.0, ()),
)


def printed(report: Report) -> str:
    console = Console(width=250)
    with console.capture() as capture:
        console.print(results_table(report))
    return capture.get()


def row(name: str) -> str:
    return next(line for line in printed(REPORT).splitlines() if name in line)


def test_a_row_has_the_ratios_to_the_floor_and_to_own_rooms() -> None:
    assert "1.60" in row("│ own-rooms-3")
    assert "3.00" in row("room20-two-speaking")
    assert "0.38" in row("room20-two-speaking")


def test_who_does_not_keep_time_is_marked() -> None:
    assert "room20-two-speaking !" in row("room20-two-speaking")
    assert "!" not in row("│ own-rooms-3")


def test_the_mark_is_explained_where_there_is_one() -> None:
    assert "too much for this core" in printed(REPORT)
    assert "too much for this core" not in printed(replace(REPORT, results=REPORT.results[:1]))


def test_without_own_rooms_nothing_is_compared_with_them() -> None:
    assert "0.38" not in printed(replace(REPORT, results=REPORT.results[1:]))


def test_the_comparison_is_told_in_words() -> None:
    assert comparison_line(REPORT) is not None
    assert "7.5 times" in str(comparison_line(REPORT))
    assert comparison_line(replace(REPORT, comparison=None)) is None


def test_a_core_that_others_used_and_a_late_load_are_warned_of() -> None:
    assert warnings(REPORT) == []
    disturbed = Result(replace(MEASURED, others=0.4, generator_late=0.02), 5.0, ())
    others, late = warnings(replace(REPORT, results=(*REPORT.results, disturbed)))
    assert "40%" in others
    assert "2.00%" in late


def test_a_capacity_is_told_with_its_runs() -> None:
    line = capacity_line(Capacity("own-rooms-3", 110, (108, 110, 115), 0.012, 0.0))
    assert "110 calls on a core" in line
    assert "108, 110, 115" in line
    assert "steal 1.2%" in line


def test_the_json_has_everything() -> None:
    report = json.loads(as_json(REPORT))
    assert report["results"][0]["measurement"]["cpu_ms"] == 8.0
    assert report["results"][0]["measurement"]["scenario"]["talkers"] == 3
    assert report["machine"]["cores"] >= 1


def test_the_plot_has_a_bar_as_long_as_its_value_and_the_floor_inside() -> None:
    drawn = fromstring(svg("A & B", [Bar("one", 8.0, 5.0), Bar("two", 4.0, 5.0)]))
    rectangles = [each for each in drawn.iter() if each.tag.endswith("rect")][1:]
    longest, its_floor, half, all_floor = (float(each.get("width", 0)) for each in rectangles)
    assert half == pytest.approx(longest / 2, abs=0.1)
    assert its_floor == pytest.approx(longest * 5 / 8, abs=0.1)
    assert all_floor == half
    assert "A & B" in "".join(drawn.itertext())


def test_the_scenarios_are_listed_and_others_refused() -> None:
    listed = CliRunner().invoke(app, ["bench", "--list"])
    assert listed.exit_code == 0
    assert all(name in listed.output for name in SCENARIOS)
    refused = CliRunner().invoke(app, ["bench", "no-such"])
    assert refused.exit_code == 1
    assert "no such scenario: no-such" in refused.output


@pytest.mark.parametrize("option", ["--json", "--plot"])
def test_what_cannot_be_written_is_told_before_anything_is_measured(
    option: str, tmp_path: Path
) -> None:
    for file in (tmp_path / "missing" / "bench", tmp_path):
        refused = CliRunner().invoke(app, ["bench", "own-rooms-3", "--quick", option, str(file)])
        assert isinstance(refused.exception, SystemExit)
        assert f"cannot write {file}" in refused.output.replace("\n", "")


def test_a_scenario_that_cannot_be_is_refused() -> None:
    refused = CliRunner().invoke(app, ["bench", "own-rooms-3", "--quick", "--codec", "GSM"])
    assert refused.exit_code == 1
    assert "PCMU, PCMA" in refused.output
