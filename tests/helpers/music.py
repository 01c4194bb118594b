"""Ears for music: is what was heard the music for who waits, by its own samples, and where?"""

from functools import cache

import numpy as np

from audiocodecs.audio_files import decode
from audiocodecs.frames import Samples
from audiocodecs.loop import looped
from audiocodecs.resampling import narrowed
from gateway.ivr.build_music import FILE
from tests.helpers.prompts import Found, find


@cache
def music(rate: int) -> Samples:
    """A turn of the shipped music at 8000 or 16000 Hz."""
    wide = decode(FILE.read_bytes(), 16000)
    return looped(narrowed(wide) if rate == 8000 else wide, rate)


def place_in_music(heard: Samples, rate: int) -> Found:
    """Where in its turn the music is as in a second or less that was heard; what it is like there,
    and the gain from what was heard to the file."""
    turn = music(rate)
    return find(heard, np.concatenate((turn, turn[:rate])), rate)


def hears_music(heard: Samples, rate: int) -> bool:
    """Whether the last quarter of a second is music and nothing else."""
    return len(heard) >= rate // 4 and place_in_music(heard[-rate // 4 :], rate).likeness > 0.9


def music_was_heard(heard: Samples, rate: int) -> bool:
    """Whether any half of a second is music."""
    size = rate // 2
    pieces = (heard[at : at + size] for at in range(0, len(heard) - size + 1, size))
    return any(place_in_music(piece, rate).likeness > 0.8 for piece in pieces)
