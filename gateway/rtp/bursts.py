"""Bursts and gaps: how losses lie in time, which is what makes them audible (RFC 3611, 4.7.2).

A burst begins and ends with a missing packet and has never `GMIN` packets in a row that were there;
what lies between bursts is gaps, in which every missing packet is alone. To who listens, a packet
that was lost and one that came too late are the same: it is not played.
"""

from dataclasses import dataclass, fields

GMIN = 16
"""Packets in a row that end a burst: the RFC's recommendation."""


@dataclass(frozen=True, slots=True)
class LossPattern:
    """Packets that had to be played, in their order, so far.

    `missing` of all `packets` were not there, in `runs` of neighbours. `bursts` is how many bursts
    there were; `burst_packets` are the packets of those, `burst_missing` the missing ones among
    them.
    """

    packets: int = 0
    missing: int = 0
    runs: int = 0
    bursts: int = 0
    burst_packets: int = 0
    burst_missing: int = 0

    def __add__(self, other: "LossPattern") -> "LossPattern":
        """Two streams, or two times, together."""
        return LossPattern(
            *(getattr(self, each.name) + getattr(other, each.name) for each in fields(self))
        )

    def __sub__(self, before: "LossPattern") -> "LossPattern":
        """What was counted after `before`."""
        return LossPattern(
            *(
                max(0, getattr(self, each.name) - getattr(before, each.name))
                for each in fields(self)
            )
        )

    @property
    def loss(self) -> float:
        """The share of packets that were missing (0..1)."""
        return self.missing / self.packets if self.packets else 0.0

    @property
    def burst_density(self) -> float:
        """The share of packets missing within bursts."""
        return self.burst_missing / self.burst_packets if self.burst_packets else 0.0

    @property
    def gap_density(self) -> float:
        """The share of packets missing between bursts."""
        packets = self.packets - self.burst_packets
        return (self.missing - self.burst_missing) / packets if packets else 0.0

    @property
    def burst_length(self) -> float:
        """Packets of the mean burst, 0 if there was none."""
        return self.burst_packets / self.bursts if self.bursts else 0.0

    @property
    def gap_length(self) -> float:
        """Packets of the mean gap: one is before every burst, and one behind the last."""
        return (self.packets - self.burst_packets) / (self.bursts + 1)

    @property
    def burst_ratio(self) -> float:
        """BurstR (ITU-T G.107 clause 3.5): the mean run of missing packets, over what it would be
        if losses were independent; never below 1, where it means nothing."""
        if not self.runs:
            return 1.0
        return max(1.0, self.missing / self.runs * (1.0 - self.loss))


class LossCounter:
    """Counts the packets of one stream in the order they are played."""

    __slots__ = (
        "_burst_missing",
        "_burst_packets",
        "_bursts",
        "_missing",
        "_open_missing",
        "_open_packets",
        "_packets",
        "_runs",
        "_since",
    )

    def __init__(self) -> None:
        self._packets = self._missing = self._runs = 0
        self._bursts = self._burst_packets = self._burst_missing = 0
        # What may become a burst: from a missing packet to the last one that is.
        self._open_packets = self._open_missing = 0
        self._since = GMIN  # packets in a row that were there: the call is preceded by enough

    def played(self) -> None:
        """A packet was there."""
        self._packets += 1
        self._since += 1
        if self._since == GMIN and self._open_missing:
            self._settle()

    def missed(self, count: int = 1) -> None:
        """So many packets in a row were not."""
        if count <= 0:
            return
        if self._since or not self._missing:
            self._runs += 1
        self._open_packets += count + (self._since if self._open_missing else 0)
        self._open_missing += count
        self._packets += count
        self._missing += count
        self._since = 0

    def pattern(self) -> LossPattern:
        """What has been counted; a burst that goes on counts as far as it has come."""
        is_burst = self._open_missing > 1
        return LossPattern(
            self._packets,
            self._missing,
            self._runs,
            self._bursts + is_burst,
            self._burst_packets + is_burst * self._open_packets,
            self._burst_missing + is_burst * self._open_missing,
        )

    def _settle(self) -> None:
        """Enough packets were there: what was open was a burst, or a missing packet alone."""
        if self._open_missing > 1:
            self._bursts += 1
            self._burst_packets += self._open_packets
            self._burst_missing += self._open_missing
        self._open_packets = self._open_missing = 0
