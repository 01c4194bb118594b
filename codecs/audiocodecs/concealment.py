"""Packet-loss concealment for waveform codecs, in the manner of ITU-T G.711 Appendix I.

A missing frame is filled by repeating the last pitch period heard, faded out within 110 ms; the
first frame after the gap is cross-faded from that repetition. Where the frame after the gap is
there already, its first period is repeated backwards, and the gap goes from the one to the other.
Nothing is delayed for it: frames that arrive pass unchanged.
"""

from collections import deque

import numpy as np

from audiocodecs.frames import Samples, silence
from audiocodecs.pitch import Wide, pitch_period

# A pitch of 66 to 200 Hz: the range Appendix I searches. Higher voices are found as multiples.
_SHORTEST_PERIOD = 0.005
_LONGEST_PERIOD = 0.015
_CORRELATION = 0.015
_HISTORY = 0.035
_FRAMES = 8  # that are kept: enough even of 5 ms
# Full level for 10 ms, then down 10 % each 10 ms: Appendix I is twice as fast, and gaps of two
# packets sound worse for it.
_HOLD = 0.010
_FADE = 0.100
# The cross-fade back: 2 ms, and 2 ms more for each 10 ms that were missing, at most 10 ms.
_RETURN = 0.002
_LONGEST_RETURN = 0.010


class Concealer:
    """Fills the gaps of one stream of frames at `rate` Hz."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._shortest = round(_SHORTEST_PERIOD * rate)
        self._longest = round(_LONGEST_PERIOD * rate)
        self._size = round(_HISTORY * rate)
        self._window = round((_LONGEST_PERIOD + _CORRELATION) * rate)
        self._heard: deque[Samples] = deque(maxlen=_FRAMES)
        self._cycle: Wide | None = None
        self._position = 0

    def heard(self, samples: Samples) -> Samples:
        """Pass a frame that arrived; smooth its beginning if frames before it were missing."""
        if self._cycle is not None:
            samples = self._return(samples)
            self._cycle = None
        self._heard.append(samples)
        return samples

    def conceal(self, count: int) -> Samples:
        """`count` samples in place of ones that are missing."""
        return _whole(self._go_on(count))

    def bridge(self, count: int, following: Samples) -> Samples:
        """`count` samples in place of missing ones, after which `following` will be heard."""
        filled = self._go_on(count)
        longest = min(self._longest, len(following) // 2)
        if longest < self._shortest:
            return _whole(filled)
        after = following.astype(np.float32)
        period, _ = pitch_period(after, self._shortest, longest)
        # Backwards in time it is the same task: the end is the beginning.
        cycle = _cycle(after[::-1], period)[::-1]
        back = cycle[np.arange(-count, 0) % period]
        self._cycle = None  # nothing is left to be smoothed
        return _whole(filled + (back - filled) * np.linspace(0.0, 1.0, count, dtype=np.float32))

    def _go_on(self, count: int) -> Wide:
        """The next samples of what was heard last."""
        if self._cycle is None:
            # Silence comes before what was heard: it may be next to nothing.
            heard = np.concatenate((silence(self._size), *self._heard))
            history = heard[-self._size :].astype(np.float32)
            period, _ = pitch_period(history[-self._window :], self._shortest, self._longest)
            self._cycle = _cycle(history, period)
            self._position = 0
        begin, self._position = self._position, self._position + count
        if begin >= round((_HOLD + _FADE) * self._rate):
            return np.zeros(count, np.float32)
        return self._repeated(self._cycle, begin, count)

    def _repeated(self, cycle: Wide, begin: int, count: int) -> Wide:
        """The cycle over and over, faded by how long the gap is already."""
        at = np.arange(begin, begin + count)
        gain = 1.0 - (at / self._rate - _HOLD) / _FADE
        return cycle[at % len(cycle)] * np.clip(gain, 0.0, 1.0).astype(np.float32)

    def _return(self, samples: Samples) -> Samples:
        assert self._cycle is not None
        missing = self._position / self._rate
        length = min(_RETURN + 0.2 * max(missing - _HOLD, 0.0), _LONGEST_RETURN)
        count = min(round(length * self._rate), len(samples))
        ramp = np.linspace(0.0, 1.0, count, dtype=np.float32)
        smoothed = samples.copy()
        tail = self._repeated(self._cycle, self._position, count)
        smoothed[:count] = _whole(tail + (samples[:count] - tail) * ramp)
        return smoothed


def _cycle(samples: Wide, period: int) -> Wide:
    """The last period of the samples, its end blended so that it repeats without a step."""
    cycle = samples[-period:].copy()
    blend = min(period // 4, len(samples) - period)
    ramp = np.linspace(0.0, 1.0, blend, dtype=np.float32)
    before = samples[-period - blend : -period]
    cycle[-blend:] += (before - cycle[-blend:]) * ramp
    return cycle


def _whole(samples: Wide) -> Samples:
    return np.rint(samples).astype(np.int16)
