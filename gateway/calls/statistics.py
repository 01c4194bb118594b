"""What all calls since the start add up to; no IO and no time."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from gateway.calls.end_reason import EndReason
from gateway.calls.record import CallRecord

_UNREACHED = frozenset({EndReason.CONFERENCE_UNAVAILABLE, EndReason.CONFERENCE_LOST})


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over calls. What counts calls counts each once.

    The first three are about calls that were in a room and are over: how many, the participants
    their rooms had at that moment, and the seconds from INVITE to end. `without_conference` could
    not reach the conference, or lost it for good. `media_lost` were without audio of the conference
    for a while and `media_returned` of them had it again; `bridge_changed` over another session of
    the same stay. `without_bridge_media` had none in the end. `silent_phones` were ended because
    the phone sent nothing.
    """

    completed: int = 0
    participants: int = 0
    seconds: float = 0.0
    silent_phones: int = 0
    without_conference: int = 0
    media_lost: int = 0
    media_returned: int = 0
    bridge_changed: int = 0
    without_bridge_media: int = 0
    rejoins: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        sums = (getattr(self, each.name) + getattr(other, each.name) for each in fields(self))
        return Totals(*sums)

    @classmethod
    def of(cls, record: CallRecord) -> "Totals":
        """What one call, over or not, adds."""
        reason = record.end.reason if record.end is not None else None
        completed = reason is not None and record.is_joined
        lasted = record.ended_at - record.started_at if record.ended_at is not None else 0.0
        return cls(
            completed=int(completed),
            participants=record.participants if completed else 0,
            seconds=lasted if completed else 0.0,
            silent_phones=int(reason is EndReason.NO_RTP),
            without_conference=int(reason in _UNREACHED),
            media_lost=int(record.media_losses > 0),
            media_returned=int(record.media_returns > 0),
            bridge_changed=int(record.bridge_changes > 0),
            without_bridge_media=int(reason is EndReason.MEDIA_FAILED),
            rejoins=record.rejoins,
        )


class Statistics:
    """Remembers the totals of calls that are over; those of the others are read from them."""

    def __init__(self) -> None:
        self._over = Totals()

    def conclude(self, record: CallRecord) -> None:
        """A call is over."""
        self._over += Totals.of(record)

    def totals(self, going_on: Iterable[CallRecord]) -> Totals:
        """The totals of all calls, those that go on included."""
        return sum(map(Totals.of, going_on), start=self._over)
