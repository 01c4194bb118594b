"""Names of strangers: what of them is spoken, and what is spelled."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ivr.language import Language
from gateway.ivr.naming import MOST_SPELLED, speakable, spellable
from gateway.ivr.texts import DIGITS, Texts
from tests.helpers.examples import at_most


@pytest.mark.parametrize(
    ("name", "spoken"),
    [
        ("weekly_standup", "weekly standup"),
        ("WeeklyStandup2026", "Weekly Standup2026"),
        ("team-a.b", "team-a b"),
        ("  Ann   O'Neill ", "Ann O'Neill"),
        ("Zoë", "Zoë"),
        ("ВстречаНедели", "Встреча Недели"),
        ("[[phonemes]] <speak>", "phonemes speak"),
        ("-v en --stdout", "v en --stdout"),
        ("a\x00b\nc\x1b[31m", "ab c31m"),
        ("🎉🎉", ""),
        ("---", ""),
        ("", ""),
    ],
)
def test_of_a_name_only_words_are_spoken(name: str, spoken: str) -> None:
    assert speakable(name) == spoken


@at_most(50)
@given(st.text(max_size=120))
def test_nothing_but_a_short_line_of_letters_digits_and_few_marks_is_left(name: str) -> None:
    spoken = speakable(name)
    assert len(spoken) <= 40
    assert not spoken.startswith("-")
    assert all(each.isalnum() or each in " '-" for each in spoken)
    assert not any(unicodedata.category(each).startswith("C") for each in spoken)


@pytest.mark.parametrize(
    ("name", "language", "letters"),
    [
        ("Zoë Ł.", Language.ENGLISH, "zoel"),
        ("Straße 7", Language.GERMAN, "strasse7"),
        ("Щука", Language.GERMAN, "shchuka"),
        ("Ёж-й 1 Ann", Language.RUSSIAN, "ёжй1ann"),
        ("a" * 50, Language.FRENCH, "a" * MOST_SPELLED),
    ],
)
def test_a_name_is_spelled_in_letters_the_caller_knows(
    name: str, language: Language, letters: str
) -> None:
    assert spellable(name, language) == letters
    assert set(letters) <= set(Texts.of(language).letters + DIGITS)
