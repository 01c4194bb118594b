"""Ears for whole calls: which prompts were heard, in which order, and how far.

A recording is laid beside all shipped prompts of some languages, as a G.711 phone hears them.
First each as a whole by its low tones, which tells cheaply where it may be; then, there, piece by
piece at full rate, since real phones stretch and leave out. What is explained by a longer prompt is
not a shorter one as well ("has joined" in "Somebody has joined").
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples
from audiocodecs.g711 import PCMU
from gateway.ivr.language import Language
from gateway.ivr.prompt import Counted
from gateway.ivr.texts import Texts
from tests.helpers.prompts import find, prompt

RATE = 8000

_PIECE = RATE // 4
_FEWEST = 2  # pieces with words in them: what is shorter cannot be told from other words
_WORDS = 1000  # sample steps: a piece that is nowhere louder is a pause
_ALIKE = 0.8  # of a piece: half of other words of the same voice stay below 0.7
_SHIFT = RATE // 4  # samples that a piece may be moved by what a phone leaves out or stretches
_MOST = 0.6  # of a prompt's pieces: who has heard so many and the end has heard it

_THINNED = 4  # samples of which one is left where only low tones are looked at
_BLOCK = 1 << 14
_MAYBE = 0.2  # likeness of low tones below which a prompt need not be looked at closely

Floats = npt.NDArray[np.float32]
Spectrum = npt.NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Heard:
    """A prompt in a recording, from `at` to `until` in seconds of it; `seconds` of it were found,
    which is a `share` of the prompt. It goes `to_the_end` if a piece of its last third is there."""

    language: str
    name: str
    at: float
    until: float
    seconds: float
    share: float
    to_the_end: bool

    @property
    def is_whole(self) -> bool:
        """Whether it was heard, and not broken off."""
        return self.share >= _MOST and self.to_the_end


def transcript(heard: Samples, *languages: str) -> list[Heard]:
    """What is said in a recording (8 kHz), in its order. Sentences with numbers, digits and letters
    are not looked for."""
    low = _LowTones(heard)
    found = [
        each
        for language in languages
        for words in _dictionary(language)
        for at in low.places(words)
        if (each := words.heard_at(at, heard)) is not None
    ]
    kept: list[Heard] = []
    for each in sorted(found, key=_explained, reverse=True):
        if all(each.until <= other.at or other.until <= each.at for other in kept):
            kept.append(each)
    return sorted(kept, key=lambda each: each.at)


def read_prompts(languages: Iterable[str]) -> None:
    """Read what is looked for: that takes a second or two a language, the first time."""
    for language in languages:
        _dictionary(language)


def prompts_in(heard: Samples, *languages: str) -> list[str]:
    """The prompts that are heard whole, in order: `de:greeting`."""
    found = transcript(heard, *languages)
    return [f"{each.language}:{each.name}" for each in found if each.is_whole]


def _explained(found: Heard) -> float:
    """Seconds of the recording that are explained: not those between pieces that lie apart."""
    return found.seconds * found.share


class _Words:
    """A prompt as it is looked for."""

    def __init__(self, language: str, name: str) -> None:
        self._language = language
        self._name = name
        self._samples = PCMU.decode(PCMU.encode(prompt(language, name, RATE)))
        starts = range(0, len(self._samples) - _PIECE + 1, _PIECE)
        self.pieces = [at for at in starts if self._is_loud(at)]
        low = _low(self._samples)
        self.size = len(low)
        self.spectrum: Spectrum = np.conj(np.fft.rfft(low, _BLOCK))
        self.energy = float(np.dot(low, low))

    def heard_at(self, at: int, heard: Samples) -> Heard | None:
        """The prompt where it may be, if some of it is there."""
        places = [self._place(piece, at, heard) for piece in self.pieces]
        found = [place for place in places if place is not None]
        if len(found) < _FEWEST:
            return None
        return Heard(
            self._language,
            self._name,
            min(found) / RATE,
            (max(found) + _PIECE) / RATE,
            len(found) * _PIECE / RATE,
            len(found) / len(self.pieces),
            to_the_end=any(place is not None for place in places[-(len(places) // 3) or -1 :]),
        )

    def _place(self, piece: int, at: int, heard: Samples) -> int | None:
        """Where a piece is, not far from where it should be."""
        begin = max(at + piece - _SHIFT, 0)
        near = heard[begin : at + piece + _PIECE + _SHIFT]
        found = find(self._samples[piece : piece + _PIECE], near, RATE)
        return begin + round(found.at * RATE) if found.likeness > _ALIKE else None

    def _is_loud(self, at: int) -> bool:
        return int(np.abs(self._samples[at : at + _PIECE]).max()) > _WORDS


@cache
def _dictionary(language: str) -> tuple[_Words, ...]:
    numbered = tuple(f"{what}-" for what in Counted)
    names = Texts.of(Language(language)).recordings()
    words = (_Words(language, name) for name in names if not name.startswith(numbered))
    return tuple(each for each in words if len(each.pieces) >= _FEWEST)


class _LowTones:
    """The low tones of a recording, in blocks whose spectra are worked out once."""

    def __init__(self, heard: Samples) -> None:
        self._wave = _low(heard)
        sums = np.cumsum(self._wave.astype(np.float64) ** 2)
        self._energies = np.concatenate(([0.0], sums))
        self._spectra: dict[int, Spectrum] = {}

    def places(self, words: _Words) -> Iterator[int]:
        """Where a prompt may begin, in samples of the recording: the best place in each of its own
        lengths."""
        likeness = self._likeness(words)
        for begin in range(0, len(likeness), words.size):
            best = begin + int(likeness[begin : begin + words.size].argmax())
            if likeness[best] > _MAYBE:
                yield best * _THINNED

    def _likeness(self, words: _Words) -> npt.NDArray[np.float64]:
        """How like a prompt it is, wherever that might begin or have begun."""
        size = words.size
        count = len(self._wave)
        step = _BLOCK - size
        parts = [
            np.fft.irfft(self._spectrum(at) * words.spectrum, _BLOCK)[:step]
            for at in range(0, count, step)
        ]
        if not parts:
            return np.zeros(0)
        ends = np.minimum(np.arange(count) + size, count)
        energies = self._energies[ends] - self._energies[:count]
        correlation: npt.NDArray[np.float64] = np.concatenate(parts)[:count]
        return correlation / np.sqrt(np.maximum(energies, words.energy / 100) * words.energy)

    def _spectrum(self, at: int) -> Spectrum:
        if at not in self._spectra:
            self._spectra[at] = np.fft.rfft(self._wave[at : at + _BLOCK], _BLOCK)
        return self._spectra[at]


def _low(samples: Samples) -> Floats:
    """What is below 1 kHz, with as many samples as that needs."""
    count = len(samples) // _THINNED
    if count == 0:
        return np.zeros(0, np.float32)
    spectrum = np.fft.rfft(samples[: count * _THINNED].astype(np.float32))
    wave = np.fft.irfft(spectrum[: count // 2 + 1], count)
    return wave.astype(np.float32)
