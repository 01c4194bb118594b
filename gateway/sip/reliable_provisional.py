"""Provisional responses that arrive for certain, and their PRACKs (RFC 3262). No IO, no clock.

Ours are sent one after the other, each again and again until its PRACK comes. The peer's are taken
in their order, each once.
"""

import random
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Self

from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response
from gateway.sip.responses import HeaderFields
from gateway.sip.timers import Timer, TimerQueue, Timers

RELIABLE = "100rel"
"""The option tag."""

_MAX_WAITING = 8  # more provisional responses are of no use to anybody


class Reliability(Enum):
    """What the sender of an INVITE makes of reliable provisional responses."""

    UNKNOWN = auto()
    SUPPORTED = auto()
    REQUIRED = auto()

    @classmethod
    def of(cls, invite: Request) -> "Reliability":
        """By Require and Supported (section 3)."""
        if RELIABLE in invite.headers.tokens("Require"):
            return cls.REQUIRED
        known = RELIABLE in invite.headers.tokens("Supported")
        return cls.SUPPORTED if known else cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class RAck:
    """Which response a PRACK acknowledges: its RSeq, and the CSeq of its request (7.2)."""

    rseq: int
    cseq: int
    method: str

    @classmethod
    def parse(cls, headers: Headers) -> Self | None:
        """None if there is none that can be read."""
        value = headers.get("RAck") or ""
        match = re.fullmatch(r"([0-9]{1,10})\s+([0-9]{1,10})\s+(\S+)", value)
        return cls(int(match[1]), int(match[2]), match[3]) if match else None

    def field(self) -> tuple[str, str]:
        """The header to send."""
        return "RAck", f"{self.rseq} {self.cseq} {self.method}"


def rseq_of(response: Response) -> int | None:
    """The number of a response that wants a PRACK; None if it wants none."""
    if RELIABLE not in response.headers.tokens("Require"):
        return None
    value = response.headers.get("RSeq") or ""
    return int(value) if re.fullmatch(r"[0-9]{1,10}", value) else None


class Sequence:
    """The reliable responses of one early dialog, as we receive them (section 4)."""

    def __init__(self) -> None:
        self._latest: int | None = None

    def take(self, rseq: int) -> bool:
        """Whether this one is next; one that comes again or too early is not to be acknowledged."""
        if self._latest is not None and rseq != self._latest + 1:
            return False
        self._latest = rseq
        return True


@dataclass(frozen=True, slots=True)
class Provisional:
    """A provisional response of ours that is to be sent."""

    status: int
    phrase: str | None
    sdp: bytes | None
    headers: HeaderFields


class ReliableProvisionals:
    """Those of one INVITE.

    `send` sends a response with the RSeq given; `repeat` sends it again; `unanswered` is told
    when no PRACK has come in 64*T1.
    """

    def __init__(
        self,
        queue: TimerQueue,
        timers: Timers,
        *,
        send: Callable[[Provisional, int, float], Response],
        repeat: Callable[[Response, float], None],
        unanswered: Callable[[float], None],
    ) -> None:
        self._queue = queue
        self._timers = timers
        self._send = send
        self._repeat = repeat
        self._unanswered = unanswered
        self._rseq = random.randint(1, 2**31 - 1)  # of the next
        self._waiting: deque[Provisional] = deque()
        self._current: Provisional | None = None
        self._repetition: Timer | None = None
        self._deadline: Timer | None = None

    @property
    def holds_description(self) -> bool:
        """Whether one with a session description waits for its PRACK: then there is no 2xx (3)."""
        waiting = (*self._waiting, *((self._current,) if self._current is not None else ()))
        return any(each.sdp is not None for each in waiting)

    def add(self, provisional: Provisional, now: float) -> None:
        """Send one when its turn has come."""
        if len(self._waiting) < _MAX_WAITING:
            self._waiting.append(provisional)
            self._send_next(now)

    def acknowledge(self, rseq: int, now: float) -> Provisional | None:
        """Take a PRACK; what it acknowledges, None if that is nothing."""
        acknowledged = self._current
        if acknowledged is None or rseq != self._rseq - 1:
            return None
        self._stop_timers()
        self._current = None
        self._send_next(now)
        return acknowledged

    def stop(self) -> None:
        """The final response is sent: nothing is repeated, but a PRACK may come yet (3)."""
        self._stop_timers()
        self._waiting.clear()

    def _send_next(self, now: float) -> None:
        if self._current is not None or not self._waiting:
            return
        self._current = self._waiting.popleft()
        rseq, self._rseq = self._rseq, self._rseq + 1
        response = self._send(self._current, rseq, now)
        self._deadline = self._queue.start(now + self._timers.transaction, self._give_up)
        self._repeat_after(self._timers.t1, response, now)

    def _repeat_after(self, interval: float, response: Response, now: float) -> None:
        def again(at: float) -> None:
            self._repeat(response, at)
            self._repeat_after(2 * interval, response, at)

        self._repetition = self._queue.start(now + interval, again)

    def _give_up(self, now: float) -> None:
        self.stop()
        self._unanswered(now)

    def _stop_timers(self) -> None:
        for timer in (self._repetition, self._deadline):
            if timer is not None:
                timer.cancel()
