"""The gateway's own voice in one call, in the caller's language."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from gateway.calls.keypad import COMMAND_KEYS, KeypadCommand
from gateway.ivr.language import Language, language_for
from gateway.ivr.phrasebook import Phrasebook, Speech
from gateway.ivr.prompt import Counted, Prompt
from gateway.ivr.speaker import Player, Speaker
from gateway.ivr.speech_queue import Weight
from gateway.ivr.synthesis import Names


class Voice:
    """Says prompts to the caller alone while it is `run`; `names` speaks names."""

    def __init__(self, player: Player, language: Language, names: Names) -> None:
        self.book = Phrasebook.of(language)
        self._names = names
        self._speaker = Speaker(player)

    async def run(self) -> None:
        """Say what there is to say, without end."""
        await self._speaker.run()

    def speak_language(self, language: Language) -> None:
        """Go on in another language."""
        self.book = Phrasebook.of(language)

    def guide(self, prompt: Prompt, middle: Speech = (), *, topic: str = "") -> None:
        """Say what helps the caller to go on; a key ends it."""
        self._speaker.say(self.book.say(prompt, middle), topic or prompt, Weight.GUIDE)

    def guide_in(self, book: Phrasebook, prompt: Prompt, middle: Speech) -> None:
        """The same in the language of another book."""
        self._speaker.say(book.say(prompt, middle), f"{prompt} {book.language}", Weight.GUIDE)

    def news(self, prompt: Prompt, middle: Speech = (), *, topic: str = "") -> None:
        """Say what the caller has to know. News of one `topic` take each other's place."""
        self._speaker.say(self.book.say(prompt, middle), topic or prompt, Weight.NEWS)

    def count(self, what: Counted, number: int) -> None:
        """Say a sentence with a number; a key ends it."""
        self._speaker.say(self.book.count(what, number), what, Weight.GUIDE)

    def count_news(self, what: Counted, number: int) -> None:
        """Say one that the caller has to know."""
        self._speaker.say(self.book.count(what, number), what, Weight.NEWS)

    def list(self, speech: Speech, topic: str) -> None:
        """Say one of several things, a name; a key ends it."""
        self._speaker.say(speech, topic, Weight.GUIDE)

    def explain(
        self, prompts: Mapping[KeypadCommand, Prompt], commands: Container[KeypadCommand]
    ) -> None:
        """Say what keys are for, by the prompts of those commands that the caller has."""
        for command, prompt in prompts.items():
            if command in commands:
                self.guide(prompt, self.keys_of(command))

    def keys_of(self, command: KeypadCommand) -> Speech:
        """The keys of a command as they are spoken."""
        return self.book.keys(f"*{COMMAND_KEYS[command]}")

    def chatter(self, speech: Speech, topic: str) -> None:
        """Say what is soon of no interest any more."""
        self._speaker.say(speech, topic, Weight.CHATTER)

    def drop(self, topic: str) -> None:
        """Say no more of what is about this."""
        self._speaker.drop(topic)

    async def name(self, name: str, said: Speech = ()) -> Speech:
        """A name as whose it is has `said` it, else as it is spoken; empty if nothing in it can
        be."""
        return said or await self._names.speech(name, self.book)

    def pressed(self) -> None:
        """The caller has pressed a key: it has heard enough guidance."""
        self._speaker.pressed()

    async def quiet(self) -> None:
        """Return when everything has been said."""
        await self._speaker.quiet()


@dataclass(frozen=True, slots=True)
class Voices:
    """The voices for all callers. `languages` are those there may be, the first where nothing tells
    another; `by_number` tells it for numbers that are called."""

    names: Names = field(default_factory=lambda: Names(None))
    languages: tuple[Language, ...] = (Language.ENGLISH,)
    by_number: Mapping[str, Language] = field(default_factory=dict)

    def voice(self, player: Player, *, caller: str, called: str) -> Voice:
        """One in the language to greet a caller in."""
        language = language_for(
            called=called, caller=caller, by_number=self.by_number, offered=self.languages
        )
        return Voice(player, language, self.names)
