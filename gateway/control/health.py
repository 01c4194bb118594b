"""Whether SIP, XMPP and media are well, and whether calls are taken; made from a snapshot.

Ill is what waiting does not mend: whoever supervises us may restart us. A gateway that is full or
drains is well, but not ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from gateway.control.snapshot import Phase, Snapshot
from gateway.media.load import TOLERABLE_LATE_SHARE, EngineLoad

FAILING_LOGINS = 3  # in a row
LOGINS_REMEMBERED = 300.0  # seconds: without new calls nobody finds out that it is better again
STALLED = 2.5  # seconds without a tick, one of which may pass before it is known
DOWN = 10.0  # seconds without a media worker: one that died is replaced at once
UNBEARABLE = 10.0  # times the share of late ticks that callers begin to hear

Answer = tuple[HTTPStatus, dict[str, object]]
"""A status and the JSON object that goes with it."""


class Part(StrEnum):
    """What has to work for a call."""

    SIP = "sip"
    XMPP = "xmpp"
    MEDIA = "media"


@dataclass(frozen=True, slots=True)
class PartHealth:
    """`problem` is None for a part that is well."""

    problem: str | None = None

    @property
    def is_well(self) -> bool:
        return self.problem is None


def examine(snapshot: Snapshot) -> Mapping[Part, PartHealth]:
    """How each part is."""
    return {
        Part.SIP: PartHealth(_sip_problem(snapshot)),
        Part.XMPP: PartHealth(_xmpp_problem(snapshot)),
        Part.MEDIA: PartHealth(_media_problem(snapshot)),
    }


def health(snapshot: Snapshot) -> Answer:
    """As Jigasi: 200 and nothing, 500 with a reason that names the ill parts, 503 for not yet."""
    if snapshot.phase is Phase.STARTING:
        return HTTPStatus.SERVICE_UNAVAILABLE, {"reason": "starting"}
    problems = [f"{part}: {each.problem}" for part, each in _ill(snapshot).items()]
    if problems:
        return HTTPStatus.INTERNAL_SERVER_ERROR, {"reason": "; ".join(problems)}
    return HTTPStatus.OK, {}


def verbose_health(snapshot: Snapshot) -> Answer:
    """The same status, with each part's state."""
    status, _ = health(snapshot)
    parts = {
        part.value: {"healthy": each.is_well, "problem": each.problem}
        for part, each in examine(snapshot).items()
    }
    return status, {"phase": snapshot.phase.value, "stress_level": snapshot.stress, **parts}


def liveness(snapshot: Snapshot) -> Answer:
    """Whether the process is at work at all: that this answers, and that the media clock ticks."""
    stalls = _stalls(snapshot)
    if stalls and len(stalls) == len(snapshot.loads):
        return HTTPStatus.INTERNAL_SERVER_ERROR, {"reason": _told(max(stalls))}
    return HTTPStatus.OK, {}


def readiness(snapshot: Snapshot) -> Answer:
    """Whether a call that came now would be taken."""
    obstacle = None
    if snapshot.phase is not Phase.SERVING:
        obstacle = snapshot.phase.value
    elif not snapshot.takes_calls:
        obstacle = "no calls are taken"
    elif len(snapshot.calls) >= snapshot.max_calls:
        obstacle = f"full: {len(snapshot.calls)} calls of at most {snapshot.max_calls}"
    elif snapshot.load.down_since is not None or snapshot.load.is_too_busy(snapshot.max_stress):
        obstacle = f"overloaded: {_strain(snapshot.load)}"
    if obstacle is not None:
        return HTTPStatus.SERVICE_UNAVAILABLE, {"reason": obstacle}
    return HTTPStatus.OK, {}


def _ill(snapshot: Snapshot) -> Mapping[Part, PartHealth]:
    return {part: each for part, each in examine(snapshot).items() if not each.is_well}


def _sip_problem(snapshot: Snapshot) -> str | None:
    if not snapshot.listeners:
        return "no listener is bound"
    if not snapshot.takes_calls and snapshot.phase is not Phase.CLOSING:
        return "no calls are taken any more"
    return None


def _xmpp_problem(snapshot: Snapshot) -> str | None:
    failing = [
        f"{logins.failures_in_a_row} logins in a row failed at {name}, the last: {logins.problem}"
        for name, logins in snapshot.logins.items()
        if logins.failures_in_a_row >= FAILING_LOGINS
        and snapshot.now - logins.failed_at < LOGINS_REMEMBERED
    ]
    return ", ".join(failing) or None


def _media_problem(snapshot: Snapshot) -> str | None:
    stalls, downs = _stalls(snapshot), _downs(snapshot)
    if stalls:
        return _told(max(stalls))
    if downs:
        return f"a media worker has been down for {max(downs):.0f} s"
    if snapshot.load.late_share >= UNBEARABLE * TOLERABLE_LATE_SHARE:
        return f"{snapshot.load.late_share:.0%} of the ticks are late"
    return None


def _stalls(snapshot: Snapshot) -> list[float]:
    """How long the clocks that stand still have done so, in seconds."""
    since = (snapshot.now - load.last_tick for load in snapshot.loads if load.is_ticking)
    return [seconds for seconds in since if seconds > STALLED]


def _downs(snapshot: Snapshot) -> list[float]:
    """How long the workers that do not come back have been away, in seconds."""
    since = (load.down_since for load in snapshot.loads if load.down_since is not None)
    return [snapshot.now - at for at in since if snapshot.now - at > DOWN]


def _told(stall: float) -> str:
    return f"the media clock has not ticked for {stall:.0f} s"


def _strain(load: EngineLoad) -> str:
    """What there is too much of."""
    if load.down_since is not None:
        return "no media worker is up"
    if load.late_share / TOLERABLE_LATE_SHARE >= load.stress:
        return f"{load.late_share:.0%} of the media ticks are late"
    return f"media workers use {load.cpu_share:.0%} of their cores"
