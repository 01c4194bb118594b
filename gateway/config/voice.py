"""The section about what callers are told in words: recordings of one's own."""

import difflib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from gateway.calls.backdrop import WhileWaiting
from gateway.calls.reception import Desk, Reception
from gateway.calls.voice import Voices
from gateway.config.section import Section
from gateway.ivr.language import Language
from gateway.ivr.pin_entry import PinRules
from gateway.ivr.synthesis import Names
from gateway.ivr.texts import PACKS, Texts
from gateway.media.speech import MUSIC


def _prompt_problems(folder: Path) -> Iterator[str]:
    languages = ", ".join(Language)
    for inside in _shown(folder):
        if not inside.is_dir():
            continue
        if inside.name not in list(Language):
            yield f"{inside} is no language; there are {languages}"
            continue
        texts = Texts.of(Language(inside.name))
        known = texts.recordings() | texts.characters()
        for file in _shown(inside):
            if file.stem == MUSIC.name:
                yield f"{file} is in a language; music is for all: move it to {folder}"
            elif file.stem not in known:
                alike = difflib.get_close_matches(file.stem, known, 1)
                hint = (
                    f"is it {alike[0]}?"
                    if alike
                    else f"sip-gateway prompts {inside.name} lists them"
                )
                yield f"{file} is no prompt; {hint}"


def _shown(folder: Path) -> list[Path]:
    """What is in it, but for what versioning, file managers and copying leave there."""
    return sorted(each for each in folder.iterdir() if not each.name.startswith("."))


class VoiceSection(Section):
    """`[voice]`: what callers are told."""

    prompts: Path | None = None
    languages: tuple[Language, ...] = Field(default=(Language.ENGLISH,), min_length=1)
    offer_languages: bool = False
    language_of: dict[str, Language] = Field(default_factory=dict)
    espeak_ng: str | None = "espeak-ng"
    waiting: WhileWaiting = WhileWaiting.MUSIC

    @model_validator(mode="after")
    def _check_languages(self) -> Self:
        """Who is greeted in a language must be one that is offered."""
        if len(set(self.languages)) < len(self.languages):
            raise ValueError("languages: one is there twice")
        for number, language in self.language_of.items():
            if language not in self.languages:
                hint = "add it there, or leave this out"
                raise ValueError(f"language_of: {number}: {language} is not in languages; {hint}")
        return self

    @model_validator(mode="after")
    def _check_prompts(self) -> Self:
        """Nothing is in the folder that nobody would ever hear."""
        if self.prompts is None:
            return self
        try:
            problems = list(_prompt_problems(self.prompts))
        except OSError as error:
            problems = [f"{error.filename}: {error.strerror}"]
        if problems:
            raise ValueError("\n".join(f"prompts: {problem}" for problem in problems))
        return self

    @property
    def voices(self) -> Voices:
        """For `gateway.calls`."""
        return Voices(Names(self.espeak_ng), self.languages, self.language_of)

    def reception(self, desk: Desk, rules: Callable[[], PinRules]) -> Reception:
        """For `gateway.calls`: where callers are asked for PINs."""
        return Reception(desk, rules, self.languages if self.offer_languages else ())

    @property
    def folders(self) -> tuple[str, ...]:
        """For `gateway.media`: where recordings are, the operator's first."""
        own = (str(self.prompts),) if self.prompts is not None else ()
        return (*own, str(PACKS))
