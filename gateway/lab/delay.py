"""How long audio is under way: what was said when, against what arrived when.

A packet's last sample was spoken when it was sent and is there when it arrives; everything between
is the way. Playout at the far end, which differs from listener to listener, is not counted.
"""

from dataclasses import dataclass, field

import numpy as np

from audiocodecs.frames import Samples
from gateway.lab.listening import find_speech

_LEAST = 2.0  # seconds of speech to look for


@dataclass(slots=True)
class Tap:
    """What passed one point: decoded packets of one stream at `rate` Hz and their times."""

    rate: int
    times: list[float] = field(default_factory=list)
    packets: list[Samples] = field(default_factory=list)

    def put(self, samples: Samples, now: float) -> None:
        """A packet passes now."""
        self.times.append(now)
        self.packets.append(samples)

    def time_of(self, sample: int) -> float:
        """When a sample, counted from the first packet on, was at hand."""
        ends = np.cumsum([len(packet) for packet in self.packets])
        at = min(int(np.searchsorted(ends, sample, side="right")), len(ends) - 1)
        return self.times[at] - (int(ends[at]) - sample) / self.rate

    @property
    def samples(self) -> Samples:
        """Everything that passed."""
        return np.concatenate(self.packets) if self.packets else np.zeros(0, np.int16)


def delay_between(said: Tap, arrived: Tap) -> float | None:
    """Seconds from one point to the other, in the middle of what they saw; None if nothing fits.

    Both run at the same rate, and `arrived` may hold other voices as well.
    """
    spoken, heard = said.samples, arrived.samples
    length = round(_LEAST * said.rate)
    delays = []
    for start in range(0, len(spoken) - length, length):
        found = find_speech(spoken[start : start + length], heard, arrived.rate)
        if found.is_present:
            at = round(found.offset * arrived.rate)
            delays.append(arrived.time_of(at) - said.time_of(start))
    plausible = [delay for delay in delays if 0.0 <= delay < 2.0]
    return float(np.median(plausible)) if plausible else None
