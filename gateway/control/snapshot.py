"""The gateway at one moment: all that HTTP can tell is made from this."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateway.calls.end_reason import EndReason
from gateway.calls.record import CallRecord
from gateway.calls.statistics import Totals
from gateway.calls.trunk_status import TrunkStatus
from gateway.conference.logins import Logins
from gateway.ivr.dial_in_counts import DialInCounts
from gateway.media.load import EngineLoad, together


class Phase(StrEnum):
    """Where in its life a gateway is."""

    STARTING = "starting"
    SERVING = "serving"
    DRAINING = "draining"  # it refuses new calls and ends with the last
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`now` and `current_time` are seconds, of the monotonic clock and since 1970.

    `calls` are those that are not over, `ended` counts the others. `takes_calls` is whether the
    SIP side is at work, `listeners` where. Media under `max_stress` takes no more calls; 0: it
    takes any. `logins` has an entry for each installation, by its name, `loads` one for each
    process that carries media. `sip_counters` are the stack's, by name; `responses_sent` by status.
    `meeting_url` says where browsers join the conference of a room's JID. `dial_in` is None where
    nobody can dial in by PIN. `trunks` has an entry for each trunk, `phones` one for each user that
    is registered here, with the addresses that it is registered from.
    """

    now: float
    current_time: float
    version: str
    phase: Phase
    takes_calls: bool
    listeners: tuple[str, ...]
    max_calls: int
    meeting_url: Callable[[str], str]
    max_stress: float = 1.0
    calls: tuple[CallRecord, ...] = ()
    ended: Mapping[EndReason, int] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)
    logins: Mapping[str, Logins] = field(default_factory=dict)
    loads: tuple[EngineLoad, ...] = (EngineLoad(),)
    trunks: tuple[TrunkStatus, ...] = ()
    phones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digest_counters: Mapping[str, int] = field(default_factory=dict)
    sip_counters: Mapping[str, int] = field(default_factory=dict)
    responses_sent: Mapping[int, int] = field(default_factory=dict)
    dial_in: DialInCounts | None = None

    @property
    def joined(self) -> tuple[CallRecord, ...]:
        """The calls that are in a room."""
        return tuple(record for record in self.calls if record.is_joined)

    @property
    def load(self) -> EngineLoad:
        """All that carries media as one."""
        return together(self.loads)

    @property
    def stress(self) -> float:
        """How much of what can be borne is used; no more calls should come at 1."""
        return max(len(self.calls) / self.max_calls, self.load.stress)


class Controlled(Protocol):
    """What is told about, and can be told to drain."""

    def snapshot(self) -> Snapshot:
        """How it is now."""

    def drain(self) -> None:
        """Refuse new calls from now on, and end with the last."""
