"""A run of the benchmark: scenarios beside the floor, capacity, and the comparison; in that order.

The floor belongs to each trial, since a core is not always equally fast.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.bench.capacity import confirmed, highest
from gateway.bench.machine import Machine, this_machine
from gateway.bench.measurement import Measurement, middle, middle_number
from gateway.bench.scenario import OWN_ROOMS, Scenario
from gateway.bench.trial import Outcome, TrialError, run_trial

_SEARCH_SECONDS = 10.0
_MOST_CALLS = 400
_COMPARED = (5, 10, 15, 20)  # calls, of which aiortc may have those it is best with
_BUSY = 0.9  # of a core: where the search begins

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How long windows are, how often each is repeated, and what is asked beyond the scenarios."""

    seconds: float
    runs: int
    capacity: bool
    comparison: bool


@dataclass(frozen=True, slots=True)
class Result:
    """A scenario: the run whose CPU is the median, its floor in ms a call and second, all runs."""

    measurement: Measurement
    floor_ms: float
    runs: tuple[Measurement, ...]

    @property
    def to_floor(self) -> float:
        """How many times the floor."""
        return self.measurement.cpu_ms / self.floor_ms if self.floor_ms else 0.0


@dataclass(frozen=True, slots=True)
class Capacity:
    """Calls on a core: the median, and what each run has found, with the steal during it."""

    scenario: str
    calls: int
    found: tuple[int, ...]
    steal: float
    generator_late: float


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one run of the benchmark has shown."""

    machine: Machine
    settings: Settings
    results: tuple[Result, ...]
    capacities: tuple[Capacity, ...]
    comparison: Result | None = None

    @property
    def reference(self) -> Result | None:
        """What the others are compared with: own rooms, three talkers, if that was measured."""
        names = {each.measurement.scenario.name: each for each in self.results}
        return names.get(OWN_ROOMS.name)


def run_suite(scenarios: Iterable[Scenario], settings: Settings, say: Say) -> Report:
    """Measure what is asked for; `say` is told what is going on. TrialError: no call comes up."""
    results = _results(tuple(scenarios), settings, say)
    capacities: tuple[Capacity, ...] = ()
    if settings.capacity:
        capacities = tuple(_capacity(result, settings, say) for result in results[:1])
    comparison = _comparison(settings, say) if settings.comparison else None
    return Report(this_machine(), settings, results, capacities, comparison)


def profile(scenario: Scenario, seconds: float) -> Outcome:
    """Where the time goes."""
    return run_trial(scenario, seconds, profile=True)


def _results(scenarios: tuple[Scenario, ...], settings: Settings, say: Say) -> tuple[Result, ...]:
    """All scenarios in turn, again and again: whatever slows the machine slows each of them."""
    runs: list[list[Outcome]] = [[] for _ in scenarios]
    for number in range(settings.runs):
        for scenario, outcomes in zip(scenarios, runs, strict=True):
            say(f"{scenario.name}, {scenario.calls} calls, run {number + 1} of {settings.runs}")
            outcomes.append(run_trial(scenario, settings.seconds))
    return tuple(_result(outcomes) for outcomes in runs)


def _result(runs: list[Outcome]) -> Result:
    measurements = [run.measurement for run in runs]
    median = middle(measurements)
    return Result(median, runs[measurements.index(median)].floor_ms, tuple(measurements))


def _comparison(settings: Settings, say: Say) -> Result:
    """aiortc's plain path with own rooms, at the number of calls at which one costs it least."""
    seconds = min(settings.seconds, _SEARCH_SECONDS)
    runs: list[Outcome] = []
    for calls in _COMPARED:
        say(f"aiortc, {calls} calls")
        try:
            runs.append(run_trial(OWN_ROOMS.of(calls), seconds, engine="aiortc"))
        except TrialError:
            break  # too many for it
    if not runs:
        raise TrialError("aiortc carries no call")
    delivered = [run for run in runs if run.measurement.delivers] or runs[:1]
    best = min(delivered, key=lambda run: run.measurement.cpu_ms)
    return Result(best.measurement, best.floor_ms, tuple(run.measurement for run in runs))


def _capacity(result: Result, settings: Settings, say: Say) -> Capacity:
    scenario = result.measurement.scenario
    guess = round(_BUSY * 1000 / result.measurement.cpu_ms)
    longer: list[Measurement] = []

    def carries(calls: int, seconds: float) -> bool:
        say(f"{scenario.name}: does a core carry {calls} calls?")
        try:
            measurement = run_trial(scenario.of(calls), seconds).measurement
        except TrialError:
            return False  # not even set up
        if seconds == settings.seconds:
            longer.append(measurement)
        return measurement.keeps_time

    found = []
    short = min(_SEARCH_SECONDS, settings.seconds)
    for _ in range(settings.runs):
        most = highest(lambda calls: carries(calls, short), guess, most=_MOST_CALLS)
        found.append(confirmed(lambda calls: carries(calls, settings.seconds), most))
    return Capacity(
        scenario.name,
        middle_number(found),
        tuple(found),
        steal=max((each.steal for each in longer), default=0.0),
        generator_late=max((each.generator_late for each in longer), default=0.0),
    )
