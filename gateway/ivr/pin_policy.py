"""How PINs are drawn, and how long they are: nobody must hit one by guessing.

A PIN of n digits is one of 9 * 10**(n-1), each as likely: the first digit is no zero, since PINs
are numbers in JSON. Of each length only so many are given out that a guess hits one of them at
most once in `odds`; when they are used up, new ones have a digit more.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.errors import GatewayError

SHORTEST = 4
LONGEST = 15  # digits that JavaScript's numbers say exactly


class NoPinLeft(GatewayError):
    """There are as many rooms with PINs as there may be."""


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """`digits` is the length of PINs while there are few. A guess of any length hits one of ours
    at most once in `odds`. There are `most_rooms` with a PIN at most."""

    digits: int = 9
    odds: int = 100_000
    most_rooms: int = 100_000

    def most(self, length: int) -> int:
        """How many PINs of this length may be given out."""
        return space(length) // self.odds

    def length(self, given: Mapping[int, int]) -> int:
        """How long the next one is, where so many of each length are given out.

        NoPinLeft if there may be no more.
        """
        if sum(given.values()) < self.most_rooms:
            for length in range(self.digits, LONGEST + 1):
                if given.get(length, 0) < self.most(length):
                    return length
        raise NoPinLeft(f"{sum(given.values())} rooms have PINs")


def space(length: int) -> int:
    """How many PINs of this length there are."""
    return 9 * int(10 ** (length - 1))


def draw(length: int) -> str:
    """One of them, that nobody can foretell."""
    return str(10 ** (length - 1) + secrets.randbelow(space(length)))
