"""The machine the figures are of: what it is, and what the kernel says of its cores."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from audiocodecs import opus
from gateway.bench.measurement import CoreTime

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Machine:
    """What has to be known of a machine to compare figures."""

    cpu: str
    cores: int
    kernel: str
    python: str
    opus: str

    def __str__(self) -> str:
        return f"{self.cpu}, {self.cores} cores, {self.kernel}, Python {self.python}, {self.opus}"


def this_machine() -> Machine:
    """The machine this runs on."""
    models = (
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    return Machine(
        cpu=next(models, platform.machine()),
        cores=os.cpu_count() or 1,
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        opus=opus.version(),
    )


def two_cores() -> tuple[int | None, int | None]:
    """A core for the process under test and another for the load; None where there is but one."""
    cores = sorted(os.sched_getaffinity(0))
    return (cores[-1], cores[0]) if len(cores) > 1 else (None, None)


def core_time(core: int | None) -> CoreTime:
    """What `core` has done so far; all cores together if None."""
    name = "cpu" if core is None else f"cpu{core}"
    for line in Path("/proc/stat").read_text().splitlines():
        words = line.split()
        if words[0] == name:
            user, nice, system, _, _, irq, softirq, steal = (int(word) for word in words[1:9])
            return CoreTime((user + nice + system + irq + softirq) / _TICK, steal / _TICK)
    return CoreTime(0.0, 0.0)
