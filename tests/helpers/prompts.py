"""Ears for words: which prompts are in what was heard, by their own samples?"""

import zipfile
from dataclasses import dataclass
from functools import cache

import numpy as np

from audiocodecs.audio_files import decode
from audiocodecs.frames import Samples
from audiocodecs.resampling import narrowed
from gateway.ivr.texts import PACKS


@dataclass(frozen=True, slots=True)
class Found:
    """Where something is most likely, in seconds, and how like it is: 1 if it is the same.

    `gain` is what it has to be multiplied with.
    """

    at: float
    likeness: float
    gain: float


@cache
def prompt(language: str, name: str, rate: int) -> Samples:
    """A shipped recording at 8000 or 16000 Hz."""
    with zipfile.ZipFile(PACKS / f"{language}.zip") as archive:
        wide = decode(archive.read(f"{name}.opus"), 16000)
    return narrowed(wide) if rate == 8000 else wide


def find(words: Samples, heard: Samples, rate: int) -> Found:
    """The place in `heard` that is most like `words`: by the normalised cross-correlation."""
    size = len(words)
    if len(heard) < size or not words.any():
        return Found(0.0, 0.0, 0.0)
    wanted, wide = words.astype(float), heard.astype(float)
    length = 1 << (len(wide) + size).bit_length()
    product = np.fft.rfft(wide, length) * np.conj(np.fft.rfft(wanted, length))
    correlation = np.fft.irfft(product, length)[: len(wide) - size + 1]
    sums = np.concatenate(([0.0], np.cumsum(wide**2)))
    energies = sums[size:] - sums[:-size]
    own = float(np.dot(wanted, wanted))
    likeness = correlation / np.sqrt(np.maximum(energies, own * 1e-4) * own)
    at = int(likeness.argmax())
    return Found(at / rate, float(likeness[at]), float(correlation[at]) / own)


def share_of_words(words: Samples, heard: Samples, rate: int) -> float:
    """How much (0..1) of `words` is heard: in pieces, since real phones stretch and leave out.

    Sentences that have words in common are alike to up to 0.6.
    """
    size = rate // 4
    pieces = [words[at : at + size] for at in range(0, len(words) - size + 1, size)]
    loud = [piece for piece in pieces if np.abs(piece).max() > 1000]
    found = sum(find(piece, heard, rate).likeness > _ALIKE for piece in loud)
    return found / len(loud)


_ALIKE = 0.8  # of a quarter of a second: half of other words of the same voice stay below 0.7
