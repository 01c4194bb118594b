"""Session timers: a call that nobody refreshes any more is over (RFC 4028).

What two ends agree on is worked out here from requests and responses; `SessionTimer` then says
when to refresh, and when to give up. No IO and no clock: times are `now`, in seconds.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from gateway.sip.admission import Refusal
from gateway.sip.header_values import parse_parameters, split_list
from gateway.sip.headers import Headers
from gateway.sip.message import Request, Response
from gateway.sip.responses import HeaderFields
from gateway.sip.timers import Timer, TimerQueue

TIMER = "timer"
"""The option tag."""

LEAST = 90
"""Seconds below which nobody may want an interval (section 5)."""

_MOST = 86_400 * 7  # no peer makes us forget a call for longer
_FAREWELL = 32.0  # before the session expires its end is told, or a third of it before (10)
_SHORTEST = 1.0  # seconds between refreshes that fail
_REFRESHING = ("INVITE", "UPDATE")


class Refresher(StrEnum):
    """Who refreshes, by the part it has in the request that says so (section 4)."""

    UAC = "uac"
    UAS = "uas"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What we want, in seconds: an interval (0: none of our own), and none below `min_se`."""

    interval: int = 1800
    min_se: int = LEAST


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """A Session-Expires header: `interval` in seconds."""

    interval: int
    refresher: Refresher | None = None

    @classmethod
    def parse(cls, headers: Headers) -> Self | None:
        """What a message says; None if that is nothing, or nothing that can be read."""
        value, *pieces = split_list(headers.get("Session-Expires") or "", ";")
        interval = _seconds(value)
        if interval is None:
            return None
        refresher = (parse_parameters(pieces).get("refresher") or "").lower()
        known = {each.value for each in Refresher}
        return cls(interval, Refresher(refresher) if refresher in known else None)

    def field(self) -> tuple[str, str]:
        """The header to send."""
        suffix = f";refresher={self.refresher}" if self.refresher is not None else ""
        return "Session-Expires", f"{self.interval}{suffix}"


def min_se_of(headers: Headers) -> int:
    """The least interval that a message wants, in seconds."""
    return max(_seconds(headers.get("Min-SE") or "") or 0, LEAST)


def find_small_interval(request: Request, wanted: Wanted) -> Refusal | None:
    """422 for an interval that is too small for us, if the sender knows what that means (9)."""
    asked = SessionExpires.parse(request.headers)
    if request.method not in _REFRESHING or asked is None or asked.interval >= wanted.min_se:
        return None
    if TIMER not in request.headers.tokens("Supported"):
        return None
    return Refusal(422, headers=(("Min-SE", str(wanted.min_se)),))


def agree(request: Request, wanted: Wanted) -> SessionExpires | None:
    """What our 2xx to a request is to say (section 9); None: there is no timer.

    A peer that knows timers refreshes itself unless it wants us to: whoever sits behind a NAT keeps
    its way open by that. For one that does not, we do.
    """
    asked = SessionExpires.parse(request.headers)
    least = max(min_se_of(request.headers), wanted.min_se)
    if asked is not None:
        # Never above what was asked for, however little that is.
        interval = min(asked.interval, max(wanted.interval or asked.interval, least))
        interval = max(interval, LEAST)
    elif wanted.interval:
        interval = max(wanted.interval, least)
    else:
        return None
    knows = TIMER in request.headers.tokens("Supported") + request.headers.tokens("Require")
    if not knows:
        return SessionExpires(interval, Refresher.UAS)
    return SessionExpires(interval, (asked.refresher if asked else None) or Refresher.UAC)


def response_fields(agreed: SessionExpires | None) -> HeaderFields:
    """The headers of our 2xx that say so."""
    if agreed is None:
        return ()
    if agreed.refresher is Refresher.UAC:
        return (("Require", TIMER), agreed.field())  # it has to know (section 9)
    return (agreed.field(),)


def request_fields(wanted: Wanted, refresher: Refresher | None = None) -> HeaderFields:
    """The headers of a request of ours (section 7.1, 7.4)."""
    fields: list[tuple[str, str]] = []
    if wanted.interval:
        fields.append(SessionExpires(max(wanted.interval, wanted.min_se), refresher).field())
    if wanted.min_se > LEAST:
        fields.append(("Min-SE", str(wanted.min_se)))
    return tuple(fields)


def agreed_by(response: Response) -> SessionExpires | None:
    """What a 2xx to a request of ours says; None: there is no timer (section 7.2)."""
    agreed = SessionExpires.parse(response.headers)
    if agreed is None:
        return None
    return SessionExpires(max(agreed.interval, LEAST), agreed.refresher or Refresher.UAC)


MAX_LENGTHENED = 4
"""Times in a row that we do as a 422 wants: one that wants more each time would go on for ever."""


def asked_for_more(interval: int, response: Response) -> int | None:
    """The interval a 422 to `interval` wants, in seconds; None: asking again is no use (7.3)."""
    least = min_se_of(response.headers)
    return least if least > interval else None


class SessionTimer:
    """Runs from each 2xx to the next: `refresh` is due at half time where that is our part.

    `expire` comes shortly before the session is over.
    """

    def __init__(
        self,
        queue: TimerQueue,
        refresh: Callable[[float], None],
        expire: Callable[[float], None],
    ) -> None:
        self._queue = queue
        self._refresh = refresh
        self._expire = expire
        self._next: Timer | None = None
        self._end: Timer | None = None
        self._ends_at = 0.0

    def start(self, interval: float, *, is_ours: bool, now: float) -> None:
        """The session has been made or refreshed for `interval` seconds."""
        self.stop()
        self._ends_at = now + interval - min(_FAREWELL, interval / 3)
        self._end = self._queue.start(self._ends_at, self._expire)
        if is_ours:
            self._next = self._queue.start(now + interval / 2, self._refresh)

    def again(self, now: float, after: float | None = None) -> None:
        """Refresh later than now: after so many seconds, in half of what is left at the latest."""
        if self._end is None or not self._end.is_running:
            return
        latest = (self._ends_at - now) / 2
        wait = latest if after is None else min(after, latest)
        if self._next is not None:
            self._next.cancel()
        if wait == after or wait >= _SHORTEST:
            self._next = self._queue.start(now + wait, self._refresh)

    def stop(self) -> None:
        """There is no timer any more."""
        for timer in (self._next, self._end):
            if timer is not None:
                timer.cancel()


def _seconds(text: str) -> int | None:
    match = re.match(r"\s*([0-9]{1,10})\s*(?:;|$)", text)
    return min(int(match[1]), _MOST) if match else None
