"""What is known about a call while it lasts and after: for logs, statistics and people."""

import time
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.calls.end_reason import CallEnd
from gateway.media.messages import CallReport


class Direction(StrEnum):
    """Who has called whom."""

    IN = "in"  # a phone, us
    OUT = "out"  # we, a phone, because the conference wanted that


@dataclass(slots=True, eq=False)
class CallRecord:
    """One call. Times are of the monotonic clock; `started_at_utc` is seconds since 1970.

    `id` is ours and stands in every log line of the call; `sip_call_id` is the peer's.
    """

    id: str
    sip_call_id: str
    trunk: str
    caller: str
    called: str
    direction: Direction = Direction.IN
    started_at: float = field(default_factory=time.monotonic)
    started_at_utc: float = field(default_factory=time.time)
    room: str = ""
    endpoint: str = ""
    answered_at: float | None = None
    media_at: float | None = None
    ended_at: float | None = None
    end: CallEnd | None = None
    report: CallReport = field(default_factory=CallReport)

    def answered(self) -> None:
        """The phone has acknowledged our answer."""
        self.answered_at = time.monotonic()

    def media_up(self) -> None:
        """Audio flows; only the first time counts."""
        if self.media_at is None:
            self.media_at = time.monotonic()

    def ended(self, end: CallEnd) -> None:
        """The call is over, for this reason."""
        self.end = end
        self.ended_at = time.monotonic()

    @property
    def setup_time(self) -> float:
        """Seconds from the INVITE to the answer; 0 if there was none."""
        return self.answered_at - self.started_at if self.answered_at is not None else 0.0

    @property
    def media_time(self) -> float:
        """Seconds from the INVITE until audio flowed first; 0 if it never did."""
        return self.media_at - self.started_at if self.media_at is not None else 0.0

    @property
    def duration(self) -> float:
        """Seconds between answer and end; 0 for a call that was not answered."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return self.ended_at - self.answered_at
