"""The E-model (ITU-T G.107, G.107.1): what people would say of a call, from what was measured.

A rating R from 0 to 100 (129 on the wide-band scale), and the mean opinion score it stands for. All
that a gateway cannot know (loudness, noise, side tone, echo) has the default of G.107's table 3.
"""

import math
from dataclasses import dataclass

DEFAULT_R = 93.2
"""R of narrow-band speech without delay, loss or codec: G.107 with all defaults (clause 7.7)."""

WIDE_R = 129.0
"""The same of wide-band speech (G.107.1 clause 7.2)."""

_WORST = 95.0  # what no equipment impairment exceeds (G.107 clause 7.5)
_TALKER_ECHO = 65.0  # TELR, dB
_ECHO_PATH = 110.0  # WEPL, dB
_NOISE = -61.18  # No, dBm0p
_BASIC = 94.77  # Ro
_RECEIVING = 2.0  # RLR, dB
_NOTICED = 100.0  # mT, ms: a shorter delay is not noticed


@dataclass(frozen=True, slots=True)
class Codec:
    """What a codec costs: `ie` without loss, `bpl` how well it bears loss (G.113 appendix I).

    `is_wide` says on which scale. `delay` is what coding adds one way, packets of 20 ms and
    look-ahead, in milliseconds. `repaired` is how much of a lost packet is restored from the one
    behind it (0..1).
    """

    ie: float
    bpl: float
    is_wide: bool = False
    delay: float = 20.0
    repaired: float = 0.0


G711 = Codec(ie=0.0, bpl=25.1)
"""G.711 with concealment as in its appendix I."""

G711_BARE = Codec(ie=0.0, bpl=4.3)
"""G.711 that conceals nothing, as a phone's may."""

G722 = Codec(ie=13.0, bpl=25.1, is_wide=True, delay=21.5)
"""G.722 at 64 kbit/s. Its Bpl is assumed: it is concealed here as G.711 is."""

OPUS = Codec(ie=10.0, bpl=25.0, delay=26.5, repaired=0.8)
"""Opus, narrow-band, at 24 to 32 kbit/s with FEC.

G.113 has no values for it. These are fitted, in the manner of ITU-T P.834, to the PESQ of calls in
`tests/quality`: G.711's Bpl, found in the same way from the same calls, is 22 to 31.
"""

OPUS_WIDE = Codec(ie=10.0, bpl=25.0, is_wide=True, delay=26.5, repaired=0.8)
"""Opus, wide-band. Assumed: Ie between those of AMR-WB at 18.25 and 12.65 kbit/s (5 and 13), the
rest as in narrow-band."""


def rating(
    codec: Codec, *, delay: float = 0.0, loss: float = 0.0, burst_ratio: float = 1.0
) -> float:
    """R of a call, 0 at worst. `delay` is one way, in ms; `loss` the share (0..1) of packets that
    were not played; `burst_ratio` is BurstR (G.107 clause 3.5): 1 if losses are independent."""
    best = WIDE_R if codec.is_wide else DEFAULT_R
    lost = 100.0 * min(max(loss, 0.0), 1.0)
    equipment = codec.ie
    if lost:
        bears = lost / max(burst_ratio, 1.0) + codec.bpl
        equipment += (_WORST - codec.ie) * lost / bears
    return max(0.0, best - _delay_impairment(max(delay, 0.0)) - equipment)


def mean_opinion(r: float, *, is_wide: bool = False) -> float:
    """The MOS (1 to 4.5) that a rating stands for (G.107 annex B; G.107.1 annex A if wide)."""
    if is_wide:
        r = r / 1.29
    if r <= 0.0:
        return 1.0
    if r >= 100.0:
        return 4.5
    # Just above 0 the polynomial is below the scale.
    return max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)


def _delay_impairment(delay: float) -> float:
    """Id: what delay costs by itself, and by the echo it makes audible; 0 without delay."""
    return _talker_echo(delay) + _listener_echo(delay) - _listener_echo(0.0) + _too_long(delay)


def _too_long(delay: float) -> float:
    """Idd (G.107 clause 7.4): a conversation that stumbles, with default delay sensitivity."""
    if delay <= _NOTICED:
        return 0.0
    x = math.log2(delay / _NOTICED)
    return 25.0 * (math.pow(1 + x**6, 1 / 6) - 3 * math.pow(1 + (x / 3) ** 6, 1 / 6) + 2)


def _talker_echo(delay: float) -> float:
    """Idte: hearing oneself. The mean one-way delay T of the echo path is the call's."""
    if delay < 1.0:
        return 0.0
    audibility = _TALKER_ECHO - 40 * math.log10((1 + delay / 10) / (1 + delay / 150))
    audibility += 6 * math.exp(-0.3 * delay**2)
    rating_of_echo = 80 + 2.5 * (audibility - 14)
    rating_of_noise = -1.5 * (_NOISE - _RECEIVING)
    half = (rating_of_noise - rating_of_echo) / 2
    return max(0.0, half + math.sqrt(half**2 + 100) - 1) * (1 - math.exp(-delay))


def _listener_echo(delay: float) -> float:
    """Idle: hearing the other twice, over a round trip of twice the delay."""
    rating_of_echo = 10.5 * (_ECHO_PATH + 7) * math.pow(2 * delay + 1, -0.25)
    half = (_BASIC - rating_of_echo) / 2
    return half + math.sqrt(half**2 + 169)
