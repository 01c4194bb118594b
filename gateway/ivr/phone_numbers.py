"""The numbers that can be called, as Jitsi's phoneNumberList has them. No IO.

The web client takes an array of objects; older ones an object with the countries as keys, which it
still understands. The number it shows first is the one with `default`, else the first.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """`country` is ISO 3166-1's two letters; `number` is written as people shall read it."""

    country: str
    number: str
    toll_free: bool = False
    default: bool = False


def as_list(numbers: Iterable[PhoneNumber]) -> list[dict[str, object]]:
    """What the service answers."""
    told: list[dict[str, object]] = []
    for each in numbers:
        entry: dict[str, object] = {
            "countryCode": each.country,
            "tollFree": each.toll_free,
            "formattedNumber": each.number,
        }
        if each.default:
            entry["default"] = True
        told.append(entry)
    return told


def by_country(numbers: Iterable[PhoneNumber]) -> dict[str, object]:
    """The older form. Its first number is the one that is shown first."""
    countries: dict[str, list[str]] = {}
    for each in sorted(numbers, key=lambda number: not number.default):
        countries.setdefault(each.country, []).append(each.number)
    return {"message": "", "numbers": countries, "numbersEnabled": bool(countries)}
