"""What a caller's keys mean in the conference. Pure: time comes in as `now`.

A command is a star and a digit. Which keys were pressed is nobody's business: nothing here is
logged.
"""

from enum import Enum, auto

PATIENCE = 3.0  # seconds the digit may come after the star


class KeypadCommand(Enum):
    """What a caller can do by keys."""

    TOGGLE_MICROPHONE = auto()


_COMMANDS = {"6": KeypadCommand.TOGGLE_MICROPHONE}


class Keypad:
    """One caller's keys."""

    def __init__(self) -> None:
        self._star_at: float | None = None

    def pressed(self, key: str, now: float) -> KeypadCommand | None:
        """The command that this key completes, if it does."""
        if key == "*":
            self._star_at = now
            return None
        star_at, self._star_at = self._star_at, None
        if star_at is None or now - star_at > PATIENCE:
            return None
        return _COMMANDS.get(key)
