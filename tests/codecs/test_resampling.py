import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.frames import Samples
from audiocodecs.resampling import DELAY, NARROW, WIDE, Doubler, Halver
from tests.helpers.distortion import fitted
from tests.helpers.examples import at_most

LOUDNESS = 10_000


def sine(frequency: float, rate: int, seconds: float = 0.5) -> Samples:
    time = np.arange(round(seconds * rate)) / rate
    return np.rint(LOUDNESS * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


def decibels(amplitude: float) -> float:
    return 20 * float(np.log10(max(amplitude, 1e-3) / LOUDNESS))


def doubled(samples: Samples, frame: int = 160) -> Samples:
    doubler = Doubler()
    pieces = (samples[at : at + frame] for at in range(0, len(samples), frame))
    return np.concatenate([doubler.convert(piece) for piece in pieces])


def halved(samples: Samples, frame: int = 320) -> Samples:
    halver = Halver()
    pieces = (samples[at : at + frame] for at in range(0, len(samples), frame))
    return np.concatenate([halver.convert(piece) for piece in pieces])


@pytest.mark.parametrize("frequency", [100.0, 300.0, 1000.0, 2000.0, 3000.0, 3400.0])
def test_what_a_phone_carries_passes_unchanged_both_ways(frequency: float) -> None:
    up, down = doubled(sine(frequency, NARROW)), halved(sine(frequency, WIDE))
    assert (len(up), len(down)) == (8000, 4000)
    for heard, rate in ((up, WIDE), (down, NARROW)):
        amplitude, clean = fitted(heard[1000:], frequency, rate)
        assert abs(decibels(amplitude)) < 0.5
        assert clean > 50


@pytest.mark.parametrize("frequency", [4100.0, 4600.0, 5500.0, 7000.0])
def test_what_does_not_fit_into_narrow_band_is_gone_and_not_folded_back(frequency: float) -> None:
    heard = halved(sine(frequency, WIDE))[1000:].astype(np.float64)
    assert decibels(float(np.sqrt(2 * np.mean(heard**2)))) < -50


@pytest.mark.parametrize("frequency", [300.0, 1000.0, 3400.0])
def test_doubling_leaves_no_mirror_image(frequency: float) -> None:
    amplitude, _ = fitted(doubled(sine(frequency, NARROW))[1000:], NARROW - frequency, WIDE)
    assert decibels(amplitude) < -50


def test_each_direction_delays_by_what_it_says() -> None:
    assert DELAY < 0.003
    click = np.zeros(1600, np.int16)
    click[400] = LOUDNESS
    assert np.argmax(np.abs(doubled(click))) / WIDE == pytest.approx(400 / NARROW + DELAY, abs=1e-4)
    assert np.argmax(np.abs(halved(click))) / NARROW == pytest.approx(400 / WIDE + DELAY, abs=1e-4)


def test_the_loudest_samples_are_cut_and_do_not_wrap() -> None:
    square = np.where(np.arange(800) % 80 < 40, 32767, -32768).astype(np.int16)
    heard = doubled(square)[600:]
    upper = heard[np.repeat(square[300 - 21 : -21], 2) > 0]  # where, by the delay, it is high
    assert heard.max() == 32767
    assert np.quantile(upper, 0.05) > 20_000


@at_most(30)
@given(st.lists(st.integers(1, 200), min_size=1, max_size=8), st.integers(0, 1000))
def test_frames_of_any_length_give_the_same_samples(lengths: list[int], seed: int) -> None:
    dice = np.random.default_rng(seed)
    spoken = dice.integers(-20_000, 20_000, 2 * sum(lengths)).astype(np.int16)
    doubler, halver = Doubler(), Halver()
    up, down = [], []
    at = 0
    for length in lengths:
        piece = spoken[at : at + 2 * length]
        at += 2 * length
        up.append(doubler.convert(piece))
        down.append(halver.convert(piece))
    whole_up, whole_down = Doubler().convert(spoken), Halver().convert(spoken)
    assert np.abs(np.concatenate(up).astype(np.int32) - whole_up).max() <= 1
    assert np.abs(np.concatenate(down).astype(np.int32) - whole_down).max() <= 1


def test_many_calls_at_once_are_as_each_by_itself() -> None:
    dice = np.random.default_rng(1)
    calls = dice.integers(-20_000, 20_000, (3, 4, 320)).astype(np.int16)  # calls, frames, samples
    up, down = Doubler((3,)), Halver((3,))
    for each in (Doubler, Halver):
        together = up if each is Doubler else down
        batched = np.concatenate([together.convert(calls[:, at]) for at in range(4)], axis=1)
        for row, call in zip(batched, calls, strict=True):
            alone = each()
            single = np.concatenate([alone.convert(frame) for frame in call])
            assert np.abs(row.astype(np.int32) - single).max() <= 1


def test_a_stream_can_leave_a_batch_and_go_on() -> None:
    spoken = sine(1000.0, WIDE, 0.08).reshape(4, 320)
    together, alone = Halver((2,)), Halver()
    together.convert(np.stack((spoken[0], spoken[1])))
    alone.memory = together.memory[0]
    expected = halved(spoken.reshape(-1))[160:320]
    assert np.abs(alone.convert(spoken[1]).astype(np.int32) - expected).max() <= 1
