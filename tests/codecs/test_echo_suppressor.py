import numpy as np
import pytest

from audiocodecs.echo_suppressor import EchoSuppressor
from audiocodecs.frames import Samples, audio_level, silence
from tests.helpers.voices import mixed, noise, speech

RATE = 8000
FRAME = 160


def through(played: Samples, line: Samples) -> tuple[Samples, EchoSuppressor]:
    suppressor, out = EchoSuppressor(), []
    frames = zip(played.reshape(-1, FRAME), line.reshape(-1, FRAME), strict=True)
    for far, near in frames:
        suppressor.played(audio_level(far))
        out.append(suppressor.apply(near, audio_level(near)))
    return np.concatenate(out), suppressor


def echo(played: Samples, *, loss: float, delay: float) -> Samples:
    """What comes back by a line: late, softer, and dull."""
    late = np.concatenate((silence(round(delay * RATE)), played))[: len(played)]
    dull = np.convolve(late, [0.25, 0.35, 0.25, 0.15])[: len(played)]
    return (dull * 10 ** (-loss / 20)).astype(np.int16)


def level(samples: Samples) -> float:
    return float(-10 * np.log10(np.mean(samples.astype(float) ** 2) / 32767.0**2 + 1e-12))


@pytest.mark.parametrize("loss", [8.0, 16.0, 26.0])
@pytest.mark.parametrize("delay", [0.03, 0.15, 0.35])
def test_echo_becomes_much_softer(loss: float, delay: float) -> None:
    played = speech(16, rate=RATE, level=-22.0)
    line = mixed(echo(played, loss=loss, delay=delay), noise(16, rate=RATE, level=-65.0))
    heard, suppressor = through(played, line)
    late = slice(6 * RATE, None)
    assert level(heard[late]) > level(line[late]) + 12.0
    assert suppressor.delay is not None
    assert abs(suppressor.delay * 0.02 - delay) <= 0.041


def test_somebody_who_talks_while_the_conference_is_silent_is_not_touched() -> None:
    spoken = speech(10, rate=RATE, level=-26.0)
    heard, _ = through(silence(10 * RATE), spoken)
    assert heard.tolist() == spoken.tolist()


@pytest.mark.parametrize("loss", [12.0, 20.0])
def test_somebody_who_talks_over_the_conference_is_heard(loss: float) -> None:
    played = speech(20, rate=RATE, level=-24.0, seed=1)
    spoken = speech(20, rate=RATE, level=-20.0, seed=2)
    spoken[: 10 * RATE] = 0
    line = mixed(echo(played, loss=loss, delay=0.12), spoken, noise(20, rate=RATE, level=-65.0))
    heard, _ = through(played, line)
    over = slice(10 * RATE, None)
    kept = np.sum(heard[over].astype(float) * spoken[over]) / np.sum(
        spoken[over].astype(float) ** 2
    )
    assert kept > 0.8


@pytest.mark.parametrize("seed", range(1, 5))
@pytest.mark.parametrize("softness", [2.0, 16.0])
def test_a_talk_without_echo_is_never_taken_for_one(softness: float, seed: int) -> None:
    played = speech(40, rate=RATE, level=-24.0, seed=seed)
    spoken = speech(40, rate=RATE, level=-24.0 - softness, seed=seed + 50)
    heard, suppressor = through(played, spoken)
    assert suppressor.delay is None
    assert heard.tolist() == spoken.tolist()


def test_attenuation_comes_and_goes_without_steps() -> None:
    played = speech(10, rate=RATE, level=-22.0)
    _, suppressor = through(played, echo(played, loss=20.0, delay=0.1))
    hum = (3000 * np.sin(2 * np.pi * 200 * np.arange(10 * RATE) / RATE)).astype(np.int16)
    out = []
    for far, near in zip(played.reshape(-1, FRAME), hum.reshape(-1, FRAME), strict=True):
        suppressor.played(audio_level(far))
        out.append(suppressor.apply(near, 60))  # as if it were as soft as an echo
    heard = np.concatenate(out)
    assert np.abs(heard).min() < 300
    steps = np.abs(np.diff(heard.astype(np.int32)))
    assert steps.max() <= 1.1 * np.abs(np.diff(hum.astype(np.int32))).max()
    assert level(heard) > level(hum) + 3.0
