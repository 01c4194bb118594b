"""How long somebody spoke, and how loud: counted from levels that are known anyway."""

from audiocodecs.frames import SILENCE_LEVEL

SPEECH = 45
"""A frame as loud as this, in -dBov, or louder, is speech; softer ones are the room."""

_FRAME = 20  # ms


class TalkMeter:
    """Takes the level (RFC 6464: 0 to 127, in -dBov) of every frame of 20 ms."""

    __slots__ = ("_frames", "_sum")

    def __init__(self) -> None:
        self._frames = 0
        self._sum = 0

    def heard(self, level: int = SILENCE_LEVEL) -> None:
        """The next frame."""
        if level <= SPEECH:
            self._frames += 1
            self._sum += level

    @property
    def talk(self) -> int:
        """Milliseconds of speech."""
        return self._frames * _FRAME

    @property
    def level(self) -> float | None:
        """Its mean level in dBov, None if there was none."""
        return -self._sum / self._frames if self._frames else None
