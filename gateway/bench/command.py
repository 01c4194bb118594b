"""What `sip-gateway bench` does with what it was asked for."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from gateway.bench.plot import Bar, svg
from gateway.bench.scenario import SCENARIOS, Scenario
from gateway.bench.suite import Report, Settings, profile, run_suite
from gateway.bench.tables import as_json, capacity_line, comparison_line, results_table, warnings

QUICK = (
    "own-rooms-3",
    "room20-two-speaking",
    "room20-all-speaking",
    "nobody-speaks",
    "callers-silent",
)
_QUICK_SECONDS, _SECONDS = 5.0, 60.0
_RUNS = 3
_WIDTH = 140


@dataclass(frozen=True, slots=True)
class Request:
    """The options of the command line; None where one was left out.

    `changes` are fields of the scenarios that are to be otherwise.
    """

    names: tuple[str, ...]
    quick: bool = False
    profile: bool = False
    seconds: float | None = None
    runs: int | None = None
    changes: Mapping[str, int | str | None] = field(default_factory=dict)
    json: Path = Path("bench.json")
    plot: Path = Path("bench.svg")


def listing() -> list[str]:
    """A line for each scenario."""
    return [f"{each.name:22} {each.calls:4} calls  {each.about}" for each in SCENARIOS.values()]


def unknown(names: tuple[str, ...]) -> list[str]:
    """Those that are no scenarios."""
    return [name for name in names if name not in SCENARIOS]


def bench(request: Request) -> None:
    """Measure, print, write. TrialError: the calls of a scenario do not come up.

    OSError: something cannot be written.
    """
    console = Console()
    if request.profile:
        _profile(request, console)
        return
    for file in (request.json, request.plot):
        _require_writable(file)
    default = QUICK if request.quick else tuple(SCENARIOS)
    settings = Settings(
        seconds=request.seconds or (_QUICK_SECONDS if request.quick else _SECONDS),
        runs=request.runs or (1 if request.quick else _RUNS),
        capacity=not request.quick,
        comparison=not request.quick,
    )
    scenarios = [_changed(name, request) for name in request.names or default]
    with console.status("") as status:
        report = run_suite(scenarios, settings, status.update)
    Console(width=max(console.width, _WIDTH)).print(results_table(report))
    for capacity in report.capacities:
        console.print(capacity_line(capacity))
    for line in (comparison_line(report), *warnings(report)):
        if line is not None:
            console.print(line)
    request.json.write_text(as_json(report))
    request.plot.write_text(_plot(report))
    console.print(f"written: {request.json}, {request.plot}")


def _require_writable(file: Path) -> None:
    """What takes an hour must not fail at its last line."""
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise OSError(f"cannot write {file}")


def _profile(request: Request, console: Console) -> None:
    """Where the time goes, of the first scenario that is named."""
    scenario = _changed(next(iter(request.names), QUICK[0]), request)
    outcome = profile(scenario, request.seconds or _QUICK_SECONDS)
    console.print(outcome.profile, highlight=False, markup=False)


def _changed(name: str, request: Request) -> Scenario:
    changes: dict[str, Any] = {
        what: value for what, value in request.changes.items() if value is not None
    }
    return replace(SCENARIOS[name], **changes)


def _plot(report: Report) -> str:
    bars = [
        Bar(
            f"{each.measurement.scenario.name} ({each.measurement.scenario.calls})",
            each.measurement.cpu_ms,
            each.floor_ms,
        )
        for each in report.results
    ]
    return svg(str(report.machine), bars)
