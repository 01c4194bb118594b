import numpy as np

from audiocodecs.concealment import Concealer
from audiocodecs.frames import Samples
from tests.helpers.listening import share_of
from tests.helpers.voices import noise, speech, vowel

RATE = 8000
FRAME = 160


def voice(seconds: float, pitch: float = 125.0) -> Samples:
    """A periodic signal with harmonics, as a vowel has."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * pitch * k * time + k) / k for k in range(1, 12))
    return (wave * 5000).astype(np.int16)


def bridged(samples: Samples, lost: set[int]) -> Samples:
    """As `play`, where the frame after a gap is there in time."""
    concealer = Concealer(RATE)
    frames = samples.reshape(-1, FRAME)
    out = []
    for number, frame in enumerate(frames):
        if number not in lost:
            out.append(concealer.heard(frame))
        elif number + 1 in lost:
            out.append(concealer.conceal(FRAME))
        else:
            out.append(concealer.bridge(FRAME, frames[number + 1]))
    return np.concatenate(out)


def distance(heard: Samples, spoken: Samples) -> float:
    """Of their spectra, in dB, averaged over frames of 20 ms."""
    shape = np.hanning(FRAME)
    spectra = [
        20 * np.log10(np.abs(np.fft.rfft(s.reshape(-1, FRAME) * shape)) + 300.0)
        for s in (heard, spoken)
    ]
    return float(np.mean(np.abs(spectra[0] - spectra[1])))


def steepest(samples: Samples) -> int:
    return int(np.abs(np.diff(samples.astype(np.int32))).max())


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
    heard = play(spoken, set(range(10, 18)))
    assert not heard[16 * FRAME : 18 * FRAME].any()
    steps = np.abs(np.diff(heard.astype(np.int32)))
    assert steps.max() <= 1.3 * np.abs(np.diff(spoken.astype(np.int32))).max()
    assert heard[19 * FRAME :].tolist() == spoken[19 * FRAME :].tolist()


def test_a_gap_before_anything_was_heard_is_silence() -> None:
    assert not Concealer(RATE).conceal(FRAME).any()


def test_frames_of_sixty_milliseconds_are_remembered_too() -> None:
    concealer = Concealer(RATE)
    concealer.heard(voice(0.06))
    assert concealer.conceal(480)[:80].any()


def test_with_the_next_frame_at_hand_a_gap_in_speech_is_filled_better() -> None:
    dice = np.random.default_rng(5)
    for seed in (1, 2):
        spoken = speech(10, rate=RATE, level=-22.0, seed=seed)
        lost = set(np.flatnonzero(dice.random(500) < 0.1).tolist()) - {0, 499}
        gaps = np.isin(np.arange(500), list(lost))
        errors = [
            distance(
                heard.reshape(-1, FRAME)[gaps].ravel(), spoken.reshape(-1, FRAME)[gaps].ravel()
            )
            for heard in (bridged(spoken, lost), play(spoken, lost))
        ]
        assert errors[0] < 0.85 * errors[1]


def test_a_bridge_leaves_what_follows_as_it_is_and_joins_it_without_a_click() -> None:
    spoken = np.concatenate(
        (vowel(0.4, rate=RATE, pitch=110.0), vowel(0.4, rate=RATE, pitch=130.0))
    )
    heard = bridged(spoken, {18, 19, 30})
    assert heard[20 * FRAME : 30 * FRAME].tolist() == spoken[20 * FRAME : 30 * FRAME].tolist()
    assert heard[31 * FRAME :].tolist() == spoken[31 * FRAME :].tolist()
    assert steepest(heard) <= 1.3 * steepest(spoken)


def test_a_bridge_between_vowels_keeps_their_loudness() -> None:
    spoken = vowel(0.8, rate=RATE, pitch=120.0)
    heard = bridged(spoken, {20, 30})
    gap = heard[20 * FRAME : 21 * FRAME].astype(float)
    assert np.mean(gap**2) > 0.7 * np.mean(spoken.astype(float) ** 2)


def test_a_bridge_over_a_long_gap_begins_soft_and_ends_as_loud_as_what_follows() -> None:
    spoken = vowel(0.8, rate=RATE, pitch=120.0)
    heard = bridged(spoken, set(range(10, 20)))
    assert not heard[17 * FRAME : 19 * FRAME].any()
    last = heard[19 * FRAME : 20 * FRAME].astype(float)
    assert np.mean(last[-40:] ** 2) > 4 * np.mean(last[:40] ** 2)
    assert steepest(heard) <= 1.3 * steepest(spoken)


def test_a_bridge_to_a_frame_too_short_for_a_pitch_is_as_good_as_without() -> None:
    first, second = Concealer(RATE), Concealer(RATE)
    for concealer in (first, second):
        concealer.heard(voice(0.1))
    assert first.bridge(FRAME, voice(0.005)).tolist() == second.conceal(FRAME).tolist()


def test_loud_noise_never_wraps_around() -> None:
    loud = noise(0.2, rate=RATE, level=-3.0)
    heard = bridged(loud, {5})
    assert np.abs(heard.astype(int)).max() <= np.abs(loud.astype(int)).max()


def test_frames_of_any_length_may_come_before_a_gap() -> None:
    spoken = voice(0.1)
    for size in range(1, 60):
        concealer = Concealer(RATE)
        for start in range(0, 10 * size, size):
            concealer.heard(spoken[start : start + size])
        assert len(concealer.conceal(FRAME)) == FRAME
        assert len(concealer.bridge(FRAME, spoken[:FRAME])) == FRAME
