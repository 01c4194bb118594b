"""Plural categories of whole numbers, by the rules of Unicode's CLDR. Pure."""

from gateway.ivr.language import Language


def plural_category(language: Language, number: int) -> str:
    """`one`, `few`, `many` or `other`: which form what is counted has after a number >= 0."""
    match language:
        case Language.RUSSIAN:
            return _east_slavic(number)
        case Language.POLISH:
            return "one" if number == 1 else _few_or_many(number)
        case Language.FRENCH | Language.PORTUGUESE:
            return "one" if number in (0, 1) else "other"
    return "one" if number == 1 else "other"


def plural_categories(language: Language) -> tuple[str, ...]:
    """All categories that whole numbers have in a language."""
    if language in (Language.RUSSIAN, Language.POLISH):
        return ("one", "few", "many")
    return ("one", "other")


def _east_slavic(number: int) -> str:
    """21 is counted as 1 is, 11 is not."""
    is_one = number % 10 == 1 and number % 100 != 11
    return "one" if is_one else _few_or_many(number)


def _few_or_many(number: int) -> str:
    is_few = number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)
    return "few" if is_few else "many"
