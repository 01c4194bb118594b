"""Which language a caller is greeted in."""

import pytest

from gateway.ivr.language import Language, language_for, language_keys, language_of_country

ALL = tuple(Language)


@pytest.mark.parametrize(
    ("number", "language"),
    [
        ("+43664123456", Language.GERMAN),
        ("0043664123456", Language.GERMAN),
        ("+41441234567", Language.GERMAN),
        ("+4915112345678", Language.GERMAN),
        ("+33612345678", Language.FRENCH),
        ("+351912345678", Language.PORTUGUESE),
        ("+5511987654321", Language.PORTUGUESE),
        ("+34612345678", Language.SPANISH),
        ("+17875551234", Language.SPANISH),  # Puerto Rico shares its country code
        ("+12125551234", Language.ENGLISH),
        ("+393331234567", Language.ITALIAN),
        ("+79161234567", Language.RUSSIAN),
        ("+48601234567", Language.POLISH),
        ("+35312345678", Language.ENGLISH),
        ("+35212345678", Language.GERMAN),
        ("+81312345678", None),
        ("+3221234567", None),
        ("0664123456", None),
        ("anonymous", None),
        ("", None),
        ("+", None),
    ],
)
def test_the_country_of_an_international_number_has_a_language(
    number: str, language: Language | None
) -> None:
    assert language_of_country(number) is language


@pytest.mark.parametrize(
    ("called", "caller", "language"),
    [
        ("+431900", "+4366412", Language.GERMAN),
        ("+431900", "+48601", Language.POLISH),
        ("+431900", "anonymous", Language.ENGLISH),
        ("+331700", "+48601", Language.FRENCH),
        ("+3317001", "+48601", Language.ITALIAN),
        ("800", "+48601", Language.POLISH),
    ],
)
def test_the_called_number_says_it_before_the_country_of_the_caller(
    called: str, caller: str, language: Language
) -> None:
    by_number = {"+33": Language.FRENCH, "+3317001": Language.ITALIAN}
    found = language_for(called=called, caller=caller, by_number=by_number, offered=ALL)
    assert found is language


def test_nobody_is_spoken_to_in_a_language_that_is_not_offered() -> None:
    offered = (Language.FRENCH, Language.ENGLISH)
    found = language_for(called="1", caller="+4366412", by_number={}, offered=offered)
    assert found is Language.FRENCH


def test_a_key_chooses_among_the_languages_that_are_offered() -> None:
    keys = language_keys((Language.GERMAN, Language.ENGLISH))
    assert keys == {"1": Language.GERMAN, "2": Language.ENGLISH}
    assert len(language_keys(ALL * 2)) == 9
