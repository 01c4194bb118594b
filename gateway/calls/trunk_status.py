"""How a trunk is at one moment, for those who look at it."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.calls.switchboard import Switchboard
from gateway.calls.trunk import Trunk
from gateway.calls.trunk_limits import TrunkLimit
from gateway.sip.liaison import Liaison, Liaisons
from gateway.sip.probe import ProbeState
from gateway.sip.registration import RegistrationState


@dataclass(frozen=True, slots=True)
class RegistrationStatus:
    """`expires_in` is in seconds; None, or below 0, if the registrar knows nothing of us."""

    registrar: str
    state: RegistrationState
    error: str
    expires_in: float | None

    @property
    def is_registered(self) -> bool:
        """Whether the registrar was well when it was last asked, and has not forgotten us."""
        is_valid = self.expires_in is not None and self.expires_in > 0
        return self.state is RegistrationState.REGISTERED and is_valid


@dataclass(frozen=True, slots=True)
class TrunkStatus:
    """`registration` and `probe` are None where there is none; `refused` counts calls by limit."""

    name: str
    calls: int
    registration: RegistrationStatus | None = None
    probe: ProbeState | None = None
    probe_error: str = ""
    refused_calls: int = 0
    refused_rate: int = 0

    @property
    def is_up(self) -> bool | None:
        """Whether it is there; None if that is not known."""
        known = {ProbeState.UP: True, ProbeState.DOWN: False}
        return known.get(self.probe) if self.probe is not None else None


def trunk_statuses(
    trunks: Iterable[Trunk], switchboard: Switchboard, liaisons: Liaisons
) -> tuple[TrunkStatus, ...]:
    """Of each trunk."""
    return tuple(_status(trunk, switchboard, liaisons.find(trunk.name)) for trunk in trunks)


def _status(trunk: Trunk, switchboard: Switchboard, liaison: Liaison | None) -> TrunkStatus:
    probe = liaison.probe if liaison is not None else None
    refused = switchboard.limits.refused
    return TrunkStatus(
        trunk.name,
        switchboard.calls_of(trunk),
        registration=_registration(liaison),
        probe=probe.state if probe is not None else None,
        probe_error=probe.error if probe is not None else "",
        refused_calls=refused[trunk.name, TrunkLimit.CALLS],
        refused_rate=refused[trunk.name, TrunkLimit.RATE],
    )


def _registration(liaison: Liaison | None) -> RegistrationStatus | None:
    if liaison is None or liaison.registration is None:
        return None
    registration = liaison.registration
    return RegistrationStatus(
        registration.config.registrar,
        registration.state,
        registration.error,
        liaison.registered_for,
    )
