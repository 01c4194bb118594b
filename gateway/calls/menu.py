"""What a caller hears and types before it is in a room: a greeting, a PIN, the meeting it is of.

It may be asked for its name as well, to be said. Neither that nor the PIN is in a log or a record.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn, Protocol

import structlog

from gateway.calls.end_reason import CallEnd, EndReason, Over
from gateway.calls.reception import Reception
from gateway.calls.voice import Voice
from gateway.ivr.language import language_keys
from gateway.ivr.meeting import Meeting, NoMeeting
from gateway.ivr.phrasebook import Phrasebook, Speech
from gateway.ivr.pin_entry import (
    Completed,
    GivenUp,
    PinEntry,
    Refused,
    StartedOver,
    State,
    Step,
    TimedOut,
)
from gateway.ivr.pin_guard import Wait
from gateway.ivr.prompt import Prompt
from gateway.ivr.spoken_name import LASTS, as_name
from gateway.media.messages import Spoken

log = structlog.get_logger(__name__)

LANGUAGE_WITHIN = 4.0  # seconds from the last offer to the key
SAID_WITHIN = 120.0  # seconds in which a question has been said; to a phone on hold it never is
LONGEST_WAIT = 45.0  # seconds; who has to wait longer is better off calling again
FAREWELL_WITHIN = 15.0  # seconds in which what is to be said at the end has been said
_MOST_KEYS = 64  # that wait to be read

_TOLD = {
    NoMeeting.UNKNOWN: Prompt.PIN_WRONG,
    NoMeeting.EXPIRED: Prompt.PIN_EXPIRED,
    NoMeeting.TOO_EARLY: Prompt.TOO_EARLY,
    NoMeeting.TOO_LATE: Prompt.TOO_LATE,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls what, by the call with this id. `number` is None where it is withheld."""

    number: str | None
    called: str
    trunk: str
    call: str


class Recorder(Protocol):
    """Who records what the caller says (`gateway.calls.media_session.MediaSession`)."""

    async def record_voice(self, seconds: float) -> Spoken:
        """What it says after a tone, until a pause or `stop_recording`."""
        ...

    def stop_recording(self) -> None:
        """It has said what it wanted to."""
        ...


class Menu:
    """One caller at the reception, whose phone is answered. `pressed` takes its keys.

    With a `recorder` it is asked to say its name, unless its PIN tells it. What it has said is its
    `spoken_name`, empty if that is nothing.
    """

    def __init__(
        self,
        reception: Reception,
        voice: Voice,
        caller: Caller,
        recorder: Recorder | None = None,
    ) -> None:
        self.spoken_name: Speech = ()
        self._recorder = recorder
        self._reception = reception
        self._voice = voice
        self._caller = caller
        self._keys: asyncio.Queue[str] = asyncio.Queue(maxsize=_MOST_KEYS)
        self._put_back: str | None = None  # a key that is the next one all the same

    def pressed(self, key: str) -> None:
        """The caller has pressed a key."""
        if not self._keys.full():
            self._keys.put_nowait(key)

    async def run(self) -> Meeting:
        """The meeting that the caller wants to be in. Over: it gives up, or may try no more."""
        now = asyncio.get_running_loop().time()
        reception, caller = self._reception, self._caller
        meeting = reception.redials.returning(caller.number, caller.called, now)
        if meeting is not None:
            log.info("caller comes back", room=meeting.room)
            self._voice.news(Prompt.WELCOME_BACK)
            return meeting
        self._voice.guide(Prompt.GREETING)
        if len(reception.languages) > 1:
            await self._choose_language()
        meeting = await self._ask_pin()
        if self._recorder is not None and meeting.display_name is None:
            self.spoken_name = await self._ask_name(self._recorder)
        await self._welcome(meeting)
        return meeting

    async def _choose_language(self) -> None:
        """A key that stands for none is the first of the PIN."""
        keys = language_keys(self._reception.languages)
        for key, language in keys.items():
            book = Phrasebook.of(language)
            self._voice.guide_in(book, Prompt.CHOOSE_LANGUAGE, book.keys(key))
        pressed = await self._key(None) or await self._key(_now() + LANGUAGE_WITHIN)
        if pressed in keys:
            self._voice.speak_language(keys[pressed])
        else:
            self._put_back = pressed

    async def _ask_pin(self) -> Meeting:
        entry = PinEntry(self._reception.rules())
        self._voice.guide(Prompt.ENTER_PIN)
        while True:
            for step in await self._steps(entry):
                match step:
                    case Completed(pin):
                        found = await self._present(pin)
                        if isinstance(found, Meeting):
                            return found
                        self._voice.news(_TOLD[found], topic="pin")
                        await self._ask_again(entry.wrong())
                    case StartedOver():
                        self._voice.guide(Prompt.ENTER_PIN)
                    case TimedOut() | GivenUp():
                        await self._ask_again(step)
                    case _:
                        pass  # the voice falls silent at each key

    async def _ask_name(self, recorder: Recorder) -> Speech:
        """What the caller says its name is; a key says that it would rather not, or has done."""
        self._voice.guide(Prompt.SAY_NAME)
        key = await self._key(None)
        if key == "#":  # many end a PIN by it that was complete already
            self._voice.guide(Prompt.SAY_NAME)
            key = await self._key(None)
        if key is not None:
            return ()
        recording = asyncio.ensure_future(recorder.record_voice(LASTS))
        try:
            await self._key_before(asyncio.wait((recording,)))
            if not recording.done():
                recorder.stop_recording()
            name = as_name(await recording)
        finally:
            recording.cancel()
        if name:
            self._voice.guide(Prompt.THANK_YOU)
        return name

    async def _ask_again(self, step: Step) -> None:
        match step:
            case GivenUp(typed=True):
                self._voice.news(Prompt.TOO_MANY_TRIES)
                await self._give_up(EndReason.PIN_WRONG, "no try was left")
            case GivenUp():
                self._voice.news(Prompt.GOODBYE)
                await self._give_up(EndReason.NO_PIN, "no PIN was typed")
            case TimedOut():
                self._voice.guide(Prompt.NOTHING_ENTERED)
                self._voice.guide(Prompt.ENTER_PIN)
            case Refused():
                self._voice.guide(Prompt.TRY_AGAIN)
                key = await self._key(None)
                if key == "#":  # many end a PIN by it that was complete already
                    self._voice.guide(Prompt.TRY_AGAIN)
                else:
                    self._put_back = key
            case _:
                raise AssertionError(f"{step} is no reason to ask again")

    async def _steps(self, entry: PinEntry) -> tuple[Step, ...]:
        """What follows from the next key, or from the time that passes without one."""
        is_asking = entry.state is State.ASKING
        key = await self._key(None if is_asking else entry.deadline)
        if key is not None:
            return entry.pressed(key, _now())
        if is_asking:
            entry.prompted(_now())
        return entry.passed(_now())

    async def _key(self, deadline: float | None) -> str | None:
        """The next key; None if there is none by then, or before the voice falls silent."""
        if deadline is None:
            return await self._key_before(self._asked())
        return await self._key_before(asyncio.sleep(deadline - _now()))

    async def _asked(self) -> None:
        """Return when the question has been said, or could have been."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SAID_WITHIN):
                await self._voice.quiet()

    async def _key_before(self, end: Awaitable[object]) -> str | None:
        """The next key; None if something ends before."""
        waiting = asyncio.ensure_future(self._next())
        until = asyncio.ensure_future(end)
        try:
            await asyncio.wait((waiting, until), return_when=asyncio.FIRST_COMPLETED)
        finally:
            until.cancel()
            if not waiting.done():
                waiting.cancel()
        if not waiting.done() or waiting.cancelled():
            return None
        self._voice.pressed()
        return waiting.result()

    async def _next(self) -> str:
        if self._put_back is None:
            return await self._keys.get()
        key, self._put_back = self._put_back, None
        return key

    async def _present(self, pin: str) -> Meeting | NoMeeting:
        """Have the PIN looked up, as soon as that is allowed."""
        caller = self._caller
        while True:
            found = await self._reception.desk.present(
                pin, caller.number, caller.trunk, call=caller.call
            )
            if found is NoMeeting.UNAVAILABLE:
                self._voice.news(Prompt.NOT_REACHABLE)
                await self._give_up(EndReason.CONFERENCE_UNAVAILABLE, "PINs cannot be looked up")
            if not isinstance(found, Wait):
                return found
            log.info("a PIN has to wait", seconds=round(found.seconds, 1))
            if found.seconds > LONGEST_WAIT:
                self._voice.news(Prompt.TOO_MANY_TRIES)
                await self._give_up(EndReason.PIN_WRONG, "too many wrong PINs lately")
            self._voice.guide(Prompt.ONE_MOMENT)
            await asyncio.sleep(found.seconds)

    async def _welcome(self, meeting: Meeting) -> None:
        name = await self._voice.name(meeting.room.partition("@")[0])
        if name:
            self._voice.guide(Prompt.JOINING, name)
        else:
            self._voice.guide(Prompt.JOINING_MEETING)

    async def _give_up(self, reason: EndReason, text: str) -> NoReturn:
        """Let the caller hear why, and end the call."""
        try:
            async with asyncio.timeout(FAREWELL_WITHIN):
                await self._voice.quiet()
        except TimeoutError:
            log.info("the farewell was not heard")
        raise Over(CallEnd(reason, text))


def _now() -> float:
    return asyncio.get_running_loop().time()
