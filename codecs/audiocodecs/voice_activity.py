"""Whether somebody speaks, told from the levels of a line's frames alone (RFC 6464).

Speech stands out from the noise of its line, so the noise floor is followed: it is the lowest that
the smoothed level has been lately, and rises slowly, so that a long word does not become noise.
It errs towards speech: a frame too many costs a few octets, a missing one a syllable.
"""

from collections import deque

_QUIETEST = 84.0  # -dBov: the noise floor is never taken for lower
_LOUD = 25  # -dBov: louder than this no noise is; hold music and fax tones are
_INAUDIBLE = 78  # -dBov: softer than this nobody would hear a word
_MARGIN = 5.0  # dB above the floor: the fluctuations of coloured noise stay below
_SMOOTHING = 0.1  # of a new frame in the smoothed level: 200 ms
_BLOCK = 25  # frames; the floor is the minimum of the last blocks
_BLOCKS = 6  # 3 s: nobody speaks for so long without taking breath
_RISE = 0.16  # dB a frame: 8 dB/s
_HANGOVER = 25  # frames that follow speech: 500 ms hold the soft end of a word
_SHORT_HANGOVER = 5  # frames that follow something too short for speech, a click
_SPEECH = 3  # active frames that make it speech
_GAP = 25  # frames: what is not of the line for longer is a pause, after which it is known anew


class VoiceActivity:
    """Voice activity of one line of 20 ms frames."""

    def __init__(self) -> None:
        self.is_active = False
        self._floor = _QUIETEST
        self._smoothed: float | None = None
        self._minima: deque[float] = deque(maxlen=_BLOCKS)  # as levels: the largest -dBov
        self._block = 0.0
        self._frames = 0
        self._run = 0  # frames in a row that stood out
        self._hangover = 0
        self._filled = 0  # frames in a row that were not of the line

    @property
    def noise(self) -> float:
        """The level of the line's noise, in -dBov."""
        return self._floor

    def update(self, level: int, *, is_filled: bool = False) -> bool:
        """Take the level of the next frame, in -dBov; whether it has to be heard.

        One that `is_filled`, in place of lost packets say, tells nothing about the line's noise.
        """
        self._filled = self._filled + 1 if is_filled else 0
        if not 0 < self._filled <= _GAP:
            self._follow_noise(min(float(level), _QUIETEST))
        if level <= _LOUD or (level <= _INAUDIBLE and level < self._floor - _MARGIN):
            self._run += 1
            length = _HANGOVER if self._run >= _SPEECH else _SHORT_HANGOVER
            self._hangover = max(self._hangover, length)
            self.is_active = True
        else:
            self._run = 0
            self.is_active = self._hangover > 0
            self._hangover = max(self._hangover - 1, 0)
        return self.is_active

    def _follow_noise(self, level: float) -> None:
        before = level if self._smoothed is None else self._smoothed
        self._smoothed = before + _SMOOTHING * (level - before)
        self._block = max(self._block, self._smoothed)
        self._frames += 1
        if self._frames == _BLOCK:
            self._minima.append(self._block)
            self._block, self._frames = 0.0, 0
        lowest = max(self._block, max(self._minima, default=_QUIETEST))
        self._floor = max(lowest, self._floor - _RISE)
