"""Who may try a PIN, and when: guessing must not pay, and honest callers must not suffer for it.

No IO and no clock. Wrong PINs are counted by caller, by trunk, and altogether; each count that is
too high delays the next try, longer with each wrong PIN. A try counts as a wrong one until it is
known to be right, so that many at the same moment gain nothing. A right PIN takes back a quarter of
a wrong one: enough for an office behind one number, and little for who guesses with a PIN of its
own at hand.

Numbers can be forged, but an honest caller keeps its own. So callers are in three lanes: those who
had a right PIN lately (KNOWN), those who were told to wait and did (PATIENT), and all others (NEW),
among them numbers that have had two wrong ones.
Each lane has its own counts for trunks and altogether: who floods one delays its own kind only.

A lane whose delay is at its longest takes one try in `longest` seconds, however many call from
however many numbers: 3 * 86,400 / 6 a day in all three. Where a guess hits once in 100,000 (see
`pin_policy`) that is 0.43 hits a day at the very most, and a third of it by one lane.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from gateway.ivr.leaky_count import LeakyCount
from gateway.ivr.remembered import Remembered

KNOWN_FOR = 30 * 86_400.0  # seconds that a right PIN makes a caller known
PATIENT_AFTER = 20.0  # seconds that a new caller waits, if it has to
PATIENT_FOR = 1_800.0  # seconds within which it has to come back
MOST_CALLERS = 20_000  # that are remembered, for each thing
MOST_TRUNKS = 1_000
FORGIVEN = 0.25  # of a caller's wrong PIN, by a right one
MAX_CALLER = 64  # characters of a number that count

Key = TypeVar("Key", bound=Hashable)


class Lane(StrEnum):
    """What is known of a caller."""

    KNOWN = "known"
    PATIENT = "patient"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Delay:
    """`free` wrong PINs cost nothing, and one is forgotten in `forgets_one` seconds. Above that the
    next try waits `first` seconds after the last wrong one, twice as long with each more, and never
    longer than `longest`."""

    free: int
    forgets_one: float
    first: float
    longest: float

    def after(self, count: float) -> float:
        """Seconds that the next try waits after so many wrong ones."""
        if count < self.free - 0.5:  # it has leaked a little since the first
            return 0.0
        return min(self.first * math.exp2(min(max(count - self.free, 0.0), 60.0)), self.longest)


@dataclass(frozen=True, slots=True)
class GuardPolicy:
    """The three delays. There is an alarm for a trunk when `alarm` wrong PINs have come by it, of
    which one is forgotten in the trunk's `forgets_one`; it ends at a third of them."""

    caller: Delay = Delay(free=3, forgets_one=3_600.0, first=2.0, longest=3_600.0)
    trunk: Delay = Delay(free=30, forgets_one=20.0, first=0.5, longest=6.0)
    together: Delay = Delay(free=100, forgets_one=6.0, first=0.25, longest=6.0)
    alarm: int = 20


@dataclass(frozen=True, slots=True)
class Attempt:
    """A PIN may be looked at now; tell what came of it. `has_number` is whether the caller is
    known by its number, and not only as long as it holds the line."""

    caller: str | None = field(repr=False)
    trunk: str
    lane: Lane
    has_number: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """No PIN of this caller is looked at for so many seconds."""

    seconds: float


class PinGuard:
    """`admit` before a PIN is looked at; then tell whether it was `right`, `wrong`, or `void`.

    `caller` is a number, None if it is withheld. Then `call`, the id of its call, tells it apart
    while it holds the line; without that only trunk and total count.
    """

    def __init__(self, policy: GuardPolicy) -> None:
        self._policy = policy
        self._callers = _Tries[str](policy.caller, MOST_CALLERS)
        self._trunks = _Tries[tuple[Lane, str]](policy.trunk, len(Lane) * MOST_TRUNKS)
        self._together = _Tries[Lane](policy.together, len(Lane))
        self._wrong: LeakyCount[str] = LeakyCount(policy.trunk.forgets_one, MOST_TRUNKS)
        self._alarms: set[str] = set()
        self._right: Remembered[str, bool] = Remembered(MOST_CALLERS)
        self._told: Remembered[str, float] = Remembered(MOST_CALLERS)

    def admit(
        self, caller: str | None, trunk: str, now: float, *, call: str | None = None
    ) -> Attempt | Wait:
        """Whether this caller may try a PIN now."""
        has_number = bool(caller)
        if not caller:
            caller = f"call {call}" if call is not None else None
        caller = caller[:MAX_CALLER] if caller is not None else None
        lane = self._lane(caller, now)
        wait = max(self._trunks.wait((lane, trunk), now), self._together.wait(lane, now))
        if wait > 0.0 and lane is Lane.NEW and caller is not None:
            wait = max(wait, self._tell(caller, now))
        if caller is not None:
            wait = max(wait, self._callers.wait(caller, now))
        if wait > 0.0:
            return Wait(wait)
        if caller is not None:
            self._callers.add(caller, now)
            self._told.pop(caller)
        self._trunks.add((lane, trunk), now)
        self._together.add(lane, now)
        return Attempt(caller, trunk, lane, has_number)

    def right(self, attempt: Attempt, now: float) -> None:
        """There is a room for the PIN: its caller is known from now on."""
        self.void(attempt, now)
        if attempt.caller is not None:
            self._callers.take_back(attempt.caller, now, FORGIVEN)
        if attempt.caller is not None and attempt.has_number:
            self._right.put(attempt.caller, True, now + KNOWN_FOR)

    def void(self, attempt: Attempt, now: float) -> None:
        """Nobody could say whether it was right: it does not count."""
        if attempt.caller is not None:
            self._callers.take_back(attempt.caller, now)
        self._trunks.take_back((attempt.lane, attempt.trunk), now)
        self._together.take_back(attempt.lane, now)

    def wrong(self, attempt: Attempt, now: float) -> bool:
        """There is no room for the PIN. True if that raises the alarm for the trunk."""
        if self._wrong.add(attempt.trunk, now) < self._policy.alarm:
            return False
        raised = attempt.trunk not in self.alarms(now)
        self._alarms.add(attempt.trunk)
        return raised

    def alarms(self, now: float) -> frozenset[str]:
        """The trunks by which somebody guesses."""
        over = self._policy.alarm / 3
        self._alarms = {each for each in self._alarms if self._wrong.count(each, now) > over}
        return frozenset(self._alarms)

    def _lane(self, caller: str | None, now: float) -> Lane:
        if caller is None:
            return Lane.NEW
        if self._right.get(caller, now):
            return Lane.KNOWN
        may_try_at = self._told.get(caller, now)
        has_waited = may_try_at is not None and now >= may_try_at
        # A number that has guessed already is not to be in the way of honest ones.
        guesses = self._callers.count(caller, now) > 1.5
        return Lane.PATIENT if has_waited and not guesses else Lane.NEW

    def _tell(self, caller: str, now: float) -> float:
        """Seconds that a new caller waits to be PATIENT, counted from when it was first told."""
        may_try_at = self._told.get(caller, now)
        if may_try_at is None:
            may_try_at = now + PATIENT_AFTER
            self._told.put(caller, may_try_at, may_try_at + PATIENT_FOR)
        return may_try_at - now


class _Tries(Generic[Key]):
    """The tries that count by one key, and until when they delay the next."""

    def __init__(self, delay: Delay, most: int) -> None:
        self._delay = delay
        self._counts: LeakyCount[Key] = LeakyCount(delay.forgets_one, most)
        self._until: Remembered[Key, float] = Remembered(most)

    def count(self, key: Key, now: float) -> float:
        return self._counts.count(key, now)

    def wait(self, key: Key, now: float) -> float:
        until = self._until.get(key, now)
        return until - now if until is not None else 0.0

    def add(self, key: Key, now: float) -> None:
        delay = self._delay.after(self._counts.add(key, now))
        if delay > 0.0:
            self._until.put(key, now + delay, now + delay)

    def take_back(self, key: Key, now: float, share: float = 1.0) -> None:
        self._counts.take_back(key, now, share)
        if self._delay.after(self._counts.count(key, now)) == 0.0:
            self._until.pop(key)
