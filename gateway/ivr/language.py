"""The languages callers are spoken to in, and which one a caller gets. Pure."""

from collections.abc import Mapping, Sequence
from enum import StrEnum


class Language(StrEnum):
    """A language there are prompts in, by its ISO 639 code."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"
    ITALIAN = "it"
    PORTUGUESE = "pt"
    RUSSIAN = "ru"
    POLISH = "pl"


# Country codes (ITU-T E.164) in which most people understand the language. Switzerland (41)
# and Luxembourg (352) get the one that most of their people understand; Belgium (32) gets none.
_COUNTRIES = {
    Language.ENGLISH: "1 27 44 61 64 65 233 234 254 263 353 356",
    Language.GERMAN: "41 43 49 352 423",
    Language.FRENCH: "33 212 213 216 221 223 225 226 227 228 229 237 241 242 243 262 377 508 509"
    " 590 594 596 687 689",
    Language.SPANISH: "34 51 52 53 54 56 57 58 240 502 503 504 505 506 507 591 593 595 598"
    " 1787 1809 1829 1849 1939",
    Language.ITALIAN: "39 378",
    Language.PORTUGUESE: "55 238 239 244 245 258 351",
    Language.RUSSIAN: "7 375 996",
    Language.POLISH: "48",
}
_BY_COUNTRY = {code: language for language, codes in _COUNTRIES.items() for code in codes.split()}
_LONGEST_CODE = 4


def language_for(
    *,
    called: str,
    caller: str,
    by_number: Mapping[str, Language],
    offered: Sequence[Language],
) -> Language:
    """The language to greet a caller in; the first of `offered` if nothing tells another.

    `by_number` says it for called numbers, or for how they begin (`+4319`), the longest counts. The
    country of the caller counts if it is known: a number with `+` or `00` in front.
    """
    beginnings = [begin for begin in by_number if called.startswith(begin)]
    if beginnings:
        return by_number[max(beginnings, key=len)]
    at_home = language_of_country(caller)
    return at_home if at_home is not None and at_home in offered else offered[0]


def language_of_country(number: str) -> Language | None:
    """What is spoken where an international number is at home; None if that is not known."""
    if number.startswith("+"):
        digits = number[1:]
    elif number.startswith("00"):
        digits = number[2:]
    else:
        return None
    for length in range(_LONGEST_CODE, 0, -1):
        language = _BY_COUNTRY.get(digits[:length])
        if language is not None:
            return language
    return None


def language_keys(offered: Sequence[Language]) -> dict[str, Language]:
    """Which key chooses which language: 1 the first, up to 9."""
    return {str(number): language for number, language in enumerate(offered[:9], start=1)}
