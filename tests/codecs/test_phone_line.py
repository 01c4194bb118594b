"""Gain control and noise gate on one line, as a phone's voice goes through them."""

import numpy as np
import pytest

from audiocodecs.frames import Samples, audio_level, silence
from audiocodecs.gain import GainControl
from audiocodecs.noise_gate import NoiseGate
from audiocodecs.phone_line import PhoneLine
from tests.helpers.voices import mixed, noise, speech, vowel

RATE = 8000
FRAME = 160


def line_with(
    *, gain_control: bool = False, noise_gate: bool = False, echo_suppression: bool = False
) -> PhoneLine:
    return PhoneLine(
        gain_control=gain_control, noise_gate=noise_gate, echo_suppression=echo_suppression
    )


def through(samples: Samples, *, gain_control: bool = False, noise_gate: bool = False) -> Samples:
    line = line_with(gain_control=gain_control, noise_gate=noise_gate)
    return np.concatenate([line.apply(frame) for frame in samples.reshape(-1, FRAME)])


def level_of_words(samples: Samples, like: Samples) -> float:
    """In -dBov, of the frames in which `like` has words."""
    energies = np.mean(like.reshape(-1, FRAME).astype(float) ** 2, axis=1)
    words = energies > 0.1 * energies.max()
    power = np.mean(samples.reshape(-1, FRAME)[words].astype(float) ** 2)
    return float(-10 * np.log10(power / 32767.0**2))


@pytest.mark.parametrize("rate_of_line", ["quiet", "loud"])
def test_far_too_quiet_and_too_loud_lines_come_to_a_usual_level(rate_of_line: str) -> None:
    spoken = speech(30, rate=RATE, level=-38.0 if rate_of_line == "quiet" else -9.0)
    heard = through(spoken, gain_control=True)
    second_half = slice(15 * RATE, None)
    before = level_of_words(spoken[second_half], spoken[second_half])
    after = level_of_words(heard[second_half], spoken[second_half])
    assert not 19.0 < before < 27.0
    assert 17.5 < after < 27.5


@pytest.mark.parametrize("level", [-21.5, -24.5])
def test_a_line_of_usual_level_is_not_touched(level: float) -> None:
    spoken = speech(20, rate=RATE, level=level)
    assert through(spoken, gain_control=True).tolist() == spoken.tolist()


def test_gain_has_limits_both_ways() -> None:
    control = GainControl()
    for _ in range(1000):
        control.apply(silence(FRAME), 60, 75.0, is_speech=True)
    assert control.gain == pytest.approx(15.0)
    for _ in range(1000):
        control.apply(silence(FRAME), 1, 75.0, is_speech=True)
    assert control.gain == pytest.approx(-12.0)


def test_gain_moves_a_few_decibels_a_second_and_not_at_all_in_pauses() -> None:
    control = GainControl()
    gains = []
    for number in range(500):
        is_word = number % 100 < 50
        control.apply(silence(FRAME), 40 if is_word else 62, 70.0, is_speech=is_word)
        gains.append(control.gain)
    steps = np.diff(gains)
    assert 0.0 < steps.max() * 50 <= 3.01
    assert all(not steps[at + 50 : at + 99].any() for at in range(0, 400, 100))


def test_the_soft_frames_at_the_end_of_words_do_not_make_gain_grow() -> None:
    control = GainControl()
    for number in range(2000):
        control.apply(silence(FRAME), 23 if number % 20 < 12 else 45, 70.0, is_speech=True)
    assert control.gain == 0.0


def test_a_click_before_the_first_word_is_forgotten() -> None:
    control = GainControl()
    control.apply(silence(FRAME), 3, 70.0, is_speech=True)
    for _ in range(3000):
        control.apply(silence(FRAME), 36, 70.0, is_speech=True)
    assert control.gain == pytest.approx(10.0, abs=0.5)


def test_noise_is_not_raised_with_the_voice() -> None:
    control = GainControl()
    for _ in range(2000):
        control.apply(silence(FRAME), 40, 48.0, is_speech=True)
    assert control.gain == pytest.approx(3.0)
    control = GainControl()
    for _ in range(2000):
        control.apply(silence(FRAME), 35, 40.0, is_speech=True)
    assert control.gain == 0.0


def test_gain_is_ramped_without_steps_and_never_clips() -> None:
    spoken = vowel(20.0, rate=RATE, pitch=200.0, level=-36.0)
    spoken[10 * RATE :] = vowel(10.0, rate=RATE, pitch=200.0, level=-6.0)
    heard = through(spoken, gain_control=True)
    assert np.abs(heard.astype(int)).max() < 32767
    first = heard[: 10 * RATE].astype(np.int32)
    ratio = (
        np.abs(np.diff(first)).max() / np.abs(np.diff(spoken[: 10 * RATE].astype(np.int32))).max()
    )
    assert 1.5 < ratio < 10 ** (15 / 20)


def test_a_line_that_only_hisses_becomes_silent_and_its_next_word_is_whole() -> None:
    hiss = noise(20, rate=RATE, level=-58.0)
    words = silence(20 * RATE)
    words[15 * RATE + 37 : 16 * RATE + 37] = vowel(1.0, rate=RATE, level=-26.0)
    spoken = mixed(hiss, words)
    heard = through(spoken, noise_gate=True)
    assert not heard[10 * RATE : 15 * RATE].any()
    begin = 15 * RATE
    assert heard[begin + 10 : 16 * RATE].tolist() == spoken[begin + 10 : 16 * RATE].tolist()
    assert not heard[-RATE:].any()


def test_the_gate_opens_without_a_step() -> None:
    gate, word = NoiseGate(), np.full(FRAME, 5000, np.int16)
    for _ in range(60):
        gate.apply(silence(FRAME), 70, is_speech=False)
    assert not gate.is_open
    heard = gate.apply(word, 16, is_speech=True)
    assert heard[0] < 300
    assert (heard[10:] == 5000).all()


def test_the_gate_closes_with_a_fade() -> None:
    hiss = noise(10, rate=RATE, level=-50.0)
    heard = through(hiss, noise_gate=True).reshape(-1, FRAME)
    assert not heard[-1].any()
    last = max(number for number, frame in enumerate(heard) if frame.any())
    assert audio_level(heard[last][:40]) < audio_level(heard[last][-40:]) - 6


def test_loud_noise_and_pauses_within_speech_stay() -> None:
    loud = noise(10, rate=RATE, level=-40.0)
    assert through(loud, noise_gate=True).tolist() == loud.tolist()
    hiss = noise(12, rate=RATE, level=-60.0)
    words = silence(12 * RATE)
    for begin in range(8):
        at = 5 * RATE + begin * 7200  # words half a second long, 0.4 s apart
        words[at : at + 4000] = vowel(0.5, rate=RATE, level=-30.0)
    spoken = mixed(hiss, words)
    heard = through(spoken, noise_gate=True)
    talk = slice(5 * RATE + 10, 11 * RATE)
    assert heard[talk].tolist() == spoken[talk].tolist()


def test_a_line_with_nothing_switched_on_passes_what_it_gets() -> None:
    frame = vowel(0.02, rate=RATE)
    assert line_with().apply(frame) is frame
    assert not line_with().listens


def test_an_echo_is_not_raised_by_the_gain() -> None:
    played = speech(20, rate=RATE, level=-22.0).reshape(-1, FRAME)
    line = line_with(gain_control=True, echo_suppression=True)
    assert line.listens
    heard = []
    for number, frame in enumerate(played):
        line.played(frame)
        back = played[number - 5] if number >= 5 else silence(FRAME)
        heard.append(line.apply((back * 0.15).astype(np.int16)))
    assert audio_level(np.concatenate(heard[500:])) > audio_level(played[500:].ravel()) + 26
