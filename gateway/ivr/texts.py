"""What callers are told in words: one file a language, and the recordings to be made of it.

A recording has a name: that of the prompt (`greeting`), for what stands before and after a
placeholder `joining-before` and `joining-after`, for counts `participants-5` and
`participants-over-30`, and `digit-5`, `letter-a`, `letter-u0436` for what is spelled.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from gateway.ivr.language import Language
from gateway.ivr.plurals import plural_category
from gateway.ivr.prompt import Counted, Prompt

LATIN = "abcdefghijklmnopqrstuvwxyz"
CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
DIGITS = "0123456789"

PACKS = Path(__file__).parent / "prompts"
"""Where the recordings are, in packs made by `build_prompts.py`: `de.zip` and so on."""

_PLACEHOLDER = re.compile(r"\{([a-z]+)\}")


@dataclass(frozen=True, slots=True)
class Texts:
    """A language's file, as it is."""

    language: Language
    voice: str
    prompts: Mapping[str, str]
    counted: Mapping[str, Mapping[str, Any]]
    numbers: Mapping[str, Mapping[str, str]]
    pronunciation: Mapping[str, str]

    @classmethod
    @cache
    def of(cls, language: Language) -> Self:
        """The texts of a language, read once."""
        file = files("gateway.ivr") / "texts" / f"{language}.toml"
        values = tomllib.loads(file.read_text(encoding="utf-8"))
        return cls(
            language,
            values["voice"],
            values["prompts"],
            values["counted"],
            values.get("numbers", {}),
            values.get("pronunciation", {}),
        )

    @property
    def letters(self) -> str:
        """What names are spelled with: letters that callers of the language know by name."""
        return LATIN + (CYRILLIC if self.language is Language.RUSSIAN else "")

    def placeholder(self, prompt: Prompt) -> str | None:
        """What is spoken in the middle of a prompt, if anything is."""
        found = _PLACEHOLDER.search(self.prompts[prompt])
        return found[1] if found else None

    def fragments(self, prompt: Prompt) -> tuple[str, str]:
        """What stands before and after the placeholder; empty where nothing is to be said."""
        before, _, after = _PLACEHOLDER.sub("\0", self.prompts[prompt]).partition("\0")
        # The comma is for the melody: the sentence goes on.
        before, after = before.strip(" :"), after.strip(" .")
        return f"{before}," if before else "", after

    def sentence(self, what: Counted, number: int) -> str:
        """A sentence with a number that it is recorded for."""
        forms = self.counted[what]
        words = self.numbers.get(forms.get("number", ""), {})
        form: str = forms[plural_category(self.language, number)]
        sentence = form.replace("{n}", words.get(str(number), str(number)))
        return sentence[0].upper() + sentence[1:]

    def recordings(self) -> dict[str, str]:
        """Every recording there has to be, by name: what it says, but for digits and letters."""
        found: dict[str, str] = {}
        for prompt in Prompt:
            if self.placeholder(prompt) is None:
                found[prompt] = self.prompts[prompt]
                continue
            before, after = self.fragments(prompt)
            found |= {before_name(prompt): before} if before else {}
            found |= {after_name(prompt): after} if after else {}
        for what in Counted:
            for number in what.numbers:
                found[counted_name(what, number)] = self.sentence(what, number)
            for over in what.overs:
                found[over_name(what, over)] = self.counted[what]["over"][str(over)]
        return found

    def characters(self) -> dict[str, str]:
        """The recordings of single digits and letters, by name."""
        return {character_name(character): character for character in DIGITS + self.letters}


def before_name(prompt: Prompt) -> str:
    """The recording of what stands before the placeholder."""
    return f"{prompt}-before"


def after_name(prompt: Prompt) -> str:
    """The recording of what stands after the placeholder."""
    return f"{prompt}-after"


def counted_name(what: Counted, number: int) -> str:
    """The recording of a sentence with a number."""
    return f"{what}-{number}"


def over_name(what: Counted, over: int) -> str:
    """The recording of a sentence about more than a number."""
    return f"{what}-over-{over}"


def character_name(character: str) -> str:
    """The recording of a digit or a letter."""
    if character in DIGITS:
        return f"digit-{character}"
    return f"letter-{character}" if character in LATIN else f"letter-u{ord(character):04x}"
