"""A key a second, as phones of the benchmark press it: as telephone-events (RFC 4733), or as tones.

Pure.
"""

import struct
from functools import cache

import numpy as np

from audiocodecs.frames import Samples
from audiocodecs.tones import dtmf
from gateway.bench.scenario import FRAMES

KEYS = "4826130597"
"""What is typed, over and over: never more than two keys of a PIN."""

_PRESSED = 5  # frames: 100 ms
_ENDS = 3  # packets with the end bit (section 2.5.1.4), the last of the key's own among them
_EVENT = struct.Struct("!BBH")
_VOLUME = 10  # -dBm0
_END = 0x80


class EventKeys:
    """Keys as telephone-events, frame by frame; the RTP clock has `frame` units in 20 ms."""

    def __init__(self, frame: int) -> None:
        self._frame = frame
        self._at = 0

    def next_frame(self) -> tuple[bytes, int] | None:
        """The payload in this frame's place, and how long ago its key was pressed, in units of the
        clock; None between two keys."""
        press, at = divmod(self._at, FRAMES)
        self._at += 1
        if at >= _PRESSED + _ENDS - 1:
            return None
        pressed = min(at + 1, _PRESSED)
        flags = _VOLUME | (_END if at >= _PRESSED - 1 else 0)
        code = int(KEYS[press % len(KEYS)])
        return _EVENT.pack(code, flags, pressed * self._frame), at * self._frame


@cache
def tones_over(line: bytes, rate: int) -> Samples:
    """A quiet `line` (int16 samples at `rate` Hz) with a key a second as a tone."""
    heard = np.frombuffer(line, np.int16).copy()
    for number, begin in enumerate(range(0, len(heard) - rate + 1, rate)):
        tone = dtmf(KEYS[number % len(KEYS)], _PRESSED / FRAMES, rate=rate)
        heard[begin : begin + len(tone)] = tone
    return heard
