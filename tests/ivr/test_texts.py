"""The texts: every language tells the same, in its own grammar."""

import re
import string
from pathlib import Path

import pytest

from gateway.ivr.language import Language
from gateway.ivr.phrasebook import Phrasebook
from gateway.ivr.plurals import plural_categories, plural_category
from gateway.ivr.prompt import Counted, Prompt
from gateway.ivr.texts import Texts
from gateway.media.messages import Recorded, Sampled

NAME = (Sampled(b"\0\0" * 100),)
GATEWAY = Path(__file__).parents[2] / "gateway"
each_language = pytest.mark.parametrize("language", list(Language))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@each_language
def test_every_language_has_every_prompt_and_no_other_with_the_same_placeholders(
    language: Language,
) -> None:
    prompts, english = Texts.of(language).prompts, Texts.of(Language.ENGLISH).prompts
    assert set(prompts) == set(Prompt)
    for name, text in prompts.items():
        assert placeholders(text) == placeholders(english[name]), name
        assert len(placeholders(text)) <= 1, name
        assert text.strip() == text and "  " not in text, name


def test_whatever_is_recorded_somebody_is_told() -> None:
    """Else operators would replace recordings that nobody ever hears."""
    tellers = [file for file in GATEWAY.rglob("*.py") if file.name != "prompt.py"]
    told = "\n".join(file.read_text(encoding="utf-8") for file in tellers)
    catalogue = [*Prompt, *Counted]
    assert not [each for each in catalogue if f"{type(each).__name__}.{each.name}" not in told]


@each_language
def test_sentences_are_short_and_end(language: Language) -> None:
    for name, text in Texts.of(language).prompts.items():
        assert len(text) <= 120, name
        assert text.endswith(".") or name in (Prompt.STAR, Prompt.POUND), name


@each_language
def test_every_counted_sentence_has_the_plural_forms_of_the_language(language: Language) -> None:
    counted = Texts.of(language).counted
    assert set(counted) == set(Counted)
    for what, forms in counted.items():
        assert set(forms) - {"number", "over"} == set(plural_categories(language)), what
        for category in plural_categories(language):
            assert placeholders(forms[category]) == {"n"}
        assert set(forms.get("over", {})) == {str(over) for over in Counted(what).overs}


# https://www.unicode.org/cldr/charts/latest/supplemental/language_plural_rules.html
@pytest.mark.parametrize(
    ("language", "category", "numbers"),
    [
        (Language.ENGLISH, "one", [1]),
        (Language.ENGLISH, "other", [0, 2, 11, 21, 101]),
        (Language.GERMAN, "one", [1]),
        (Language.FRENCH, "one", [0, 1]),
        (Language.FRENCH, "other", [2, 21]),
        (Language.PORTUGUESE, "one", [0, 1]),
        (Language.RUSSIAN, "one", [1, 21, 101, 1001]),
        (Language.RUSSIAN, "few", [2, 4, 22, 34, 102]),
        (Language.RUSSIAN, "many", [0, 5, 11, 12, 14, 19, 20, 111, 112]),
        (Language.POLISH, "one", [1]),
        (Language.POLISH, "few", [2, 3, 4, 22, 34]),
        (Language.POLISH, "many", [0, 5, 12, 21, 31, 112]),
    ],
)
def test_plural_categories_are_those_of_cldr(
    language: Language, category: str, numbers: list[int]
) -> None:
    assert {plural_category(language, number) for number in numbers} == {category}


@pytest.mark.parametrize(
    ("language", "what", "number", "sentence"),
    [
        (Language.ENGLISH, Counted.PARTICIPANTS, 2, "2 people are here."),
        (Language.GERMAN, Counted.ENDS_IN_MINUTES, 1, "Die Besprechung endet in einer Minute."),
        (Language.GERMAN, Counted.PARTICIPANTS, 1, "Ein Teilnehmer ist da."),
        (Language.SPANISH, Counted.PARTICIPANTS, 21, "Hay veintiún participantes."),
        (Language.FRENCH, Counted.ENDS_IN_MINUTES, 1, "La réunion se termine dans une minute."),
        (Language.PORTUGUESE, Counted.SEVERAL_JOINED, 2, "Duas pessoas entraram."),
        (Language.RUSSIAN, Counted.PARTICIPANTS, 2, "Здесь 2 участника."),
        (Language.RUSSIAN, Counted.PARTICIPANTS, 21, "Здесь 21 участник."),
        (Language.RUSSIAN, Counted.ENDS_IN_MINUTES, 2, "Встреча закончится через две минуты."),
        (Language.POLISH, Counted.PARTICIPANTS, 2, "Jest dwóch uczestników."),
        (Language.POLISH, Counted.ENDS_IN_MINUTES, 5, "Spotkanie skończy się za 5 minut."),
    ],
)
def test_numbers_follow_the_grammar(
    language: Language, what: Counted, number: int, sentence: str
) -> None:
    assert Texts.of(language).sentence(what, number) == sentence


@each_language
def test_everything_that_can_be_said_has_a_recording(language: Language) -> None:
    book = Phrasebook.of(language)
    there = Texts.of(language).recordings() | Texts.of(language).characters()
    speeches = [book.say(prompt, NAME) for prompt in Prompt]
    speeches += [book.count(what, number) for what in Counted for number in range(200)]
    speeches += [book.digits("0123456789"), book.keys("*#0"), book.spelled("Zoë & Ann, 42")]
    used = {part.name for speech in speeches for part in speech if isinstance(part, Recorded)}
    assert used <= set(there)
    assert all(re.fullmatch("[a-z0-9-]+", name) for name in there)


def test_a_name_is_spoken_where_the_language_puts_it() -> None:
    english, french = Phrasebook.of(Language.ENGLISH), Phrasebook.of(Language.FRENCH)
    before = Recorded("en", "joining-before")
    assert english.say(Prompt.JOINING, NAME) == (before, *NAME)
    assert english.say(Prompt.NAME_JOINED, NAME) == (*NAME, Recorded("en", "name-joined-after"))
    assert french.say(Prompt.NAME_JOINED, NAME) == (Recorded("fr", "name-joined-before"), *NAME)
    assert english.say(Prompt.GOODBYE, NAME) == (Recorded("en", "goodbye"),)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0, "participants-2"),
        (2, "participants-2"),
        (30, "participants-30"),
        (31, "participants-over-30"),
        (51, "participants-over-50"),
        (1000, "participants-over-100"),
    ],
)
def test_numbers_that_are_too_large_are_said_to_be_more(number: int, name: str) -> None:
    book = Phrasebook.of(Language.GERMAN)
    assert book.count(Counted.PARTICIPANTS, number) == (Recorded("de", name),)


def test_minutes_are_rounded_down_so_that_nobody_comes_too_late() -> None:
    book = Phrasebook.of(Language.GERMAN)
    assert book.count(Counted.ENDS_IN_MINUTES, 14) == (Recorded("de", "ends-in-minutes-10"),)


def test_a_pin_is_read_digit_by_digit_and_is_in_no_error() -> None:
    book = Phrasebook.of(Language.POLISH)
    names = [part.name for part in book.digits("407") if isinstance(part, Recorded)]
    assert names == ["digit-4", "digit-0", "digit-7"]
    with pytest.raises(ValueError, match="digits are expected") as caught:
        book.digits("12a4")
    assert "12a4" not in str(caught.value)


def test_keys_are_named() -> None:
    names = list(Phrasebook.of(Language.GERMAN).keys("*6#"))
    assert names == [Recorded("de", "star"), Recorded("de", "digit-6"), Recorded("de", "pound")]
