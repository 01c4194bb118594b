"""How good is what arrived? PESQ, delay, and holes; all by samples."""

from dataclasses import dataclass

import numpy as np

from audiocodecs.frames import Samples
from audiocodecs.g711 import PCMU
from tests.quality.chain import HOP, RATE, TICK, Arrived

_NETWORK = TICK + 4 * HOP  # a frame is spoken before it is sent; four hops
_SILENT = 40.0  # r.m.s. of samples, -58 dBov: below, nothing is heard
_SPEAKS = 300.0  # -41 dBov: above, somebody speaks
_WINDOW = 2.0
_LONGEST_DELAY = 2.0


@dataclass(frozen=True)
class Score:
    """`mos` is PESQ's (P.862.1), None without PESQ; `told` what the gateways themselves report (the
    worse of their listening MOS, by the E-model).

    `delays` is what the gateways add, in milliseconds, every two seconds in which somebody speaks;
    `growth` by how much the last of them is longer than the first. `silence` is the longest run of
    milliseconds in which the speaker speaks and nothing is heard; `gap` the longest without audio
    that was sent (so it is concealed, or silent), as the gateways report it.
    """

    mos: float | None
    told: float | None
    delays: tuple[float, ...]
    growth: float
    silence: float
    gap: int


def judge(spoken: Samples, arrived: Arrived, *, at: float = 0.0) -> Score:
    """Compare what was said, from the second `at` of the call on, with what was heard of it."""
    heard = arrived.since(at, len(spoken) / arrived.rate + _LONGEST_DELAY)
    delays = _delays(spoken, heard, arrived.rate)
    return Score(
        mos=pesq(spoken, heard, arrived.rate),
        told=_told(arrived),
        delays=tuple((delay - _NETWORK) * 1000 for delay in delays),
        growth=(delays[-1] - delays[0]) * 1000,
        silence=_longest_silence(spoken, heard, delays, arrived.rate) * 1000,
        gap=max(arrived.near.from_phone.gap, arrived.far.from_bridge.gap),
    )


def _told(arrived: Arrived) -> float | None:
    opinions = (arrived.near.from_phone.mos_lq, arrived.far.from_bridge.mos_lq)
    return min((each for each in opinions if each is not None), default=None)


def pesq(reference: Samples, degraded: Samples, rate: int) -> float | None:
    """MOS-LQO of speech by P.862.1, or at 16 kHz P.862.2; None if PESQ is not installed."""
    try:
        import pesq as library  # noqa: PLC0415
    except ImportError:
        return None
    return float(library.pesq(rate, reference, degraded, "nb" if rate == RATE else "wb"))


def through_g711(spoken: Samples) -> Samples:
    """What G.711 alone makes of it: the best a phone can hear."""
    return PCMU.decode(PCMU.encode(spoken))


def _delays(spoken: Samples, heard: Samples, rate: int) -> list[float]:
    """Seconds from mouth to ear, in each window in which enough is said and recognised."""
    window, found = round(_WINDOW * rate), []
    for at in range(0, len(spoken) - window + 1, window):
        said = spoken[at : at + window].astype(np.float64)
        if np.sqrt(np.mean(said**2)) < _SPEAKS:
            continue
        there = heard[at : at + window + round(_LONGEST_DELAY * rate)].astype(np.float64)
        size = len(there) + window
        likeness = np.fft.irfft(np.fft.rfft(there, size) * np.conj(np.fft.rfft(said, size)), size)
        found.append(int(np.argmax(likeness[: round(_LONGEST_DELAY * rate)])) / rate)
    return found or [0.0]


def _longest_silence(spoken: Samples, heard: Samples, delays: list[float], rate: int) -> float:
    """Seconds; frames next to a pause of the speaker do not count, since the delay may change."""
    delay = round(float(np.median(delays)) * rate)
    frame = rate // 100
    count = len(spoken) // frame
    said = _loudness(spoken[: count * frame], frame) > _SPEAKS
    pauses = np.pad(~said, 6, constant_values=True)
    amid = np.convolve(pauses, np.ones(13), "valid") == 0  # no pause within 60 ms
    silent = _loudness(heard[delay : delay + count * frame], frame) < _SILENT
    longest, first = 0, None  # the first frame missed since something was heard last
    for at in range(count):
        if not silent[at]:
            first = None
        elif amid[at]:
            first = at if first is None else first
            longest = max(longest, at + 1 - first)
    return longest * frame / rate


def _loudness(samples: Samples, frame: int) -> np.ndarray:
    rows = samples.astype(np.float64).reshape(-1, frame)
    return np.sqrt(np.mean(rows**2, axis=1))
