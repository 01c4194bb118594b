"""PINs that an operator has written down: of rooms, and of people. No IO and no clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.pin_tags import PinTags, is_same


@dataclass(frozen=True, slots=True)
class FixedPin:
    """A PIN and what it stands for, perhaps within some time only (seconds since 1970)."""

    pin: str = field(repr=False)
    meeting: Meeting
    valid_from: float | None = None
    valid_until: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether everybody in its room may see it: it is not for one person or time."""
        meeting = self.meeting
        is_personal = meeting.display_name is not None or meeting.moderator
        return not is_personal and self.valid_from is None and self.valid_until is None


class FixedPins:
    """All of them. No two may be the same."""

    def __init__(self, pins: Iterable[FixedPin] = ()) -> None:
        self._tags = PinTags()
        self._pins: dict[bytes, FixedPin] = {}
        self._shown: dict[str, str] = {}
        self.longest = 0
        """How many digits the longest has."""
        for pin in pins:
            self._pins[self._tags.tag(pin.pin)] = pin
            self.longest = max(self.longest, len(pin.pin))
            if pin.is_shown:
                self._shown.setdefault(pin.meeting.room, pin.pin)

    def find(self, pin: str, now: float) -> Meeting | NoMeeting:
        """What a PIN stands for at this time."""
        found = self._find(pin)
        if found is None:
            return NoMeeting.UNKNOWN
        if found.valid_from is not None and now < found.valid_from:
            return NoMeeting.TOO_EARLY
        if found.valid_until is not None and now >= found.valid_until:
            return NoMeeting.TOO_LATE
        return found.meeting

    def shown_pin(self, room: str) -> str | None:
        """The PIN that is shown in a room, if it has one here."""
        return self._shown.get(room)

    def has(self, pin: str) -> bool:
        """Whether this PIN is one of them."""
        return self._find(pin) is not None

    def _find(self, pin: str) -> FixedPin | None:
        found = self._pins.get(self._tags.tag(pin))
        return found if found is not None and is_same(found.pin, pin) else None
