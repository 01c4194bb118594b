"""What is heard of a phone in its pauses, if it says by comfort noise what they sound like.

Its noise goes on where its voice ends, so that a pause between words does not sound like a dead
line, and fades away: a phone that is silent for longer costs the conference nothing.
"""

from audiocodecs.comfort_noise import ComfortNoise, NoiseGenerator
from audiocodecs.frames import Samples

_LASTS = 100  # frames of 20 ms
_LOUDEST = 40  # -dBov: whatever a phone claims


class PauseNoise:
    """The noise of one stream; `seed` makes it the same again."""

    def __init__(self, payload: bytes, seed: int) -> None:
        self._generator = NoiseGenerator(_limited(payload), seed)
        self._frames = 0  # in this pause

    def tell(self, payload: bytes) -> None:
        """Another payload of the phone's. ValueError: it is empty."""
        noise = _limited(payload)
        if noise != self._generator.noise:
            self._generator.noise = noise

    def fill(self, frame: Samples) -> Samples:
        """The frame itself while there is anything in it; the noise in a pause."""
        if frame.any():
            self._frames = 0
            return frame
        if self._frames >= _LASTS:
            return frame
        gain = 1.0 - self._frames / _LASTS
        self._frames += 1
        return (self._generator.generate(len(frame)) * gain).astype(frame.dtype)


def _limited(payload: bytes) -> ComfortNoise:
    noise = ComfortNoise.parse(payload)
    return ComfortNoise(max(noise.level, _LOUDEST), noise.reflections)
