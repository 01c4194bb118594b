"""Ears for music: is what was heard the music for who waits, by its own samples, and where?"""

from functools import cache

import numpy as np

from audiocodecs.audio_files import decode
from audiocodecs.frames import Samples
from audiocodecs.loop import looped
from audiocodecs.resampling import narrowed
from gateway.ivr.build_music import FILE
from tests.helpers.prompts import Found, find

_THINNED = 4
_NEAR = 0.05  # seconds


@cache
def music(rate: int) -> Samples:
    """A turn of the shipped music at 8000 or 16000 Hz."""
    wide = decode(FILE.read_bytes(), 16000)
    return looped(narrowed(wide) if rate == 8000 else wide, rate)


def place_in_music(heard: Samples, rate: int) -> Found:
    """Where in its turn the music is as in a second or less that was heard, how like it is there,
    and the gain from what was heard to the file."""
    coarse = find(_low(heard), _low_music(rate), rate // _THINNED)
    around = max(0, round((coarse.at - _NEAR) * rate))
    near = _once_more(rate)[around : around + len(heard) + round(2 * _NEAR * rate)]
    exact = find(heard, near, rate)
    return Found(around / rate + exact.at, exact.likeness, exact.gain)


def hears_music(heard: Samples, rate: int) -> bool:
    """Whether the last quarter of a second is music and nothing else."""
    return len(heard) >= rate // 4 and place_in_music(heard[-rate // 4 :], rate).likeness > 0.9


def music_was_heard(heard: Samples, rate: int) -> bool:
    """Whether any half of a second is music."""
    size = rate // 2
    pieces = (heard[at : at + size] for at in range(0, len(heard) - size + 1, size))
    return any(place_in_music(piece, rate).likeness > 0.8 for piece in pieces)


@cache
def _once_more(rate: int) -> Samples:
    """A turn and the second after it."""
    return np.concatenate((music(rate), music(rate)[:rate]))


@cache
def _low_music(rate: int) -> Samples:
    return _low(_once_more(rate))


def _low(samples: Samples) -> Samples:
    """The low tones, with as many samples as these need: for a first look."""
    count = len(samples) // _THINNED
    spectrum = np.fft.rfft(samples[: count * _THINNED].astype(float))
    return np.asarray(np.fft.irfft(spectrum[: count // 2 + 1], count) / _THINNED, np.int16)
