"""Somebody guesses PINs ten times a second, while honest people call: in simulated time."""

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from gateway.ivr.pin_guard import Attempt, GuardPolicy, PinGuard, Wait
from gateway.ivr.pin_policy import PinPolicy, space

RATE = 10  # guesses a second
ROOMS = 1_000  # with PINs
PATIENCE = 60.0  # seconds an honest caller holds the line
MISTYPED = 0.1  # of honest PINs
BETWEEN = 20.0  # seconds between two honest callers of a kind

Numbers = Callable[[int, float], str]
"""The number that the n-th guess comes from, at its time."""

TRUNK, OTHER_TRUNK = "provider", "pbx"
"""By which honest people call, and another one."""


@dataclass(frozen=True, slots=True)
class Attack:
    """From which numbers somebody guesses, and by which trunk."""

    numbers: Numbers
    trunk: str = TRUNK


ATTACKS: dict[str, Attack] = {
    "one number": Attack(lambda n, now: "+10"),
    "a hundred numbers": Attack(lambda n, now: f"+1{n % 100}"),
    "a new number each time": Attack(lambda n, now: f"+1{n}"),
    # Each number calls twice, as soon as that helps: 25 seconds later.
    "new numbers, patient": Attack(lambda n, now: f"+1{n if n % 500 < 250 else n - 250}"),
    "new numbers, by another trunk": Attack(lambda n, now: f"+1{n}", OTHER_TRUNK),
}


@dataclass
class Felt:
    """What honest callers of one kind felt: for how long each was held, None if it gave up."""

    held: list[float | None] = field(default_factory=list)

    @property
    def entered(self) -> float:
        """The share that came in."""
        return len(self.waited) / max(1, len(self.held))

    @property
    def delayed(self) -> float:
        """The share that came in, but had to wait."""
        return sum(each > 0.0 for each in self.waited) / max(1, len(self.held))

    @property
    def waited(self) -> list[float]:
        return sorted(each for each in self.held if each is not None)

    def __str__(self) -> str:
        late = [each for each in self.waited if each > 0.0]
        told = (
            f"of {len(self.held)} {100 * self.delayed:5.1f} % waited, "
            f"{100 * (1 - self.entered):4.1f} % gave up after {PATIENCE:.0f} s"
        )
        if late:
            told += f"; who waited: {late[len(late) // 2]:.0f} s (median), {late[-1]:.0f} s worst"
        return told


@dataclass
class Outcome:
    """`tried` guesses of `made` were looked at."""

    made: int = 0
    tried: int = 0
    felt: dict[str, Felt] = field(default_factory=dict)

    def hits(self, digits: int, rooms: int = ROOMS) -> float:
        """How many of them are to be expected to be right."""
        return self.tried * rooms / space(digits)

    def table(self, name: str, seconds: float) -> Iterator[str]:
        policy = PinPolicy()
        yield f"{name}: {self.tried} of {self.made} guesses were looked at in {seconds / 3600:g} h"
        for digits in (6, 8, 10):
            without = self.made * ROOMS / space(digits)
            most = policy.most(digits)
            yield (
                f"  {digits:2} digits: {self.hits(digits):9.4f} hits with {ROOMS} rooms "
                f"({without:.4f} unguarded), {self.hits(digits, most):.4f} with the {most} "
                "rooms that may have such"
            )
        for kind, felt in self.felt.items():
            yield f"  honest, {kind + ':':18} {felt}"


def simulate(attack: Attack, seconds: float) -> Outcome:
    """All guesses are wrong: what counts is how many were looked at."""
    guard, chance, outcome = PinGuard(GuardPolicy()), random.Random(7), Outcome()
    kinds: dict[str, Callable[[int], tuple[str | None, str]]] = {
        "known number": lambda n: (f"+43{n % 200}", f"known {n}"),
        "new number": lambda n: (f"+49{n}", f"new {n}"),
        "number withheld": lambda n: (None, f"withheld {n}"),
    }
    outcome.felt = {kind: Felt() for kind in kinds}
    for n in range(200):
        known = guard.admit(f"+43{n}", TRUNK, -1.0)
        assert isinstance(known, Attempt)
        guard.right(known, -1.0)
    # Honest callers by when they try next: kind, since when, number and call, tries left.
    callers = [
        (BETWEEN * n + offset, kind, BETWEEN * n + offset, number(n), 3)
        for n in range(1, int((seconds - PATIENCE) / BETWEEN))
        for offset, (kind, number) in enumerate(kinds.items())
    ]
    heapq.heapify(callers)
    for n in range(int(seconds * RATE)):
        now = n / RATE
        while callers and callers[0][0] <= now:
            at, kind, since, caller, left = heapq.heappop(callers)
            verdict = guard.admit(caller[0], TRUNK, at, call=caller[1])
            if isinstance(verdict, Wait):
                again = at + verdict.seconds + 0.001
                if again - since > PATIENCE:
                    outcome.felt[kind].held.append(None)
                else:
                    heapq.heappush(callers, (again, kind, since, caller, left))
            elif chance.random() < MISTYPED and left > 1:
                guard.wrong(verdict, at)
                # Typing it again takes a while, which is no waiting.
                heapq.heappush(callers, (at + 8.0, kind, since + 8.0, caller, left - 1))
            else:
                guard.right(verdict, at)
                outcome.felt[kind].held.append(at - since)
        outcome.made += 1
        guess = guard.admit(attack.numbers(n, now), attack.trunk, now)
        if isinstance(guess, Attempt):
            outcome.tried += 1
            guard.wrong(guess, now)
    return outcome
