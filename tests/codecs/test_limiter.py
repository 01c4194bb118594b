import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.frames import Samples
from audiocodecs.limiter import bend, limit, unity
from tests.helpers.examples import at_most
from tests.helpers.listening import share_of
from tests.helpers.voices import speech, vowel

RATE = 8000
FRAME = 160


def run(mixes: np.ndarray) -> tuple[Samples, list[np.ndarray]]:
    """A (listeners, samples) sum through the limiter, and the gains after each frame."""
    gains = unity(len(mixes))
    out, history = [], []
    for start in range(0, mixes.shape[1], FRAME):
        out.append(limit(mixes[:, start : start + FRAME], gains))
        history.append(gains.copy())
    return np.concatenate(out, axis=1), history


def talkers(count: int, seconds: float = 4.0, level: float = -20.0) -> np.ndarray:
    voices = [speech(seconds, rate=RATE, level=level, seed=seed) for seed in range(count)]
    return np.sum(voices, axis=0, dtype=np.int32)[None, :]


def high_share(samples: Samples) -> float:
    """The share of the energy above 3.6 kHz, where no vowel has any."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    return float(spectrum[np.fft.rfftfreq(len(samples), 1 / RATE) > 3600].sum() / spectrum.sum())


def test_twenty_talkers_at_once_clip_nothing() -> None:
    mix = talkers(20, level=-14.0)
    assert np.abs(mix).max() > 2 * 32767
    heard, _ = run(mix)
    assert np.abs(heard.astype(int)).max() < 32767


def test_twenty_vowels_at_once_get_no_hiss_as_cutting_them_off_would_give() -> None:
    voices = [vowel(2.0, rate=RATE, pitch=90.0 + 9 * n, level=-16.0) for n in range(20)]
    mix = np.sum(voices, axis=0, dtype=np.int32)[None, :]
    heard, _ = run(mix)
    cut = np.clip(mix, -32768, 32767).astype(np.int16)
    assert high_share(heard[0]) < 0.1 * high_share(cut[0])


def test_loud_vowels_gain_no_harmonics() -> None:
    tone = (2.2 * 20000 * np.sin(2 * np.pi * 300 * np.arange(2 * RATE) / RATE)).astype(np.int32)
    heard, _ = run(tone[None, :])
    assert share_of(300.0, heard[0, RATE:], RATE) > 0.999
    assert np.abs(heard.astype(int)).max() < 32767


def test_what_is_not_loud_is_not_touched() -> None:
    mix = talkers(3, level=-26.0)
    heard, history = run(mix)
    assert heard[0].tolist() == mix[0].tolist()
    assert all(gains == 1.0 for gains in history)


def test_the_gain_falls_at_once_and_returns_gently() -> None:
    soft = vowel(1.0, rate=RATE, level=-26.0).astype(np.int32)
    loud = vowel(0.2, rate=RATE, level=-2.0).astype(np.int32) * 2
    _, history = run(np.concatenate((soft, loud, soft, soft))[None, :])
    gains = np.array(history)[:, 0]
    assert gains[51] < 0.6
    rises = gains[61:110] / gains[60:109]
    assert 1.0 < rises.max() < 1.03  # 13 dB/s at most
    assert gains[-1] == 1.0


def test_each_listener_has_its_own_gain() -> None:
    loud = vowel(0.4, rate=RATE, level=-2.0).astype(np.int32) * 2
    soft = vowel(0.4, rate=RATE, level=-26.0).astype(np.int32)
    heard, history = run(np.stack((loud, soft)))
    assert heard[1].tolist() == soft.tolist()
    assert history[-1][0] < 0.6
    assert history[-1][1] == 1.0


def test_pumping_stays_below_what_is_heard() -> None:
    """A soft voice under words of a loud one keeps its loudness between them."""
    bursts = np.tile(np.r_[np.ones(RATE // 10), np.zeros(RATE // 10)], 10)
    loud = (vowel(2.0, rate=RATE, level=-3.0) * 1.5 * bursts).astype(np.int32)
    _, history = run(loud[None, :])
    gains = np.array(history)[20:, 0]
    assert gains.max() / gains.min() < 1.3


@given(seed=st.integers(0, 1000), scale=st.floats(0.1, 40.0), size=st.sampled_from([160, 320, 960]))
@at_most(50)
def test_nothing_ever_wraps_or_reaches_full_scale(seed: int, scale: float, size: int) -> None:
    dice = np.random.default_rng(seed)
    gains = unity(3)
    for _ in range(4):
        mixes = (dice.standard_normal((3, size)) * 8000 * scale).astype(np.int32)
        heard = limit(mixes, gains)
        assert (heard.astype(int) * mixes >= 0).all()  # no sign is ever turned
        assert np.abs(heard.astype(int)).max() <= 32767
        assert ((gains > 0.0) & (gains <= 1.0)).all()


def test_bending_is_even_and_keeps_what_is_small() -> None:
    line = np.linspace(-200_000, 200_000, 1001, dtype=np.float32)
    bent = bend(line)
    assert np.allclose(bent, -bent[::-1])
    assert (np.diff(bent) >= 0).all()
    small = np.abs(line) < 20_000
    assert (bent[small] == line[small]).all()


def test_a_room_without_listeners_is_no_error() -> None:
    assert limit(np.zeros((0, 160), np.int32), unity(0)).shape == (0, 160)


@pytest.mark.parametrize("size", [160, 320])
def test_overload_in_the_first_sample_is_bent_too(size: int) -> None:
    mixes = np.full((1, size), 100_000, np.int32)
    assert limit(mixes, unity(1)).max() <= 32767
