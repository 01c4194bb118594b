"""How a caller is told what happens in its conference: by tones, or in words."""

import asyncio
from collections.abc import Callable, Container
from typing import Protocol

from gateway.calls.announcer import tone_of
from gateway.calls.end_reason import CallEnd, EndReason
from gateway.calls.keypad import ALL_COMMANDS, KeypadCommand
from gateway.calls.media_session import MediaSession
from gateway.calls.news import FAREWELLS, farewell_of, news_of, spoken_part, waiting_of
from gateway.calls.reminder import Repair, Wait
from gateway.calls.rulings import Rulings, SpokenRulings, TonedRulings
from gateway.calls.trunk import Trunk
from gateway.calls.voice import Voice
from gateway.conference import events as conference
from gateway.conference.company import Somebody
from gateway.conference.events import WaitingFor
from gateway.conference.floor import Toggled
from gateway.ivr.comings import Comings
from gateway.ivr.phrasebook import Speech
from gateway.ivr.prompt import Counted, Prompt
from gateway.media.messages import Tone

_FAREWELL = 2.0  # seconds of congestion tone before a call that broke is hung up
_MOST_NAMES = 5
_STILL = "still waiting"
_SAID_WITHIN = 10.0  # seconds in which a farewell in words has been said


class Teller(Protocol):
    """What a conversation tells its caller by, while it is `run`."""

    @property
    def rulings(self) -> Rulings:
        """How the caller is told what comes of a moderator's orders."""
        ...

    async def run(self) -> None:
        """Tell what there is to tell, until cancelled."""

    def tells(self, event: conference.Event) -> bool:
        """Whether the caller is told of an event."""
        ...

    def tell(self, event: conference.Event) -> None:
        """Tell of one that it is told of; the phone is answered."""

    def company(self, event: conference.Event, others: int) -> None:
        """Somebody has come or gone; so many others are there now."""

    def entered(self) -> None:
        """We are in the room, where the caller perhaps has been told that it waits."""

    def ask_password(self, *, again: bool) -> None:
        """Ask for the room's password; `again`, since what was typed is wrong."""

    def ask_no_more(self) -> None:
        """It is being typed, or nobody wants to know it any more."""

    def toggled(self, done: Toggled) -> None:
        """Say what the microphone key, or that for the hand, has done."""

    def count(self, people: int, others: tuple[Somebody, ...]) -> None:
        """Say how many are there, the caller among them, and who the `others` are."""

    def repairing(self, repair: Repair) -> None:
        """Say that the conference cannot be heard, and will be: a tone goes on saying so."""

    def resumed(self) -> None:
        """Say that it can be heard again."""

    def still_waits(self, wait: Wait) -> None:
        """Say again what the caller waits for."""

    def waits_no_more(self) -> None:
        """It waits for that no longer: say no more of it."""

    def ends_in(self, minutes: int) -> None:
        """Say that the call will end."""

    def help(self) -> None:
        """Say what keys are for."""

    def pressed(self) -> None:
        """The caller has pressed a key."""

    def has_farewell(self, reason: EndReason) -> bool:
        """Whether there is anything to hear of a call that ends for this reason."""
        ...

    async def farewell(self, end: CallEnd) -> None:
        """Let the caller hear that the call ends, and return when it has."""


class Tones:
    """Says it by tones, as far as there are any."""

    def __init__(self, session: MediaSession) -> None:
        self._session = session
        self.rulings = TonedRulings(session)

    async def run(self) -> None:
        """Tones need nobody to play them."""

    def tells(self, event: conference.Event) -> bool:
        return tone_of(event) is not None

    def tell(self, event: conference.Event) -> None:
        tone = tone_of(event)
        assert tone is not None
        self._session.play(tone)

    def company(self, event: conference.Event, others: int) -> None:
        """There is no tone for that."""

    def entered(self) -> None:
        """The tone that waits ends by itself."""

    def ask_password(self, *, again: bool) -> None:
        if again:
            self._session.play(Tone.REFUSED)
        self._session.play(Tone.PASSWORD)

    def ask_no_more(self) -> None:
        self._session.silence()

    def toggled(self, done: Toggled) -> None:
        self._session.play(_TONES[done])

    def count(self, people: int, others: tuple[Somebody, ...]) -> None:
        """There is no tone for that."""

    def repairing(self, repair: Repair) -> None:
        """The backdrop's tone is all there is."""

    def resumed(self) -> None:
        """The tone has ended."""

    def still_waits(self, wait: Wait) -> None:
        """The backdrop goes on."""

    def waits_no_more(self) -> None:
        """The backdrop has ended."""

    def ends_in(self, minutes: int) -> None:
        """There is no tone for that."""

    def help(self) -> None:
        """There is no tone for that."""

    def pressed(self) -> None:
        """Tones are short."""

    def has_farewell(self, reason: EndReason) -> bool:
        return reason in _BROKEN

    async def farewell(self, end: CallEnd) -> None:
        self._session.play(Tone.CONGESTION)
        await asyncio.sleep(_FAREWELL)


_BROKEN = frozenset(
    {EndReason.MEDIA_FAILED, EndReason.CONFERENCE_LOST, EndReason.LOBBY_DENIED, EndReason.LOBBY}
)
_TONES = {
    Toggled.MUTED: Tone.MUTED,
    Toggled.UNMUTED: Tone.UNMUTED,
    Toggled.HAND_RAISED: Tone.HAND,
    Toggled.HAND_LOWERED: Tone.MUTED,
}


class Words:
    """Says it in words. `commands` are those that the caller has keys for; `said` has what others
    in its room, by endpoint, have said for their names."""

    def __init__(
        self,
        voice: Voice,
        commands: Container[KeypadCommand] = ALL_COMMANDS,
        said: Callable[[str], Speech] = lambda endpoint: (),
    ) -> None:
        self._voice = voice
        self._commands = commands
        self.rulings = SpokenRulings(voice, commands, said)
        self._comings = Comings()
        self._said = said
        # Of those who have come or gone, until that is told: as written, and as said.
        self._names: dict[str, tuple[str, Speech]] = {}
        self._moved = asyncio.Event()
        self._is_in_lobby = False
        self._to_tell: tuple[Somebody, ...] = ()
        self._asked = asyncio.Event()  # for their names
        self._named_room: conference.Moved | None = None  # where the caller is, if that has a name
        self._is_moved = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._voice.run())
            tasks.create_task(self._tell_of_company())
            tasks.create_task(self._tell_names())
            tasks.create_task(self._tell_rooms())

    def tells(self, event: conference.Event) -> bool:
        return news_of(event) is not None

    def tell(self, event: conference.Event) -> None:
        news = news_of(event)
        assert news is not None
        if isinstance(event, conference.Waiting):
            self._is_in_lobby = event.for_ is WaitingFor.LOBBY
        if isinstance(event, conference.Moved):
            self._named_room = event if event.name and not event.is_main else None
            if self._named_room is not None:
                self._is_moved.set()
                return
        self._voice.news(news.prompt, topic=news.topic)

    def company(self, event: conference.Event, others: int) -> None:
        match event:
            case conference.OccupantJoined(endpoint, name):
                self._comings.joined(endpoint, others)
            case conference.OccupantLeft(endpoint, name):
                self._comings.left(endpoint, others)
            case _:
                return
        self._names[endpoint] = name, self._said(endpoint)
        self._moved.set()

    def entered(self) -> None:
        if self._is_in_lobby:
            self._voice.news(Prompt.ADMITTED, topic="door")
        self._is_in_lobby = False

    def ask_password(self, *, again: bool) -> None:
        if again:
            self._voice.news(Prompt.PASSWORD_WRONG, topic="door")
        self._voice.guide(Prompt.ENTER_PASSWORD)

    def ask_no_more(self) -> None:
        self._voice.pressed()

    def toggled(self, done: Toggled) -> None:
        self._voice.news(_WORDS[done], topic="microphone")

    def count(self, people: int, others: tuple[Somebody, ...]) -> None:
        if people < Counted.PARTICIPANTS.numbers[0]:
            self._voice.guide(Prompt.ALONE)
        else:
            self._voice.count(Counted.PARTICIPANTS, people)
            self._to_tell = others
            self._asked.set()

    def repairing(self, repair: Repair) -> None:
        self._voice.news(waiting_of(repair), topic="connection")

    def resumed(self) -> None:
        self._voice.news(Prompt.CONNECTION_BACK, topic="connection")

    def still_waits(self, wait: Wait) -> None:
        self._voice.guide(waiting_of(wait), topic=_STILL)

    def waits_no_more(self) -> None:
        self._voice.drop(_STILL)

    def ends_in(self, minutes: int) -> None:
        self._voice.count_news(Counted.ENDS_IN_MINUTES, minutes)

    def help(self) -> None:
        self._voice.explain(_HELP, self._commands)

    def pressed(self) -> None:
        self._to_tell = ()
        self._voice.pressed()

    def has_farewell(self, reason: EndReason) -> bool:
        return reason in FAREWELLS

    async def farewell(self, end: CallEnd) -> None:
        self._voice.pressed()  # no key is of use any more, nor who has come
        self._voice.news(farewell_of(end.reason), topic="end")
        try:
            async with asyncio.timeout(_SAID_WITHIN):
                await self._voice.quiet()
        except TimeoutError:
            pass  # on hold, say: there nothing is heard

    async def _tell_names(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            told, others = 0, self._to_tell
            for other in others:
                speech = await self._voice.name(other.name, self._said(other.endpoint))
                if others is not self._to_tell or told == _MOST_NAMES:
                    break  # a key has said that it is enough, or it is
                if speech:
                    self._voice.list(speech, f"name {told}")
                    told += 1

    async def _tell_rooms(self) -> None:
        while True:
            await self._is_moved.wait()
            self._is_moved.clear()
            if (room := self._named_room) is None:
                continue
            name = await self._voice.name(spoken_part(room.name))
            if room is self._named_room:  # and not in another by now
                prompt = Prompt.BREAKOUT_ROOM_NAMED if name else Prompt.BREAKOUT_ROOM
                self._voice.news(prompt, name, topic="room")

    async def _tell_of_company(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await self._moved.wait()
            self._moved.clear()
            due = self._comings.due()
            if due is None:
                self._names.clear()
                continue
            await asyncio.sleep(max(0.0, due - clock()))
            movements = self._comings.take(clock())
            names, self._names = self._names, {}  # others may move while one is spoken
            for movement in movements:
                name: Speech = ()
                if len(movement.people) == 1:
                    written, said = names.get(movement.people[0], ("", ()))
                    name = await self._voice.name(written, said)
                topic = "joined" if movement.joined else "left"
                self._voice.chatter(movement.speech(self._voice.book, name), topic)


_WORDS = {
    Toggled.MUTED: Prompt.MUTED,
    Toggled.UNMUTED: Prompt.UNMUTED,
    Toggled.HAND_RAISED: Prompt.HAND_RAISED,
    Toggled.HAND_LOWERED: Prompt.HAND_LOWERED,
}
_HELP = {
    KeypadCommand.TOGGLE_MICROPHONE: Prompt.HELP_MUTE,
    KeypadCommand.TOGGLE_HAND: Prompt.HELP_HAND,
    KeypadCommand.COUNT: Prompt.HELP_COUNT,
    KeypadCommand.HELP: Prompt.HELP_HELP,
    KeypadCommand.LEAVE: Prompt.HELP_LEAVE,
}


def teller_of(
    trunk: Trunk, voice: Voice, session: MediaSession, said: Callable[[str], Speech]
) -> Teller:
    """By what callers of a trunk are told; `said` as `Words` has it."""
    return Words(voice, trunk.keys, said) if trunk.speaks else Tones(session)
