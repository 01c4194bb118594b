import numpy as np

from audiocodecs.concealment import Concealer
from audiocodecs.frames import Samples
from tests.helpers.listening import share_of

RATE = 8000
FRAME = 160


def voice(seconds: float, pitch: float = 125.0) -> Samples:
    """A periodic signal with harmonics, as a vowel has."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * pitch * k * time + k) / k for k in range(1, 12))
    return (wave * 5000).astype(np.int16)


def play(samples: Samples, lost: set[int]) -> Samples:
    concealer = Concealer(RATE)
    out = []
    for number, start in enumerate(range(0, len(samples), FRAME)):
        frame = samples[start : start + FRAME]
        out.append(concealer.conceal(FRAME) if number in lost else concealer.heard(frame))
    return np.concatenate(out)


def test_frames_that_arrive_are_not_changed() -> None:
    spoken = voice(0.4)
    assert play(spoken, set()).tolist() == spoken.tolist()


def test_a_lost_frame_of_a_vowel_is_hardly_missed() -> None:
    spoken = voice(0.4)
    heard = play(spoken, {10})
    gap = slice(10 * FRAME, 11 * FRAME)
    error = np.linalg.norm(heard[gap].astype(float) - spoken[gap])
    assert error < 0.35 * np.linalg.norm(spoken[gap].astype(float))


def test_a_single_loss_in_a_tone_leaves_no_hole() -> None:
    time = np.arange(RATE) / RATE
    spoken = (8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    heard = play(spoken, {10, 20, 30, 40})
    energies = [np.mean(heard[i : i + 80].astype(float) ** 2) for i in range(1600, 7200, 80)]
    assert min(energies) > 0.5 * max(energies)
    assert share_of(440.0, heard[1600:7200], RATE) > 0.95


def test_a_long_gap_fades_to_silence_and_comes_back_without_a_click() -> None:
    spoken = voice(0.6)
    heard = play(spoken, set(range(10, 16)))
    assert not heard[13 * FRAME : 16 * FRAME].any()
    steps = np.abs(np.diff(heard.astype(np.int32)))
    assert steps.max() <= 1.3 * np.abs(np.diff(spoken.astype(np.int32))).max()
    assert heard[17 * FRAME :].tolist() == spoken[17 * FRAME :].tolist()


def test_a_gap_before_anything_was_heard_is_silence() -> None:
    assert not Concealer(RATE).conceal(FRAME).any()


def test_frames_of_sixty_milliseconds_are_remembered_too() -> None:
    concealer = Concealer(RATE)
    concealer.heard(voice(0.06))
    assert concealer.conceal(480)[:80].any()
