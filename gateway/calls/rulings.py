"""What a moderator at a telephone is told of its orders, and of who wants to come in."""

import asyncio
from collections.abc import Callable, Container
from typing import Protocol

from gateway.calls.keypad import KeypadCommand
from gateway.calls.media_session import MediaSession
from gateway.calls.voice import Voice
from gateway.conference.chair import Outcome, Ruling
from gateway.conference.company import Somebody
from gateway.ivr.phrasebook import Speech
from gateway.ivr.prompt import Counted, Prompt
from gateway.media.messages import Tone


class Rulings(Protocol):
    """How a moderator is answered, while it is `run`."""

    @property
    def tells_passwords(self) -> bool:
        """Whether a password can be said."""
        ...

    async def run(self) -> None:
        """Tell what there is to tell, until cancelled."""

    def ruled(self, ruling: Ruling) -> None:
        """Say what has come of an order."""

    def takes_a_moment(self) -> None:
        """Say that the answer is not there yet."""

    def ask_to_confirm_end(self) -> None:
        """Say that the key for the end has to be pressed again."""

    def knocked(self, guests: tuple[Somebody, ...]) -> None:
        """Say who, or how many, wait to be let in."""

    def recording_failed(self) -> None:
        """Say that the recording that was asked for has not begun."""

    def help(self) -> None:
        """Say what the moderators' keys are for."""


class TonedRulings:
    """By tones: a high beep for what is done, a low one for what is not."""

    tells_passwords = False

    def __init__(self, session: MediaSession) -> None:
        self._session = session

    async def run(self) -> None:
        """Tones need nobody to play them."""

    def ruled(self, ruling: Ruling) -> None:
        self._session.play(Tone.REFUSED if ruling.outcome in _REFUSALS else Tone.HAND)

    def takes_a_moment(self) -> None:
        """There is no tone for that."""

    def ask_to_confirm_end(self) -> None:
        self._session.play(Tone.HAND)

    def knocked(self, guests: tuple[Somebody, ...]) -> None:
        self._session.play(Tone.HAND)

    def recording_failed(self) -> None:
        self._session.play(Tone.REFUSED)

    def help(self) -> None:
        """There is no tone for that."""


class SpokenRulings:
    """In words. `commands` are those that the caller has keys for; `said` has what others have said
    for their names, as `Words` has it."""

    tells_passwords = True

    def __init__(
        self, voice: Voice, commands: Container[KeypadCommand], said: Callable[[str], Speech]
    ) -> None:
        self._voice = voice
        self._commands = commands
        self._said = said
        self._guests: tuple[Somebody, ...] = ()
        self._knocked = asyncio.Event()

    async def run(self) -> None:
        while True:
            await self._knocked.wait()
            self._knocked.clear()
            await self._say_who_waits(self._guests)

    def ruled(self, ruling: Ruling) -> None:
        if ruling.outcome is Outcome.ENDED:
            return  # what everybody is told next
        self._voice.news(_WORDS[ruling.outcome], topic="order")
        if ruling.password is not None:  # twice: it has to be written down
            digits = self._voice.book.digits(ruling.password)
            self._voice.news(Prompt.PASSWORD_IS, digits, topic="password")
            self._voice.guide(Prompt.PASSWORD_IS, digits)

    def takes_a_moment(self) -> None:
        self._voice.guide(Prompt.ONE_MOMENT)

    def ask_to_confirm_end(self) -> None:
        # A question: the keys that answer it end it.
        self._voice.guide(Prompt.CONFIRM_END, self._voice.keys_of(KeypadCommand.END))

    def knocked(self, guests: tuple[Somebody, ...]) -> None:
        self._guests = guests
        self._knocked.set()

    def recording_failed(self) -> None:
        self._voice.news(Prompt.RECORDING_FAILED, topic="recording")

    def help(self) -> None:
        self._voice.explain(_HELP, self._commands)

    async def _say_who_waits(self, guests: tuple[Somebody, ...]) -> None:
        if len(guests) > 1:
            self._voice.count_news(Counted.WAITING, len(guests))
            return
        (guest,) = guests
        name = await self._voice.name(guest.name, self._said(guest.endpoint))
        prompt = Prompt.NAME_WAITS if name else Prompt.SOMEBODY_WAITS
        self._voice.news(prompt, name, topic=Counted.WAITING)


_WORDS = {
    Outcome.LOCKED: Prompt.MEETING_LOCKED,
    Outcome.UNLOCKED: Prompt.MEETING_UNLOCKED,
    Outcome.OTHERS_MUTED: Prompt.OTHERS_MUTED,
    Outcome.NOBODY_ELSE: Prompt.ALONE,
    Outcome.ADMITTED: Prompt.ALL_ADMITTED,
    Outcome.NOBODY_WAITS: Prompt.NOBODY_WAITS,
    Outcome.RECORDER_ASKED: Prompt.ONE_MOMENT,  # that it records, everybody is told
    Outcome.RECORDER_STOPPED: Prompt.ONE_MOMENT,
    Outcome.NO_RECORDER: Prompt.NO_RECORDER,
    Outcome.NOT_ALLOWED: Prompt.NOT_ALLOWED,
    Outcome.NOT_POSSIBLE: Prompt.NOT_POSSIBLE,
}
_REFUSALS = (Outcome.NO_RECORDER, Outcome.NOT_ALLOWED, Outcome.NOT_POSSIBLE, Outcome.NOBODY_WAITS)
_HELP = {
    KeypadCommand.ADMIT: Prompt.HELP_ADMIT,
    KeypadCommand.MUTE_ALL: Prompt.HELP_MUTE_ALL,
    KeypadCommand.LOCK: Prompt.HELP_LOCK,
    KeypadCommand.RECORD: Prompt.HELP_RECORD,
    KeypadCommand.END: Prompt.HELP_END,
}
