"""Is it there, and without a hole? Looking for tones and for speech in what was recorded."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples

_WINDOW = 0.020
_STEP = 0.005
_PRESENT = 0.25  # of the tone's usual amplitude: below that it is not heard
_AUDIBLE = 60.0  # amplitude in 16-bit units below which there is nothing to hear


@dataclass(frozen=True, slots=True)
class Heard:
    """A pulsed tone in a recording; times are seconds of media time.

    `amplitude` is its usual peak in 16-bit units (0 if it is not there), `share` how much of the
    time it sounds, `longest_absence` its longest pause between its first and last sounding.
    """

    amplitude: float
    share: float
    longest_absence: float

    @property
    def is_present(self) -> bool:
        return self.amplitude > 0.0


NOT_HEARD = Heard(0.0, 0.0, 0.0)


def listen_for(frequency: float, samples: Samples, rate: int) -> Heard:
    """Look for a (pulsed) tone of `frequency` Hz."""
    envelope = _envelope(frequency, samples, rate)
    if not len(envelope):
        return NOT_HEARD
    # The usual amplitude: what the loudest third of the windows reaches.
    amplitude = float(np.quantile(envelope, 0.8))
    if amplitude < _AUDIBLE:
        return NOT_HEARD
    sounding = envelope > _PRESENT * amplitude
    at = np.flatnonzero(sounding)
    pauses = np.diff(at) - 1
    longest = int(pauses.max(initial=0)) * _STEP
    span = at[-1] - at[0] + 1
    # A pause shows shorter by the window that reaches into it from both sides.
    return Heard(amplitude, len(at) / span, longest + _WINDOW if longest else 0.0)


def _envelope(frequency: float, samples: Samples, rate: int) -> npt.NDArray[np.float64]:
    """The tone's amplitude in windows of 20 ms, one each 5 ms."""
    window, step = round(_WINDOW * rate), round(_STEP * rate)
    if len(samples) < window:
        return np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(samples, window)[::step]
    taper = np.hanning(window)
    probe = np.exp(-2j * np.pi * frequency * np.arange(window) / rate) * taper
    return np.asarray(np.abs(windows @ probe) * 2 / taper.sum())


@dataclass(frozen=True, slots=True)
class Found:
    """Where a recording matches what was said: `likeness` is 1.0 for the very same samples.

    `offset` is in seconds: what is at the beginning of the speech is there in the recording.
    """

    likeness: float
    offset: float

    @property
    def is_present(self) -> bool:
        """Whether it was heard: two voices at a time leave 0.7, chance less than 0.1."""
        return self.likeness > 0.25


def find_speech(speech: Samples, recording: Samples, rate: int) -> Found:
    """Look for `speech` in a recording by their normalised cross-correlation."""
    if len(recording) < len(speech) or not len(speech):
        return Found(0.0, 0.0)
    wanted, heard = speech.astype(np.float64), recording.astype(np.float64)
    size = 1 << (len(heard) + len(wanted)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(wanted, size))
    places = len(heard) - len(wanted) + 1
    correlation = np.fft.irfft(spectrum, size)[:places]
    energy = np.concatenate(([0.0], np.cumsum(heard * heard)))
    local = energy[len(wanted) :][:places] - energy[:places]
    scale = np.sqrt(np.maximum(local, 1.0) * max(float(wanted @ wanted), 1.0))
    likeness = np.abs(correlation) / scale
    at = int(np.argmax(likeness))
    return Found(float(likeness[at]), at / rate)
