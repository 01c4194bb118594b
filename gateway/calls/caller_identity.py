"""Who calls, and how much of that a conference is shown. Pure.

Numbers are personal: everybody in a room, and whoever watches its stream, reads the list of
participants. A trunk may show them in part, or not at all.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

NAMELESS = "Phone"
ANONYMOUS = "Anonymous"

# Marks that turn the direction of writing would turn the list of participants around as well;
# octets that are no UTF-8 (surrogates here, see `sip/message.py`) nobody can read.
_UNSHOWN = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# Five digits and more, however they are set apart, are taken for a number wherever they stand.
_BETWEEN = r"[\W_]{0,3}"
_NUMBER = re.compile(rf"\+?\(?\d(?:{_BETWEEN}\d){{4,}}")
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_SHORTEST_TAIL = 5  # digits that a number must have for its last two to be shown

# ITU-T E.164: zones 1 and 7 are one country code each; these have two digits, the others three.
_TWO_DIGITS = {20, 27, *range(30, 35), 36, 39, 40, 41, *range(43, 50), *range(51, 59)} | {
    *range(60, 67),
    *(81, 82, 84, 86),
    *range(90, 96),
    98,
}


class ShowCaller(StrEnum):
    """How much of a caller the conference is shown."""

    FULL = "full"  # its name, else its number
    MASKED = "masked"  # its name, else its number but for country and last two digits
    NAME = "name"  # its name, and never a number


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """The name and the user part (often a number) that a call gives; both empty if withheld."""

    name: str
    user: str
    is_withheld: bool = False

    @classmethod
    def of(cls, name: str, user: str) -> "CallerIdentity":
        """A display name and a user part as a header has them."""
        name = _UNSHOWN.sub("", name).strip()
        return cls(name, _UNSHOWN.sub("", user).partition(";")[0].strip())

    @property
    def full(self) -> str:
        """The name, else the user part; for the operator's eyes. Empty if there is neither."""
        return ANONYMOUS if self.is_withheld else self.name or self.user

    def shown(self, how: ShowCaller) -> str:
        """What the conference is shown; never empty."""
        if how is ShowCaller.MASKED and not self.is_withheld:
            return masked(self.full) or NAMELESS
        if how is ShowCaller.NAME and not self.is_withheld:
            return without_numbers(self.name) or without_numbers(self.user) or NAMELESS
        return self.full or NAMELESS


UNKNOWN = CallerIdentity("", "")
WITHHELD = CallerIdentity("", "", is_withheld=True)


def masked(text: str) -> str:
    """The text with the numbers in it masked: `+43 *** **12`, or `*** **12` without a country."""
    if _is_number(text):
        return _mask(text)
    return _NUMBER.sub(lambda match: _mask(match.group()), text)


def without_numbers(text: str) -> str:
    """What is left of a name without the numbers in it; empty if that is no name."""
    if _is_number(text):
        return ""
    left = " ".join(_NUMBER.sub(" ", text).split()).strip(" -,;:/()<>\"'+")
    return left if _LETTER.search(left) else ""


def _is_number(text: str) -> bool:
    """Whether nothing else is in it, however short it is."""
    return _DIGIT.search(text) is not None and _LETTER.search(text) is None


def _mask(number: str) -> str:
    digits = "".join(str(unicodedata.decimal(each)) for each in number if each.isdecimal())
    is_international = number.lstrip(" (").startswith("+") or digits.startswith("00")
    digits = digits.removeprefix("00") if is_international else digits
    country = _country_code(digits) if is_international else ""
    rest = digits.removeprefix(country)
    tail = rest[-2:] if len(rest) >= _SHORTEST_TAIL else ""
    return f"{'+' if country else ''}{country} *** **{tail}".strip()


def _country_code(digits: str) -> str:
    if digits[:1] in ("1", "7"):
        return digits[:1]
    return digits[:2] if int(digits[:2] or 0) in _TWO_DIGITS else digits[:3]
