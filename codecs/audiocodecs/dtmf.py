"""Key presses heard in audio: DTMF tones (ITU-T Q.23), found as receivers shall (Q.24).

Windows of 20 ms are looked at, one each 10 ms. A window has a key if two sines, one of the row's
and one of the column's frequency, explain nearly all of its energy. That is what tells keys from
speech, whose harmonics never come alone; and a window that is only partly filled fails as well, so
that durations come out right. Two such windows in a row are a press: a tone of 40 ms has them
wherever it begins, one of 23 ms has not.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples, silence
from audiocodecs.tones import COLUMNS, KEYS, ROWS

_HOP = 0.010  # seconds from one window to the next; a window has two of them
_OFFSETS = (-0.021, -0.014, -0.007, 0.0, 0.007, 0.014, 0.021)
"""Where a frequency is looked for. What is best at either end is off by more than 1.75 %; Q.24 has
1.5 % accepted and 3.5 % refused."""

_PURITY = 0.85  # of a window's energy that two sines have to explain
_LIKELY = 0.25  # of a window's energy that is to be at two of the eight frequencies themselves
_SOFTEST = 10.0 ** (-38.0 / 10.0)  # power of each sine over that of a full-scale square
_TWIST = 10.0 ** (8.0 / 10.0)  # how much more power one of the two may have
_PRESSED = 2  # windows in a row that make a press
_RELEASED = 4  # windows in a row without it that end one: 10 ms split none, 40 ms divide two


class Pressed(NamedTuple):
    """A press that is over; `duration` in seconds."""

    digit: str
    duration: float


@dataclass(frozen=True, slots=True)
class _Bank:
    """What is computed once for a sample rate; each frequency has a cosine and a sine.

    `nominal` are those of the eight frequencies, (window / 2, 32): those over the first half of a
    window, then those over its second half. `near` are those of every frequency that is looked for,
    (112, window). `inverses` are those of the Gram matrices of a row's and a
    column's frequency, (28, 28, 4, 4).
    """

    nominal: npt.NDArray[np.float32]
    near: npt.NDArray[np.float32]
    inverses: npt.NDArray[np.float32]


@cache
def _bank(rate: int) -> _Bank:
    time = np.arange(round(2 * _HOP * rate)) / rate
    frequencies = np.multiply.outer(ROWS + COLUMNS, 1.0 + np.array(_OFFSETS)).ravel()
    phases = 2.0 * np.pi * np.outer(frequencies, time)
    waves = np.stack((np.cos(phases), np.sin(phases)), axis=1)  # (56, 2, window)
    half = len(waves) // 2
    pairs = np.empty((half, half, 4, len(time)))
    pairs[:, :, :2] = waves[:half, None]
    pairs[:, :, 2:] = waves[None, half:]
    inverses = np.linalg.inv(pairs @ pairs.swapaxes(-1, -2))
    nominal = waves[len(_OFFSETS) // 2 :: len(_OFFSETS)].reshape(-1, len(time)).T
    nominal = np.concatenate(np.split(nominal, 2), axis=1)
    near = waves.reshape(-1, len(time))
    return _Bank(
        np.ascontiguousarray(nominal, np.float32),
        near.astype(np.float32),
        inverses.astype(np.float32),
    )


def find_key(window: npt.NDArray[np.float32], rate: int) -> str | None:
    """The key whose tones fill this window of 20 ms; None if they do not."""
    bank, count = _bank(rate), len(_OFFSETS)
    projections = (bank.near @ window).reshape(2, len(ROWS) * count, 2)
    powers = np.einsum("ijk,ijk->ij", projections, projections)
    row, column = (int(best) for best in np.argmax(powers, axis=1) // count)
    rows = slice(row * count, (row + 1) * count)
    columns = slice(column * count, (column + 1) * count)
    both = np.empty((count, count, 4), np.float32)
    both[:, :, :2] = projections[0, rows, None]
    both[:, :, 2:] = projections[1, None, columns]
    amplitudes = np.einsum("ijkl,ijl->ijk", bank.inverses[rows, columns], both)
    explained = np.einsum("ijk,ijk->ij", amplitudes, both)
    best = int(np.argmax(explained))
    if explained.flat[best] < _PURITY * float(np.dot(window, window)):
        return None
    if not all(0 < offset < count - 1 for offset in divmod(best, count)):
        return None
    squares = amplitudes.reshape(-1, 4)[best] ** 2 / 2.0 / 32767.0**2
    low, high = float(squares[:2].sum()), float(squares[2:].sum())
    if min(low, high) < _SOFTEST or max(low, high) > _TWIST * min(low, high):
        return None
    return KEYS[row][column]


class _Half(NamedTuple):
    """Half of a window: its samples, their energy, and how much of the eight frequencies is in it,
    as (32,), see `_Bank`."""

    samples: npt.NDArray[np.float32]
    energy: float
    projections: npt.NDArray[np.float32]


class DtmfReceiver:
    """The key presses in the audio of one line at `rate` Hz, told when they are over."""

    def __init__(self, rate: int) -> None:
        self.is_sounding = False
        """Whether the last frame has a key, be it too short yet for a press."""
        self._rate = rate
        self._hop = round(_HOP * rate)
        self._loud = 2.0 * _SOFTEST * 2 * self._hop * 32767.0**2
        self._last = self._halves(silence(2 * self._hop))[1]  # of the next window
        self._key: str | None = None
        self._windows = 0  # from the first to the last that had the key
        self._missing = 0  # windows since then

    def receive(self, frame: Samples) -> list[Pressed]:
        """Take the next frame, of 20 ms; the presses that end in it."""
        first, second = self._halves(frame)
        pressed: list[Pressed] = []
        self.is_sounding = self._is_press
        for window in ((self._last, first), (first, second)):
            key = None
            if self._may_have_key(*window):
                key = find_key(np.concatenate([half.samples for half in window]), self._rate)
            pressed += self._released() if key is None else self._heard(key)
            self.is_sounding |= key is not None
        self._last = second
        return pressed

    def _halves(self, frame: Samples) -> tuple[_Half, _Half]:
        wide = frame.astype(np.float32).reshape(2, self._hop)
        first, second = wide
        projections = wide @ _bank(self._rate).nominal
        return (
            _Half(first, float(np.dot(first, first)), projections[0]),
            _Half(second, float(np.dot(second, second)), projections[1]),
        )

    def _may_have_key(self, first: _Half, second: _Half) -> bool:
        """Whether a window is worth a closer look: little of speech is."""
        energy = first.energy + second.energy
        if energy < self._loud:
            return False
        both = first.projections[:16] + second.projections[16:]
        squares = (both * both).tolist()  # sixteen numbers are added up faster by themselves
        powers = [cosine + sine for cosine, sine in zip(squares[::2], squares[1::2], strict=True)]
        likely: bool = max(powers[:4]) + max(powers[4:]) >= _LIKELY * self._hop * energy
        return likely

    @property
    def _is_press(self) -> bool:
        return self._windows >= _PRESSED

    def _heard(self, key: str) -> list[Pressed]:
        ended = self._end() if key != self._key else []
        if self._missing and not self._is_press:
            self._windows = self._missing = 0
        self._key = key
        self._windows += self._missing + 1
        self._missing = 0
        return ended

    def _released(self) -> list[Pressed]:
        self._missing += 1
        return self._end() if self._missing == _RELEASED else []

    def _end(self) -> list[Pressed]:
        key, lasted = self._key, (self._windows + 1) * _HOP
        pressed = [Pressed(key, round(lasted, 3))] if key is not None and self._is_press else []
        self._key, self._windows, self._missing = None, 0, 0
        return pressed
