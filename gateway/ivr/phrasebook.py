"""What is to be said, as the recordings it is put together from. Pure."""

from dataclasses import dataclass
from typing import Self

from gateway.ivr.language import Language
from gateway.ivr.prompt import Counted, Prompt
from gateway.ivr.texts import (
    DIGITS,
    Texts,
    after_name,
    before_name,
    character_name,
    counted_name,
    over_name,
)
from gateway.media.messages import Recorded, SpeechPart

Speech = tuple[SpeechPart, ...]
"""One thing to be said: what is spoken one after the other."""

_KEYS = {"*": Prompt.STAR, "#": Prompt.POUND}


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """Speech in one language."""

    texts: Texts

    @classmethod
    def of(cls, language: Language) -> Self:
        """The phrasebook of a language."""
        return cls(Texts.of(language))

    @property
    def language(self) -> Language:
        return self.texts.language

    def say(self, prompt: Prompt, middle: Speech = ()) -> Speech:
        """A prompt. `middle` is what is spoken in the place of its placeholder, if it has one."""
        if self.texts.placeholder(prompt) is None:
            return (self._recorded(prompt),)
        before, after = self.texts.fragments(prompt)
        return (
            *((self._recorded(before_name(prompt)),) if before else ()),
            *middle,
            *((self._recorded(after_name(prompt)),) if after else ()),
        )

    def count(self, what: Counted, number: int) -> Speech:
        """A sentence with a number, or with the next smaller one there is a sentence for."""
        overs = [over for over in what.overs if number > over]
        if overs:
            return (self._recorded(over_name(what, max(overs))),)
        least = what.numbers[0]
        nearest = max((each for each in what.numbers if each <= number), default=least)
        return (self._recorded(counted_name(what, nearest)),)

    def digits(self, digits: str) -> Speech:
        """Digits read one by one. ValueError: something else is among them."""
        if any(digit not in DIGITS for digit in digits):
            raise ValueError("digits are expected, and nothing else")  # it may be a PIN
        return tuple(self._recorded(character_name(digit)) for digit in digits)

    def keys(self, keys: str) -> Speech:
        """Keys of a telephone: `*6`. ValueError: there is no such key."""
        return tuple(
            self._recorded(_KEYS[key]) if key in _KEYS else self.digits(key)[0] for key in keys
        )

    def spelled(self, text: str) -> Speech:
        """The letters and digits of a text; what else is in it is not spoken."""
        known = self.texts.letters + DIGITS
        return tuple(
            self._recorded(character_name(character))
            for character in text.lower()
            if character in known
        )

    def _recorded(self, name: str) -> Recorded:
        return Recorded(self.language, name)
