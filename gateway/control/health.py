"""Whether SIP, XMPP and media are well, and whether calls are taken; made from a snapshot.

Ill is what waiting does not mend: whoever supervises us may restart us. A gateway that is full or
drains is well, but not ready.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from gateway.control.snapshot import Phase, Snapshot

FAILING_LOGINS = 3  # in a row
LOGINS_REMEMBERED = 300.0  # seconds: without new calls nobody finds out that it is better again
STALLED = 2.0  # seconds without a tick
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
    stall = _stall(snapshot)
    if stall is not None:
        return HTTPStatus.INTERNAL_SERVER_ERROR, {"reason": stall}
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
    elif snapshot.load.stress >= 1:
        obstacle = f"overloaded: {snapshot.load.late_share:.0%} of the media ticks are late"
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
    stall = _stall(snapshot)
    if stall is None and snapshot.load.stress >= UNBEARABLE:
        return f"{snapshot.load.late_share:.0%} of the ticks are late"
    return stall


def _stall(snapshot: Snapshot) -> str | None:
    since = snapshot.now - snapshot.load.last_tick
    if snapshot.load.is_ticking and since > STALLED:
        return f"the media clock has not ticked for {since:.0f} s"
    return None
