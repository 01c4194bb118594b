"""Who of many is heard: the loudest few, by the audio levels of RFC 6464. No IO and no clock."""

from collections.abc import Mapping
from typing import Generic, TypeVar

K = TypeVar("K")

_ATTACK, _DECAY = 0.3, 0.03  # of a step towards the new level, each 20 ms
_ADVANTAGE = 6.0  # dB by which somebody has to be louder to take another's place
_QUIETEST = 127
_FORGOTTEN = 1.0  # so close to silence, who does not sound is nobody one knows


class Loudest(Generic[K]):
    """Chooses up to `most` voices, each 20 ms anew; who is chosen keeps the place for a while."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._loudness: dict[K, float] = {}
        self._chosen: set[K] = set()

    def choose(self, levels: Mapping[K, int | None]) -> set[K]:
        """The chosen among all that sound now; a level is in -dBov, None (unknown) counts as loud.

        At most one who is heard already gives way at a time.
        """
        self._follow(levels)  # whoever comes, the others are known then
        if len(levels) <= self._most:
            self._chosen = set(levels)
            return self._chosen
        chosen = self._chosen = {voice for voice in self._chosen if voice in levels}
        outside = sorted(
            (voice for voice in levels if voice not in chosen), key=self._loudness.__getitem__
        )
        while outside and len(chosen) < self._most:
            chosen.add(outside.pop())
        if outside:
            softest = min(chosen, key=self._loudness.__getitem__)
            if self._loudness[outside[-1]] > self._loudness[softest] + _ADVANTAGE:
                chosen.remove(softest)
                chosen.add(outside[-1])
        return chosen

    def _follow(self, levels: Mapping[K, int | None]) -> None:
        """Who does not sound is silent: one who sends nothing between two words comes back."""
        loudness = {
            voice: before * (1.0 - _DECAY)
            for voice, before in self._loudness.items()
            if voice not in levels and before > _FORGOTTEN
        }
        for voice, level in levels.items():
            now = float(_QUIETEST - (level or 0))
            before = self._loudness.get(voice, 0.0)
            loudness[voice] = before + (_ATTACK if now > before else _DECAY) * (now - before)
        self._loudness = loudness
