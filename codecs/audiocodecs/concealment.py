"""Packet-loss concealment for waveform codecs, in the manner of ITU-T G.711 Appendix I.

A missing frame is filled by repeating the last pitch period heard, faded out within 60 ms; the
first frame after the gap is cross-faded from that repetition. Nothing is delayed for it: frames
that arrive pass unchanged.
"""

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples, silence

_Wide = npt.NDArray[np.float32]

# A pitch of 66 to 200 Hz: the range Appendix I searches.
_SHORTEST_PERIOD = 0.005
_LONGEST_PERIOD = 0.015
_CORRELATION = 0.020
# Full level for 10 ms, then down 20 % each 10 ms: silence after 60 ms.
_HOLD = 0.010
_FADE = 0.050
# The cross-fade back: 4 ms, and 4 ms more for each 10 ms that were missing, at most 10 ms.
_RETURN = 0.004
_LONGEST_RETURN = 0.010


class Concealer:
    """Fills the gaps of one stream of frames at `rate` Hz."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._longest = round(_LONGEST_PERIOD * rate)
        self._window = round(_CORRELATION * rate)
        self._history = np.zeros(self._window + self._longest, np.float32)
        self._cycle: _Wide | None = None
        self._position = 0

    def heard(self, samples: Samples) -> Samples:
        """Pass a frame that arrived; smooth its beginning if frames before it were missing."""
        if self._cycle is not None:
            samples = self._return(samples)
            self._cycle = None
        self._remember(samples.astype(np.float32))
        return samples

    def conceal(self, count: int) -> Samples:
        """`count` samples in place of ones that are missing."""
        if self._cycle is None:
            self._cycle = self._last_period()
            self._position = 0
        if self._position >= round((_HOLD + _FADE) * self._rate):
            self._position += count
            return silence(count)
        filled = self._synthesise(self._cycle, count).astype(np.int16)
        self._position += count
        return filled

    def _remember(self, samples: _Wide) -> None:
        size = len(self._history)
        if len(samples) >= size:
            self._history = samples[-size:].copy()
        else:
            self._history = np.concatenate((self._history[len(samples) :], samples))

    def _last_period(self) -> _Wide:
        """The last pitch period, its end blended so that it repeats without a step."""
        period = self._pitch_period()
        cycle = self._history[-period:].copy()
        blend = period // 4
        ramp = np.linspace(0.0, 1.0, blend, dtype=np.float32)
        before = self._history[-period - blend : -period]
        cycle[-blend:] = cycle[-blend:] * (1.0 - ramp) + before * ramp
        return cycle

    def _pitch_period(self) -> int:
        """The lag, in samples, at which the last 20 ms resemble the signal before them most."""
        shortest = round(_SHORTEST_PERIOD * self._rate)
        recent = self._history[-self._window :]
        past = np.lib.stride_tricks.sliding_window_view(self._history, self._window)
        # Row i of `past` starts i samples after the oldest: its lag is longest - i.
        candidates = past[: self._longest - shortest + 1]
        energy = np.einsum("ij,ij->i", candidates, candidates) + 1.0
        score = (candidates @ recent) / np.sqrt(energy)
        return self._longest - int(np.argmax(score))

    def _synthesise(self, cycle: _Wide, count: int) -> _Wide:
        """The next samples of the repeated period, faded by how long the gap is already."""
        at = np.arange(self._position, self._position + count)
        gain = 1.0 - (at / self._rate - _HOLD) / _FADE
        return cycle[at % len(cycle)] * np.clip(gain, 0.0, 1.0).astype(np.float32)

    def _return(self, samples: Samples) -> Samples:
        assert self._cycle is not None
        missing = self._position / self._rate
        length = min(_RETURN + 0.4 * max(missing - _HOLD, 0.0), _LONGEST_RETURN)
        count = min(round(length * self._rate), len(samples))
        ramp = np.linspace(0.0, 1.0, count, dtype=np.float32)
        smoothed = samples.copy()
        tail = self._synthesise(self._cycle, count)
        smoothed[:count] = (tail * (1.0 - ramp) + samples[:count] * ramp).astype(np.int16)
        return smoothed
