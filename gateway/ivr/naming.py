"""Names of rooms and people, made fit to be spoken. Pure.

They are written by strangers: what is left is letters, digits and a few marks, and not many.
"""

import re
import unicodedata

from gateway.ivr.language import Language

_LONGEST = 40  # characters that are spoken
MOST_SPELLED = 20
"""Characters that are spelled: more nobody listens to."""

_BESIDES = " '-"  # what may stand in a name between letters and digits
_WORDS = re.compile(r"(?<=[a-zа-яё])(?=[A-ZА-ЯЁ])")  # inside of camelCase
_CYRILLIC = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
_LATIN = "a b v g d e e zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya"
_ROMAN = str.maketrans(
    {each: latin.strip("-") for each, latin in zip(_CYRILLIC, _LATIN.split(" "), strict=True)}
)
_WITHOUT_MARKS = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "æ": "ae", "œ": "oe", "đ": "d"})


def speakable(text: str) -> str:
    """What can be spoken of a name, as words; empty if nothing can."""
    composed = unicodedata.normalize("NFKC", text[:1000])
    words = _WORDS.sub(" ", re.sub(r"[_.+/\\]", " ", composed))
    kept = "".join(each for each in words if each.isalnum() or each in _BESIDES or each.isspace())
    said = " ".join(kept.split())[:_LONGEST].strip(_BESIDES)
    return said if any(each.isalnum() for each in said) else ""


def spellable(text: str, language: Language) -> str:
    """The letters and digits of a name that a caller of that language knows by name."""
    lower = speakable(text).lower().translate(_WITHOUT_MARKS)
    if language is not Language.RUSSIAN:
        lower = lower.translate(_ROMAN)
    plain = "".join(each if each in _CYRILLIC else _bare(each) for each in lower)
    return "".join(each for each in plain if each.isalnum())[:MOST_SPELLED]


def _bare(character: str) -> str:
    """A letter without its marks: e for é."""
    return "".join(
        each for each in unicodedata.normalize("NFKD", character) if not unicodedata.combining(each)
    )
