"""What a caller's keys mean in the conference. Pure: time comes in as `now`.

A command is a star and another key. Which keys were pressed is nobody's business: nothing here is
logged.
"""

from enum import Enum, auto

PATIENCE = 3.0  # seconds the digit may come after the star


class KeypadCommand(Enum):
    """What a caller can do by keys; `TOGGLE_MICROPHONE` is what Jitsi has laid down for `*6`."""

    TOGGLE_MICROPHONE = auto()
    TOGGLE_HAND = auto()
    COUNT = auto()  # say how many are there
    HELP = auto()
    LEAVE = auto()


_COMMANDS = {
    "6": KeypadCommand.TOGGLE_MICROPHONE,
    "9": KeypadCommand.TOGGLE_HAND,
    "5": KeypadCommand.TOGGLE_HAND,  # as others have it
    "#": KeypadCommand.COUNT,
    "1": KeypadCommand.HELP,
    "0": KeypadCommand.LEAVE,
}
COMMAND_KEYS = {command: key for key, command in reversed(_COMMANDS.items())}
"""The key that callers are told, after a star."""


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
