"""What is read at the two ends of a window, and what it says: CPU, time kept, memory. Pure."""

from dataclasses import dataclass
from statistics import median

from gateway.bench.scenario import FRAMES, Scenario
from gateway.media.load import LATENESS_BOUNDS

P99_LIMIT = 0.005
"""Seconds: later ticks than this may be one in a hundred."""
LATE_LIMIT = 1.0
"""Frames of ten thousand that may be late."""
_DELIVERED = 0.995  # the edges of a window are not sharp
_LATE = 0.020  # a frame this late is one frame late


@dataclass(frozen=True, slots=True)
class CoreTime:
    """What the kernel says of one core so far, in seconds (proc(5), /proc/stat)."""

    busy: float
    steal: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The process under test at one moment.

    `at` and `cpu` (of all threads) are seconds, `memory` octets that are resident; `lateness`
    counts ticks by LATENESS_BOUNDS, `skipped` those that were given up, since the start.
    `concealed` are milliseconds that had to be made up, of all calls and directions together.
    `core` is the core it runs on.
    """

    at: float
    cpu: float
    memory: int
    lateness: tuple[int, ...]
    skipped: int
    concealed: int
    core: CoreTime


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the load generator has counted so far, and how well it has kept its own time.

    `to_phones` and `to_bridge` are RTP packets of the process under test, `late_to_phones` of those
    came more than 20 ms late; `sent_late` are slots of 1 ms in which the generator was more than
    10 ms late.
    """

    to_phones: int
    late_to_phones: int
    to_bridge: int
    sent: int
    slots: int
    sent_late: int
    cpu: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """One window of one scenario.

    Seconds, milliseconds of CPU a second (`_ms`), kilobytes (`_kb`); `late` is of 10,000 ticks by
    the engine's own clock, `heard_late` of 10,000 packets by the phones';
    `steal` and `others` are shares of the core that the hypervisor and other processes took.
    """

    scenario: Scenario
    seconds: float
    cpu_ms: float  # a call and second
    p50_ms: float
    p99_ms: float
    late: float
    heard_late: float
    steal: float
    others: float
    setup_ms: float  # a call
    memory_kb: float  # a call
    growth_kb: float  # of all calls together, a minute
    concealed_ms: float  # a call and second
    to_phones: float  # packets a call and second
    to_bridge: float
    generator_late: float  # share of its slots
    generator_cpu: float  # share of a core

    @property
    def delivers(self) -> bool:
        """Whether the phones have got all their frames."""
        return self.to_phones > _DELIVERED * FRAMES

    @property
    def keeps_time(self) -> bool:
        """Whether so many calls are carried: hardly anything late, and everything has come."""
        late = max(self.late, self.heard_late)
        return self.p99_ms < P99_LIMIT * 1000 and late <= LATE_LIMIT and self.delivers

    @property
    def load(self) -> float:
        """The share of a core that was used."""
        return self.cpu_ms * self.scenario.calls / 1000


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that is read at one end of a window."""

    subject: Snapshot
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Readings:
    """Before there was any call, when all were set up, and at both ends of the window."""

    idle: Snapshot
    set_up: Snapshot
    begin: Reading
    end: Reading


def measured(scenario: Scenario, readings: Readings) -> Measurement:
    """What the readings of a trial mean."""
    begin, end = readings.begin, readings.end
    first, last = begin.subject, end.subject
    before, after = begin.traffic, end.traffic
    busy = last.core.busy - first.core.busy
    seconds = last.at - first.at
    calls = scenario.calls
    lateness = [b - a for a, b in zip(first.lateness, last.lateness, strict=True)]
    skipped = last.skipped - first.skipped
    cpu = last.cpu - first.cpu
    return Measurement(
        scenario=scenario,
        seconds=seconds,
        cpu_ms=cpu * 1000 / seconds / calls,
        p50_ms=quantile(lateness, 0.50) * 1000,
        p99_ms=quantile(lateness, 0.99) * 1000,
        late=late_of_ten_thousand(lateness, skipped),
        heard_late=10_000
        * _share(after.late_to_phones - before.late_to_phones, after.to_phones - before.to_phones),
        steal=(last.core.steal - first.core.steal) / seconds,
        others=max(0.0, busy - cpu) / seconds,
        setup_ms=(readings.set_up.cpu - readings.idle.cpu) * 1000 / calls,
        memory_kb=(last.memory - readings.idle.memory) / 1024 / calls,
        growth_kb=(last.memory - first.memory) / 1024 / seconds * 60,
        concealed_ms=(last.concealed - first.concealed) / seconds / calls,
        to_phones=(after.to_phones - before.to_phones) / seconds / calls,
        to_bridge=(after.to_bridge - before.to_bridge) / seconds / calls,
        generator_late=_share(after.sent_late - before.sent_late, after.slots - before.slots),
        generator_cpu=(after.cpu - before.cpu) / seconds,
    )


def quantile(counts: list[int], share: float) -> float:
    """The lateness in seconds that `share` of the ticks stay within, by a histogram with
    LATENESS_BOUNDS: inside a bucket evenly spread. Beyond the last bound: that one."""
    wanted = share * sum(counts)
    seen, lower = 0.0, 0.0
    for count, upper in zip(counts, (*LATENESS_BOUNDS, LATENESS_BOUNDS[-1]), strict=True):
        if count and seen + count >= wanted:
            return lower + (upper - lower) * (wanted - seen) / count
        seen, lower = seen + count, upper
    return 0.0


def late_of_ten_thousand(counts: list[int], skipped: int) -> float:
    """Of 10,000 ticks those that were a frame late or never came."""
    late = sum(
        count
        for count, lower in zip(counts, (0.0, *LATENESS_BOUNDS), strict=True)
        if lower >= _LATE
    )
    return 10_000 * _share(late + skipped, sum(counts) + skipped)


def middle(measurements: list[Measurement]) -> Measurement:
    """The one whose CPU is the median (the lower one of an even number)."""
    ordered = sorted(measurements, key=lambda each: each.cpu_ms)
    return ordered[(len(ordered) - 1) // 2]


def middle_number(numbers: list[int]) -> int:
    """The median, rounded down."""
    return int(median(numbers))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
