"""What a bad network does to packets, by dice with a seed: it does the same every time."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to each packet: `loss`, `duplicate` and `reorder` are probabilities.

    `jitter` is the longest delay in seconds, each packet's its own random part of it; a reordered
    packet waits `hold` seconds, so that the next one overtakes it. Lost packets come in runs of
    `burst` on average (two states, as Gilbert has them); None: each is lost for itself.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    jitter: float = 0.0
    hold: float = 0.025
    burst: float | None = None


class Forecast:
    """Says of one packet after the other what becomes of it."""

    def __init__(self, weather: Weather, dice: random.Random) -> None:
        self._weather = weather
        self._dice = dice
        self._losing = False

    def delays(self) -> list[float]:
        """The delay of each copy of the next packet, in seconds; none if it is lost."""
        weather = self._weather
        self._losing = self._dice.random() < self._loss()
        if self._losing:
            return []
        copies = 2 if self._dice.random() < weather.duplicate else 1
        return [self._delay() for _ in range(copies)]

    def _loss(self) -> float:
        """The probability that the next packet is lost."""
        loss, burst = self._weather.loss, self._weather.burst
        if burst is None:
            return loss
        if self._losing:
            return 1.0 - 1.0 / burst
        return loss / (burst * (1.0 - loss))

    def _delay(self) -> float:
        delay = self._dice.random() * self._weather.jitter
        if self._dice.random() < self._weather.reorder:
            delay += self._weather.hold
        return delay
