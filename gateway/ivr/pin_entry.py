"""A PIN that a caller types. No IO and no clock: time comes in as `now`, in seconds of any clock.

                 key                     "#", last digit, pause
    ASKING ────────────▶ TYPING ──────────────────────────▶ CHECKING
      │  ▲                ▲  │ "*"                             │
      │  │ time is up     │  ▼                                 │
      └──┼────────────▶ WAITING                                │
         └──────────────────┴──────────────────────────────────┘ wrong; OVER after the last try
    the prompt ended: ASKING ──▶ WAITING

Whoever asks plays a prompt (ASKING), tells when it has ended, and falls silent at the first key.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.ivr.typed_number import TypedNumber

_KEYS = frozenset("0123456789*#")


class State(StrEnum):
    """Where in the entry of a PIN a caller is."""

    ASKING = "asking"  # the prompt is played; no time runs
    WAITING = "waiting"  # for the first digit
    TYPING = "typing"
    CHECKING = "checking"  # a PIN is complete, and nobody has said yet whether it is right
    OVER = "over"


@dataclass(frozen=True, slots=True)
class BargedIn:
    """The caller types while the prompt is played: it has to stop."""


@dataclass(frozen=True, slots=True)
class StartedOver:
    """What was typed does not count; the caller begins again."""


@dataclass(frozen=True, slots=True)
class Completed:
    """This is the PIN; somebody has to say if it is `wrong`."""

    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Too little was typed in time. The caller is asked again, and has so many tries."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The PIN was wrong. The caller is asked again, and has so many tries."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """That was the last try. `typed` is whether the caller typed anything at all."""

    typed: bool


Step = BargedIn | StartedOver | Completed | TimedOut | Refused | GivenUp


@dataclass(frozen=True, slots=True)
class PinRules:
    """`shortest` and `longest` are lengths of PINs there are, `longest` ends one without `#`.

    Seconds: `first_within` from the end of the prompt to the first digit, `next_within` between
    two digits (a pause then ends the PIN, if it is long enough), `whole_within` for one try,
    however often it is started over.
    """

    shortest: int = 4
    longest: int = 9
    tries: int = 3
    first_within: float = 10.0
    next_within: float = 5.0
    whole_within: float = 60.0


class PinEntry:
    """One caller, from the first question to a PIN that is right, or to giving up."""

    def __init__(self, rules: PinRules) -> None:
        self.state = State.ASKING
        self.tries_left = rules.tries
        self.deadline: float | None = None
        """When `passed` has to be called; None: no time runs."""
        self._rules = rules
        self._typed = TypedNumber()
        self._has_typed = False
        self._try_ends = 0.0

    def prompted(self, now: float) -> None:
        """The prompt has been played to its end."""
        if self.state is State.ASKING:
            self._wait(now)

    def pressed(self, key: str, now: float) -> tuple[Step, ...]:
        """The caller has pressed a key. While a PIN is checked, and after the end, none counts."""
        steps = self.passed(now)
        if key not in _KEYS or self.state in (State.CHECKING, State.OVER):
            return steps
        if self.state is State.ASKING:
            steps += (BargedIn(),)
            self._wait(now)
        before = self._typed.digits
        number = self._typed.pressed(key)
        if key == "#":
            return (*steps, self._complete(number)) if number else steps
        if key == "*":
            if not before:
                return steps
            self._wait_again(now)
            return (*steps, StartedOver())
        self._has_typed = True
        if len(self._typed.digits) >= self._rules.longest:
            return (*steps, self._complete(self._typed.digits))
        self.state = State.TYPING
        self.deadline = min(now + self._rules.next_within, self._try_ends)
        return steps

    def passed(self, now: float) -> tuple[Step, ...]:
        """Time has passed; something follows if that was the deadline."""
        if self.deadline is None or now < self.deadline:
            return ()
        if len(self._typed.digits) >= self._rules.shortest:
            return (self._complete(self._typed.digits),)
        return (self._used(TimedOut),)

    def wrong(self) -> Step:
        """The PIN of `Completed` was none."""
        assert self.state is State.CHECKING
        return self._used(Refused)

    def _wait(self, now: float) -> None:
        self._try_ends = now + self._rules.whole_within
        self._wait_again(now)

    def _wait_again(self, now: float) -> None:
        self.state = State.WAITING
        self.deadline = min(now + self._rules.first_within, self._try_ends)

    def _complete(self, pin: str) -> Completed:
        self._typed = TypedNumber()
        self.state = State.CHECKING
        self.deadline = None
        return Completed(pin)

    def _used(self, again: type[TimedOut] | type[Refused]) -> Step:
        """One try less."""
        self._typed = TypedNumber()
        self.deadline = None
        self.tries_left -= 1
        if self.tries_left == 0:
            self.state = State.OVER
            return GivenUp(self._has_typed)
        self.state = State.ASKING
        return again(self.tries_left)
