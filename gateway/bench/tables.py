"""What the benchmark prints and writes: tables for people, JSON for machines."""

import json
from dataclasses import asdict
from typing import Any

from rich.table import Table

from gateway.bench.scenario import OWN_ROOMS
from gateway.bench.suite import Capacity, Report, Result

_BUSY = 0.05  # of a core
_LOAD_LATE = 0.001  # of the slots of 1 ms
_MARK = "!"


def results_table(report: Report) -> Table:
    """One line a scenario, with its ratios to the floor and to own rooms."""
    table = Table(title=f"One media engine on {report.machine}")
    if not all(result.measurement.keeps_time for result in report.results):
        table.caption = f"{_MARK} does not keep time or deliver everything: too much for this core"
    table.add_column("scenario", no_wrap=True)
    headings = (
        "calls",
        "ms/s a call",
        "floor",
        "x floor",
        f"x {OWN_ROOMS.name}",
        "p99 late ms",
        "of 10,000 ticks late",
        "packets late",
        "made up ms/s",
        "set-up ms",
        "KB a call",
        "steal %",
        "others %",
    )
    for heading in headings:
        table.add_column(heading, justify="right")
    for result in report.results:
        table.add_row(*_row(result, report.reference))
    return table


def capacity_line(capacity: Capacity) -> str:
    """What a capacity says in words."""
    found = ", ".join(str(each) for each in capacity.found)
    return (
        f"{capacity.scenario}: {capacity.calls} calls on a core (runs: {found}; "
        f"steal {capacity.steal:.1%} at most, generator late {capacity.generator_late:.2%})"
    )


def warnings(report: Report) -> list[str]:
    """What makes the figures rough: others on the core, or a load that came late itself."""
    others = max((each.measurement.others for each in report.results), default=0.0)
    late = max((each.measurement.generator_late for each in report.results), default=0.0)
    said = []
    if others >= _BUSY:
        said.append(f"other processes took up to {others:.0%} of the core: the figures are rough")
    if late >= _LOAD_LATE:
        said.append(f"the load itself was late in up to {late:.2%} of its slots")
    return said


def comparison_line(report: Report) -> str | None:
    """How much less than aiortc's plain path the engine costs."""
    if report.comparison is None:
        return None
    aiortc = report.comparison.measurement
    line = f"aiortc's plain path, own-rooms-3, at its best with {aiortc.scenario.calls} calls: "
    line += f"{aiortc.cpu_ms:.1f} ms/s a call"
    if report.reference is None:
        return line
    return f"{line}, {aiortc.cpu_ms / report.reference.measurement.cpu_ms:.1f} times the engine's"


def as_json(report: Report) -> str:
    """Everything, for machines."""
    data: dict[str, Any] = asdict(report)
    return json.dumps(data, indent=2, default=str) + "\n"


def _row(result: Result, reference: Result | None) -> tuple[str, ...]:
    measured = result.measurement
    to_reference = "-"
    if reference is not None:
        to_reference = f"{measured.cpu_ms / reference.measurement.cpu_ms:.2f}"
    mark = "" if measured.keeps_time else f" {_MARK}"
    return (
        measured.scenario.name + mark,
        str(measured.scenario.calls),
        f"{measured.cpu_ms:.2f}",
        f"{result.floor_ms:.2f}",
        f"{result.to_floor:.2f}" if result.floor_ms else "-",
        to_reference,
        f"{measured.p99_ms:.1f}",
        f"{measured.late:.1f}",
        f"{measured.heard_late:.1f}",
        f"{measured.concealed_ms:.1f}",
        f"{measured.setup_ms:.1f}",
        f"{measured.memory_kb:.0f}",
        f"{100 * measured.steal:.1f}",
        f"{100 * measured.others:.0f}",
    )
