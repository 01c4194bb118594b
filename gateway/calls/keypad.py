"""What a caller's keys mean in the conference. Pure: time comes in as `now`.

A command is a star and another key. Which keys were pressed is nobody's business: nothing here is
logged.

The moderators' `*7` (record) and `*4` (end) are what Zoom's hosts know. Zoom locks by `*5`, which
is the hand here as in Teams, and mutes all by `99`, Webex by `##`; but keys without a star are the
room's. Meet has no such keys, and Teams has a spoken menu for them.
"""

from collections.abc import Container
from enum import StrEnum

PATIENCE = 3.0  # seconds the digit may come after the star


class KeypadCommand(StrEnum):
    """What a caller can do by keys; `TOGGLE_MICROPHONE` is what Jitsi has laid down for `*6`."""

    TOGGLE_MICROPHONE = "microphone"
    TOGGLE_HAND = "hand"
    COUNT = "count"  # say how many are there, and who
    HELP = "help"
    LEAVE = "leave"
    # For moderators.
    ADMIT = "admit"  # let in who waits in the lobby
    MUTE_ALL = "mute-all"
    END = "end"  # the meeting, for everybody; pressed twice
    RECORD = "record"  # or no longer
    LOCK = "lock"  # or unlock


_COMMANDS = {
    "6": KeypadCommand.TOGGLE_MICROPHONE,
    "9": KeypadCommand.TOGGLE_HAND,
    "5": KeypadCommand.TOGGLE_HAND,  # as others have it
    "#": KeypadCommand.COUNT,
    "1": KeypadCommand.HELP,
    "0": KeypadCommand.LEAVE,
    "2": KeypadCommand.ADMIT,
    "3": KeypadCommand.MUTE_ALL,
    "4": KeypadCommand.END,
    "7": KeypadCommand.RECORD,
    "8": KeypadCommand.LOCK,
}
ALL_COMMANDS = frozenset(KeypadCommand)
COMMAND_KEYS = {command: key for key, command in reversed(_COMMANDS.items())}
"""The key that callers are told, after a star."""


class Keypad:
    """One caller's keys, for these `commands`; keys for others do nothing."""

    def __init__(self, commands: Container[KeypadCommand] = ALL_COMMANDS) -> None:
        self._commands = commands
        self._star_at: float | None = None

    def pressed(self, key: str, now: float) -> KeypadCommand | None:
        """The command that this key completes, if it does."""
        if key == "*":
            self._star_at = now
            return None
        star_at, self._star_at = self._star_at, None
        if star_at is None or now - star_at > PATIENCE:
            return None
        command = _COMMANDS.get(key)
        return command if command in self._commands else None
