"""What a caller's keys are for at the moment: an answer, a password, the conference's commands."""

import asyncio
from collections.abc import Awaitable, Callable, Container, Iterator
from contextlib import contextmanager

from gateway.calls.confirmation import Confirmation
from gateway.calls.digit_entry import DigitEntry
from gateway.calls.keypad import ALL_COMMANDS, Keypad, KeypadCommand
from gateway.calls.teller import Teller
from gateway.conference.events import Waiting, WaitingFor
from gateway.ivr.typed_number import TypedNumber


class Keys:
    """One caller's keys. `answer` answers the phone if it still rings; `teller` asks for numbers.

    In the conference they are for these `commands`.
    """

    def __init__(
        self,
        teller: Teller,
        answer: Callable[[], Awaitable[None]],
        commands: Container[KeypadCommand] = ALL_COMMANDS,
    ) -> None:
        self._teller = teller
        self._answer = answer
        self._keypad = Keypad(commands)
        self._entry: DigitEntry | None = None  # a number that the caller has been asked for
        self._in_lobby: TypedNumber | None = None
        self._confirmation: Confirmation | None = None

    async def ask_password(self, again: bool) -> str | None:
        """Have the caller type the room's password (`gateway.conference.door.AskPassword`)."""
        await self._answer()
        self._teller.ask_password(again=again)
        self._entry = DigitEntry(begun=self._teller.ask_no_more)
        try:
            return await self._entry.read()
        finally:
            self._entry = None
            self._teller.ask_no_more()

    @property
    def are_answers(self) -> bool:
        """Whether the phone is still being asked whether it wants to join."""
        return self._confirmation is not None

    @contextmanager
    def answering(self, confirmation: Confirmation) -> Iterator[None]:
        """Keys that are pressed meanwhile are answers to that."""
        self._confirmation = confirmation
        try:
            yield
        finally:
            self._confirmation = None

    def waits(self, waiting: Waiting) -> None:
        """We are at the door: in a lobby, a password that ends with `#` may be typed."""
        is_lobby = waiting.for_ is WaitingFor.LOBBY
        # What has been typed already stays: another password, since the last was wrong.
        self._in_lobby = (self._in_lobby or TypedNumber()) if is_lobby else None

    def entered(self) -> None:
        """We are in: from now on keys are commands."""
        self._in_lobby = None

    def pressed(self, key: str) -> KeypadCommand | str | None:
        """What this key completes: a command, a password to be offered in the lobby, or nothing."""
        if self._confirmation is not None:
            self._confirmation.pressed(key)
            return None
        if self._entry is not None:
            self._entry.pressed(key)
            return None
        if self._in_lobby is not None:
            return self._in_lobby.pressed(key) or None
        return self._keypad.pressed(key, asyncio.get_running_loop().time())
