"""The music for who waits: our own composition, played by our own instrument. Pure.

It is made for telephones: no partial is outside of what G.711 lines carry, the key is one in which
no two notes are a key of a telephone (D major has none near 697, 770, 852 and 941 Hz), and every
note fades and beats, so that no line takes it for a signalling tone or for noise. Its end leads
into its beginning.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples

RATE = 16000

_Wave = npt.NDArray[np.float64]

_LOWEST, _HIGHEST = 310.0, 3300.0  # Hz: partials outside are left out
_BEAT = 0.375  # seconds: eighths at 80 a minute
_BAR = 8  # beats
_RINGS = 4.5  # seconds until a note is over
_PARTIALS = (1.0, 0.42, 0.2, 0.11, 0.06, 0.035, 0.02)
_DETUNED, _ITS_SHARE = 1.0016, 0.65  # a second string, so that each note beats
_FADING, _DAMPING = 0.55, 0.45  # a second: of the whole string, and more for each partial
_ATTACK, _RELEASE = 0.012, 0.3  # seconds
_PEAK = 12000.0  # of int16; how loud it is heard is settled where it is played


@dataclass(frozen=True, slots=True)
class Note:
    """A note at so many beats from the beginning; `pitch` is a MIDI number, 69 is 440 Hz."""

    beat: float
    pitch: int
    loudness: float


# A bar each: the bass, and what is above it from low to high.
_CHORDS = (
    (50, (66, 69, 73, 74, 78)),  # D major seventh
    (47, (66, 69, 71, 74, 78)),  # B minor seventh
    (55, (67, 71, 74, 78, 79)),  # G major seventh
    (45, (64, 69, 74, 76, 81)),  # A, suspended
    (54, (66, 69, 73, 76, 78)),  # F sharp minor seventh
    (47, (66, 71, 74, 76, 78)),  # B minor, with the fourth
    (52, (67, 71, 74, 78, 79)),  # E minor ninth
    (45, (67, 69, 73, 76, 79)),  # A seventh, which leads back to D
)
_ARPEGGIOS = ((0, 2, 1, 3, 2, 4, 3, 1), (1, 3, 2, 4, 3, 2, 1, 2))  # first and second time
_ACCENTS = (1.0, 0.72, 0.8, 0.72, 0.92, 0.72, 0.8, 0.76)
# Over the second time, a bar each: beats and pitches.
_MELODY = (
    ((0, 81), (6, 83)),
    ((0, 86), (5, 85)),
    ((0, 83), (6, 81)),
    ((0, 81), (4, 76)),
    ((0, 78), (6, 81)),
    ((0, 83), (5, 81)),
    ((0, 79), (6, 78)),
    ((0, 76),),
)


def score() -> Iterator[Note]:
    """The composition: eight chords, twice; the second time with a melody above."""
    for turn, arpeggio in enumerate(_ARPEGGIOS):
        for number, (bass, above) in enumerate(_CHORDS):
            begin = (turn * len(_CHORDS) + number) * _BAR
            yield Note(begin, bass, 1.0)
            yield Note(begin + _BAR / 2, bass + 12, 0.6)
            for beat, (step, accent) in enumerate(zip(arpeggio, _ACCENTS, strict=True)):
                yield Note(begin + beat, above[step], 0.8 * accent)
            if turn:
                for beat, pitch in _MELODY[number]:
                    yield Note(begin + beat, pitch, 0.6)


def seconds() -> float:
    """How long it is until it begins anew."""
    return len(_ARPEGGIOS) * len(_CHORDS) * _BAR * _BEAT


def composed() -> Samples:
    """One turn of it, mono at 16 kHz: what still rings at the end is in the beginning."""
    turn = np.zeros(round(seconds() * RATE))
    for note in score():
        rung = _string(note.pitch) * note.loudness
        at = round(note.beat * _BEAT * RATE)
        until_end = min(len(rung), len(turn) - at)
        turn[at : at + until_end] += rung[:until_end]
        turn[: len(rung) - until_end] += rung[until_end:]
    return np.asarray(np.rint(turn * (_PEAK / np.abs(turn).max())), np.int16)


@cache
def _string(pitch: int) -> _Wave:
    """A note as it is played: each partial with its own decay, the high ones shorter."""
    frequency = 440.0 * 2.0 ** ((pitch - 69) / 12)
    time = np.arange(round(_RINGS * RATE)) / RATE
    wave = np.zeros(len(time))
    for tuning, loudness in ((1.0, 1.0), (_DETUNED, _ITS_SHARE)):
        first = np.exp((2j * np.pi * frequency * tuning - _DAMPING) * time)
        partial = loudness * np.exp(-_FADING * time)
        for number, share in enumerate(_PARTIALS, 1):
            partial = partial * first  # its power: as many times the frequency, and the damping
            if _LOWEST < number * frequency < _HIGHEST:
                wave += share * partial.imag
    ramps = np.minimum(1.0, np.minimum(time / _ATTACK, time[::-1] / _RELEASE))
    return np.asarray(wave * (0.5 - 0.5 * np.cos(np.pi * ramps)))
