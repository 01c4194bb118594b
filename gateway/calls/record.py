"""What is known about a call while it lasts and after: for logs, statistics and people."""

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateway.calls.end_reason import CallEnd
from gateway.conference import events as conference
from gateway.media.messages import CallReport


class Direction(StrEnum):
    """Who has called whom."""

    IN = "in"  # a phone, us
    OUT = "out"  # we, a phone, because the conference wanted that


class InRoom(Protocol):
    """Who is in a room: `Participant`."""

    @property
    def endpoint(self) -> str: ...

    @property
    def occupants(self) -> int: ...


@dataclass(slots=True, eq=False)
class CallRecord:
    """One call. Times are of the monotonic clock.

    `id` is ours and stands in every log line of the call; `sip_call_id` is the peer's.
    While the caller hears that the call is broken, `breaking` says by what it will end, even if the
    caller hangs up first. `is_phone_heard` is whether any RTP of the phone's has come.
    `participants` is how many were in the room last, ourselves included. `rejoins` counts new
    stays, `media_losses` how often audio stopped, `media_returns` how often it flowed again, and
    `bridge_changes` how often it did so without a new stay: over another session.
    """

    id: str
    sip_call_id: str
    trunk: str
    caller: str
    called: str
    direction: Direction = Direction.IN
    started_at: float = field(default_factory=time.monotonic)
    room: str = ""
    endpoint: str = ""
    answered_at: float | None = None
    media_at: float | None = None
    is_phone_heard: bool = False
    ended_at: float | None = None
    breaking: CallEnd | None = None
    end: CallEnd | None = None
    report: CallReport = field(default_factory=CallReport)
    participants: int = 0
    rejoins: int = 0
    media_losses: int = 0
    media_returns: int = 0
    bridge_changes: int = 0
    _is_media_lost: bool = field(default=False, init=False)
    _is_stay_new: bool = field(default=False, init=False)

    def joined(self, participant: InRoom) -> None:
        """We are in the room."""
        self.endpoint = participant.endpoint
        self.participants = participant.occupants

    def told(self, event: conference.Event, participant: InRoom) -> None:
        """Count what the participant tells its call."""
        # Before it is in, it may be on its way from another room; with `Ended` it has left.
        if participant.endpoint and not isinstance(event, conference.Ended):
            self.joined(participant)
        match event:
            case conference.Rejoined():
                self.rejoins += 1
                self._is_stay_new = True
            case conference.Moved():
                self._is_stay_new = True
            case conference.MediaDown():
                self.media_losses += 1
                self._is_media_lost = True
            case conference.MediaUp():
                self.media_up()
                self._media_returns()

    def _media_returns(self) -> None:
        if self._is_media_lost:
            self.media_returns += 1
            self.bridge_changes += not self._is_stay_new
        self._is_media_lost = self._is_stay_new = False

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
    def is_joined(self) -> bool:
        """Whether it is, or was, in a room."""
        return bool(self.endpoint)

    @property
    def duration(self) -> float:
        """Seconds between answer and end; 0 for a call that was not answered."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return self.ended_at - self.answered_at
