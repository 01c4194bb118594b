"""Whether a source is as loud as it says: nobody who says nothing is to take a talker's place.

Levels are stated by who sends (RFC 6464), before anything is decoded, and anybody can state any.
Some senders state none. What a source of which that is not true counts as is what it sounded like.
No IO and no clock: time is counted in packets.
"""

from audiocodecs.frames import SILENCE_LEVEL

_FAR = 20  # dB: codecs, lost packets and levels of longer stretches make up for less
_FOR_SO_LONG = 25  # frames in a row: much longer than any jitter buffer holds its first word back
_REMEMBERED = 500  # packets: 10 s, then it may show again that it is worth hearing
_FALL = 1  # dB a frame: between two words nobody is silent at once


class Doubt:
    """Compares what one source states with what it sounds like; levels are in -dBov."""

    def __init__(self) -> None:
        self._heard = SILENCE_LEVEL
        self._softer = 0  # frames in a row
        self._left = 0  # packets that it is doubted for

    def heard(self, level: int, stated: int | None) -> None:
        """A frame has been decoded; `stated` is None if the source says nothing of its level."""
        self._heard = min(level, self._heard + _FALL, SILENCE_LEVEL)
        if level > (stated or 0) + _FAR:
            self._softer += 1
        else:
            self._softer = self._left = 0
        if self._softer >= _FOR_SO_LONG:
            self._left = _REMEMBERED

    def level(self, stated: int | None) -> int | None:
        """What the next packet counts as."""
        if not self._left:
            return stated
        self._left -= 1
        return max(stated or 0, self._heard)
