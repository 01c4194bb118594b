import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.comfort_noise import ComfortNoise, NoiseGenerator
from audiocodecs.frames import Samples, audio_level

SOFT, BRIGHT = (-0.9,), (0.9,)


def made(noise: ComfortNoise, *, rate: int = 8000, seed: int = 1) -> Samples:
    """A second of it, in frames of 20 ms."""
    generator = NoiseGenerator(noise, seed)
    return np.concatenate([generator.generate(rate // 50) for _ in range(50)])


def likeness_of_neighbours(samples: Samples) -> float:
    """How alike successive samples are: -1 (all high frequencies) to 1 (all low)."""
    wave = samples.astype(np.float64)
    return float(wave[1:] @ wave[:-1] / (wave @ wave))


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("level", [20, 35, 50, 65, 75])
@pytest.mark.parametrize("reflections", [(), SOFT, BRIGHT, (-0.8, 0.5, -0.3, 0.2)])
def test_noise_has_the_level_that_the_payload_says(
    level: int, reflections: tuple[float, ...], rate: int
) -> None:
    payload = ComfortNoise(level, reflections).serialize()
    assert abs(audio_level(made(ComfortNoise.parse(payload), rate=rate)) - level) <= 2


def test_noise_has_the_spectrum_that_the_payload_says() -> None:
    assert likeness_of_neighbours(made(ComfortNoise(40, SOFT))) == pytest.approx(0.9, abs=0.03)
    assert likeness_of_neighbours(made(ComfortNoise(40, BRIGHT))) == pytest.approx(-0.9, abs=0.03)


def test_without_a_spectrum_noise_is_gentle() -> None:
    assert 0.4 < likeness_of_neighbours(made(ComfortNoise(40))) < 0.8


def test_frames_join_without_a_seam() -> None:
    generator = NoiseGenerator(ComfortNoise(30, (-0.99,)), 3)
    heard = np.concatenate([generator.generate(160) for _ in range(50)]).astype(np.int32)
    steps = np.abs(np.diff(heard))
    at_seams = steps[159::160]
    assert at_seams.mean() < 1.5 * steps.mean()


def test_a_new_level_counts_from_the_next_frame_on() -> None:
    generator = NoiseGenerator(ComfortNoise(30), 1)
    loud = generator.generate(8000)
    generator.noise = ComfortNoise(60)
    assert audio_level(generator.generate(8000)) - audio_level(loud) == pytest.approx(30, abs=2)
    generator.noise = ComfortNoise(127)
    assert not generator.generate(160).any()


def test_a_seed_makes_the_same_noise_again_and_another_seed_does_not() -> None:
    assert np.array_equal(made(ComfortNoise(40)), made(ComfortNoise(40)))
    assert not np.array_equal(made(ComfortNoise(40)), made(ComfortNoise(40), seed=2))


def test_the_payload_is_that_of_the_rfc() -> None:
    assert ComfortNoise(65).serialize() == b"\x41"
    assert ComfortNoise.parse(b"\x41\x7f\x00\xfe") == ComfortNoise(
        65, (0.0, pytest.approx(-0.99994, abs=1e-4), pytest.approx(0.99994, abs=1e-4))
    )
    with pytest.raises(ValueError, match="level"):
        ComfortNoise.parse(b"")


@given(st.binary(min_size=1, max_size=40))
def test_whatever_a_payload_says_noise_can_be_made_of_it(payload: bytes) -> None:
    noise = ComfortNoise.parse(payload)
    heard = NoiseGenerator(noise, 1).generate(160)
    assert len(heard) == 160
    assert ComfortNoise.parse(noise.serialize()) == noise


def test_ffmpeg_means_the_same_by_its_payloads() -> None:
    """Its encoder analyses noise of ours: level and sign of the coefficients are alike."""
    encoder = av.CodecContext.create("comfortnoise", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 8000, "mono", "s16"
    encoder.open()
    assert encoder.frame_size > 0
    spoken = made(ComfortNoise(35, SOFT))[: encoder.frame_size * 8]
    payloads = []
    for at in range(0, len(spoken), encoder.frame_size):
        piece = spoken[at : at + encoder.frame_size].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 8000, at
        payloads += [bytes(packet) for packet in encoder.encode(frame)]
    analysed = ComfortNoise.parse(payloads[-1])
    assert analysed.level == pytest.approx(35, abs=2)
    assert analysed.reflections[0] == pytest.approx(SOFT[0], abs=0.1)
