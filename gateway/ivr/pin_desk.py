"""Where PINs are tried: guarded, counted, and loud when somebody guesses.

Neither PINs nor what was typed instead of one are in the log or in the counts.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from gateway.ivr.hops import Hops
from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.pin_directory import PinDirectory
from gateway.ivr.pin_guard import Attempt, PinGuard, Wait

log = structlog.get_logger(__name__)

FOUND, DELAYED = "found", "delayed"  # beside what NoMeeting has


@dataclass(frozen=True, slots=True)
class Clocks:
    """`steady` is a monotonic clock, `utc` that of the calendar; both in seconds."""

    steady: Callable[[], float]
    utc: Callable[[], float]


class PinDesk:
    """Looks PINs up for callers."""

    def __init__(self, directory: PinDirectory, guard: PinGuard, clocks: Clocks) -> None:
        self._directory = directory
        self._guard = guard
        self._clocks = clocks
        self.tries: Counter[tuple[str, str]] = Counter()
        """How often each trunk's callers have tried a PIN, and what came of it."""

    @property
    def alarms(self) -> frozenset[str]:
        """The trunks by which somebody guesses now."""
        return self._guard.alarms(self._clocks.steady())

    async def present(
        self,
        pin: str,
        caller: str | None,
        trunk: str,
        *,
        call: str | None = None,
        hops: Hops = (),
    ) -> Meeting | NoMeeting | Wait:
        """What a PIN stands for; or that this caller has to wait, and then to ask again.

        `caller` is its number, None if it is withheld; `call` the id of its call; `hops` the
        gateways that ask for it.
        """
        attempt = self._guard.admit(caller, trunk, self._clocks.steady(), call=call)
        if isinstance(attempt, Wait):
            self.tries[trunk, DELAYED] += 1
            return attempt
        try:
            found = await self._directory.find(pin, self._clocks.utc(), hops)
        except BaseException:  # who hangs up meanwhile has learned nothing
            self._guard.void(attempt, self._clocks.steady())
            raise
        self._conclude(attempt, found)
        return found

    def _conclude(self, attempt: Attempt, found: Meeting | NoMeeting) -> None:
        now = self._clocks.steady()
        if isinstance(found, Meeting):
            self._guard.right(attempt, now)
        elif found is NoMeeting.UNAVAILABLE:
            self._guard.void(attempt, now)
        elif self._guard.wrong(attempt, now):
            log.warning("somebody guesses PINs", trunk=attempt.trunk)
        outcome = FOUND if isinstance(found, Meeting) else found.value
        self.tries[attempt.trunk, outcome] += 1
