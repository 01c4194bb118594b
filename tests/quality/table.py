"""`python -m tests.quality.table [WORD ...]` prints how calls sound on bad networks.

One line for each kind of journey whose name has all of the words; every journey is made with each
voice and each seed.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from gateway.lab.weather import Weather
from tests.quality import chain
from tests.quality.chain import RATE, Journey, travel
from tests.quality.score import Score, judge, pesq, through_g711
from tests.quality.speech import VOICES, spoken

SEEDS = (1, 2, 3)
LEGS = {"phone leg": "phone_leg", "to bridge": "to_bridge", "from bridge": "from_bridge"}
_HOUR = 3600.0
_COLUMNS = ("MOS", "worst", "told", "delay", "p99", "growth", "silence", "gap")
_HEADER = f"{'':40}" + "".join(f"{name:>8}" for name in _COLUMNS)


@dataclass(frozen=True)
class Row:
    """All journeys of one kind together: mean and worst of PESQ's MOS, the mean of what the
    gateways tell; in milliseconds the median and the 99th percentile of the delay they add, the
    worst growth of it, the longest silence and gap of any."""

    mos: float
    worst: float
    told: float
    delay: float
    p99: float
    growth: float
    silence: float
    gap: int

    @classmethod
    def of(cls, scores: list[Score]) -> "Row":
        opinions = [float("nan") if score.mos is None else score.mos for score in scores]
        told = [score.told for score in scores if score.told is not None]
        delays = sorted(delay for score in scores for delay in score.delays)
        return cls(
            fmean(opinions),
            min(opinions),
            fmean(told) if told else float("nan"),
            delays[len(delays) // 2],
            delays[len(delays) * 99 // 100],
            max((score.growth for score in scores), key=abs),
            max(score.silence for score in scores),
            max(score.gap for score in scores),
        )

    def __str__(self) -> str:
        return (
            f"{self.mos:8.2f}{self.worst:8.2f}{self.told:8.2f}{self.delay:8.0f}{self.p99:8.0f}"
            f"{self.growth:8.0f}{self.silence:8.0f}{self.gap:8}"
        )


def on_each_leg(name: str, weather: Weather, **more: bool) -> Iterator[tuple[str, Journey]]:
    """The same weather on each leg in turn."""
    for leg, field in LEGS.items():
        yield f"{name}, {leg}", Journey(**{field: weather}, **more)


def journeys() -> dict[str, Journey]:
    """Every kind of journey, by name."""
    burst = Weather(loss=0.10, burst=2.0)
    random = Weather(loss=0.10)
    found = {"clean": Journey()}
    for share in (0.01, 0.03, 0.05, 0.10, 0.20):
        found |= on_each_leg(f"loss {share:.0%}", Weather(loss=share))
    found |= on_each_leg("loss 10% in bursts of 2", burst)
    found |= on_each_leg("loss 20% in bursts of 5", Weather(loss=0.20, burst=5.0))
    for field in ("to_bridge", "from_bridge"):
        where = field.replace("_", " ")
        found[f"loss 10%, {where}, no FEC"] = Journey(**{field: random}, fec=False)
        found[f"loss 10%, {where}, RED"] = Journey(**{field: random}, red=True)
        found[f"loss 10% in bursts of 2, {where}, RED"] = Journey(**{field: burst}, red=True)
    found |= on_each_leg("jitter 100 ms", Weather(jitter=0.100))
    found |= on_each_leg("jitter 40 ms, loss 3%", Weather(jitter=0.040, loss=0.03))
    found |= on_each_leg("reordering 5%", Weather(reorder=0.05))
    found |= on_each_leg("duplication 5%", Weather(duplicate=0.05))
    found["another SSRC"] = Journey(change=chain.another_ssrc)
    found["another payload type"] = Journey(change=chain.another_payload_type)
    found["another timestamp"] = Journey(change=chain.another_time)
    found["another port"] = Journey(change=chain.another_port)
    found["another timestamp, from bridge"] = Journey(bridge_change=chain.another_source_time)
    for codec in (chain.PHONE_G722, chain.PHONE_OPUS):
        name = f"{codec.encoding} phones, wide-band"
        found[f"{name}, clean"] = Journey(codec)
        found |= {
            f"{name}, {each}": replace(journey, codec=codec)
            for each, journey in on_each_leg("loss 3%", Weather(loss=0.03))
        }
    return found


def made(journey: Journey) -> Row:
    """Make a kind of journey with all voices and seeds."""
    scores = []
    for voice in VOICES:
        speech = spoken(voice, journey.rate)
        for seed in SEEDS:
            scores.append(judge(speech, travel(speech, replace(journey, seed=seed))))
    return Row.of(scores)


def hour(skew: float, seconds: float = _HOUR) -> Row:
    """An hour with the phone's and the far gateway's clocks wrong: by what it is worse at its end.

    `growth` is between the first and the last round of the speech.
    """
    speech = spoken(VOICES[0], RATE)
    rounds = round(seconds * RATE / len(speech))
    arrived = travel(np.tile(speech, rounds), Journey(phone_skew=skew, far_skew=skew))
    lasts = len(speech) / RATE * (1.0 + skew * 1e-6)
    told = range(0, rounds, max(1, rounds // 20))
    scores = [judge(speech, arrived, at=number * lasts) for number in (*told, rounds - 1)]
    return replace(Row.of(scores), growth=scores[-1].delays[-1] - scores[0].delays[-1])


def main(words: list[str]) -> None:
    """Print the table."""
    print(_HEADER, flush=True)
    if not words:
        said = [spoken(voice, RATE) for voice in VOICES]
        alone = [pesq(each, through_g711(each), RATE) or 0.0 for each in said]
        print(f"{'G.711 alone':40}{fmean(alone):8.2f}{min(alone):8.2f}", flush=True)
    for name, journey in journeys().items():
        if all(word in name for word in words):
            print(f"{name:40}{made(journey)}", flush=True)
    for skew in (200.0, -200.0):
        name = f"an hour of {skew:+.0f} ppm"
        if all(word in name for word in words):
            print(f"{name:40}{hour(skew)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
