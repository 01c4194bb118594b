"""Whom the conference may have called, and how often: toll fraud must not pay. Pure.

Nothing can be dialled that no trunk's list of prefixes allows.
"""

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from gateway.calls.trunk import Trunk

DAY = 86_400.0  # seconds

_WRITTEN = re.compile(r"[\s().\-/\u00a0\u2010-\u2015]")  # what people put between digits
# No country has a 0 in front. Read as one, it would pass prefixes that forbid, and a trunk that
# takes "00" for "+" would call them.
_NUMBER = re.compile(r"\+[1-9][0-9]{0,31}|[0-9]{1,32}")


class DialRefusal(StrEnum):
    """Why nobody is called. The value is XMPP's condition for it (RFC 6120 section 8.3.3)."""

    NOT_A_NUMBER = "bad-request"
    NOT_ALLOWED = "forbidden"
    TOO_MANY = "resource-constraint"
    NOT_NOW = "service-unavailable"  # we are full, or shutting down
    NO_SUCH_ROOM = "item-not-found"
    NOT_JOINED = "internal-server-error"
    NOT_IMPLEMENTED = "feature-not-implemented"


class DialRefused(Exception):
    """Nobody will be called; the text is for the log."""

    def __init__(self, refusal: DialRefusal, text: str) -> None:
        super().__init__(text)
        self.refusal = refusal
        self.text = text


@dataclass(frozen=True, slots=True)
class DialLimits:
    """Calls at a time for one room and for one person, and calls within a day; None: any number."""

    per_room: int | None = None
    per_initiator: int | None = None
    per_day: int | None = None


def read_number(text: str) -> str:
    """A number as people write it, without what they put between the digits; 00 means +.

    DialRefused if it is none.
    """
    number = _WRITTEN.sub("", text)
    if number.startswith("00"):
        number = f"+{number[2:]}"
    if not _NUMBER.fullmatch(number):
        raise DialRefused(DialRefusal.NOT_A_NUMBER, f"{text[:40]!r} is no telephone number")
    return number


def choose_trunk(
    number: str,
    trunks: Iterable[Trunk],
    is_usable: Callable[[Trunk], bool] = lambda trunk: True,
) -> Trunk:
    """The trunk that allows the number by the longest prefix, the first of those.

    Those that are not usable now are passed over; DialRefused if none is left.
    """
    fitting = [
        (trunk.dial_out.allows(number), trunk) for trunk in trunks if trunk.dial_out is not None
    ]
    fitting = [(length, trunk) for length, trunk in fitting if length]
    if not fitting:
        raise DialRefused(DialRefusal.NOT_ALLOWED, "no trunk may call this number")
    usable = [(length, trunk) for length, trunk in fitting if is_usable(trunk)]
    if not usable:
        names = ", ".join(trunk.name for _, trunk in fitting)
        raise DialRefused(DialRefusal.NOT_NOW, f"down, or full: {names}")
    return max(usable, key=lambda each: each[0])[1]


@dataclass(frozen=True, slots=True, eq=False)
class DialTicket:
    """A call that has been allowed and counts until `DialLedger.ended`."""

    room: str
    initiator: str | None


class DialLedger:
    """The calls there are and were, held against the limits. `now` in seconds of any clock."""

    def __init__(self, limits: DialLimits) -> None:
        self._limits = limits
        self._rooms: Counter[str] = Counter()
        self._initiators: Counter[str] = Counter()
        self._begun: deque[float] = deque()

    def begin(self, room: str, initiator: str | None, now: float) -> DialTicket:
        """Count one more call; DialRefused (TOO_MANY) if that is above a limit."""
        limits = self._limits
        while self._begun and self._begun[0] <= now - DAY:
            self._begun.popleft()
        _check(self._rooms[room], limits.per_room, "for this room")
        if initiator is not None:
            _check(self._initiators[initiator], limits.per_initiator, "by this person")
        _check(len(self._begun), limits.per_day, "within a day")
        self._rooms[room] += 1
        if initiator is not None:
            self._initiators[initiator] += 1
        self._begun.append(now)
        return DialTicket(room, initiator)

    def ended(self, ticket: DialTicket) -> None:
        """The call is over; the day remembers it."""
        _less(self._rooms, ticket.room)
        if ticket.initiator is not None:
            _less(self._initiators, ticket.initiator)


def _check(calls: int, limit: int | None, text: str) -> None:
    if limit is not None and calls >= limit:
        raise DialRefused(DialRefusal.TOO_MANY, f"{calls} calls {text} already")


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
