"""A bad network with a seed: the same losses, delays and doubles every time."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Link:
    """`loss` and `duplicate` are probabilities; `delay` and `jitter` are seconds.

    Each packet is delayed by `delay` plus a uniformly random part of `jitter`; a jitter larger
    than the packets' spacing reorders them.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.010
    jitter: float = 0.0
    seed: int = 1

    def carry(self, sent: Iterable[tuple[float, Item]]) -> list[tuple[float, Item]]:
        """What was sent when, as what arrives when, in order of arrival."""
        dice = random.Random(self.seed)
        arrived: list[tuple[float, Item]] = []
        for time, item in sent:
            if dice.random() < self.loss:
                continue
            copies = 2 if dice.random() < self.duplicate else 1
            arrived += [
                (time + self.delay + dice.random() * self.jitter, item) for _ in range(copies)
            ]
        return sorted(arrived, key=lambda arrival: arrival[0])
