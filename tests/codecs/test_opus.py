import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs import opus
from audiocodecs.frames import Samples
from audiocodecs.tones import tone
from tests.helpers.listening import share_of


def frames(samples: Samples, size: int) -> list[Samples]:
    return [samples[i : i + size] for i in range(0, len(samples) - size + 1, size)]


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("milliseconds", [10, 20, 40, 60])
def test_a_tone_survives_at_every_rate_and_frame_length(rate: int, milliseconds: int) -> None:
    size = rate * milliseconds // 1000
    encoder, decoder = opus.OpusEncoder(rate), opus.OpusDecoder(rate)
    heard = np.concatenate(
        [decoder.decode(encoder.encode(f)) for f in frames(tone([700.0], 1.2, rate=rate), size)]
    )
    assert len(heard) >= rate
    assert share_of(700.0, heard[rate // 2 :], rate) > 0.9


def test_a_narrow_band_packet_decodes_at_other_rates() -> None:
    encoder, decoder = opus.OpusEncoder(8000), opus.OpusDecoder(48000)
    heard = np.concatenate(
        [decoder.decode(encoder.encode(f)) for f in frames(tone([700.0], 1.0, rate=8000), 160)]
    )
    assert len(heard) == 48000
    assert share_of(700.0, heard[24000:], 48000) > 0.9


def test_a_lost_frame_is_recovered_from_the_packet_after_it() -> None:
    """The second half of the lost frame changes pitch: only FEC can know that."""
    rate = 8000
    spoken = np.concatenate((tone([500.0], 0.8, rate=rate), tone([1100.0], 0.8, rate=rate)))
    encoder = opus.OpusEncoder(rate, bitrate=32_000)
    encoder.set_loss(0.25)
    packets = [encoder.encode(f) for f in frames(spoken, 160)]
    change = 41  # the second frame after the change
    recovering, concealing = opus.OpusDecoder(rate), opus.OpusDecoder(rate)
    for packet in packets[:change]:
        recovering.decode(packet)
        concealing.decode(packet)
    recovered = recovering.recover(packets[change + 1], 160)
    concealed = concealing.conceal(160)
    truth = opus.OpusDecoder(rate)
    decoded = [truth.decode(packet) for packet in packets][change].astype(np.float64)
    assert np.linalg.norm(decoded - recovered) < 0.5 * np.linalg.norm(decoded - concealed)


def test_concealment_goes_on_and_fades() -> None:
    rate = 8000
    encoder, decoder = opus.OpusEncoder(rate), opus.OpusDecoder(rate)
    for frame in frames(tone([300.0], 0.6, rate=rate), 160):
        decoder.decode(encoder.encode(frame))
    energies = [float(np.mean(decoder.conceal(160).astype(np.float64) ** 2)) for _ in range(30)]
    assert energies[0] > 1e5
    assert energies[-1] < energies[0] / 10


def test_silence_with_dtx_is_hardly_sent() -> None:
    encoder = opus.OpusEncoder(8000)
    encoder.set_dtx(True)
    sizes = [len(encoder.encode(np.zeros(160, np.int16))) for _ in range(100)]
    assert sum(size <= 2 for size in sizes[20:]) > 60


@given(payload=st.binary(max_size=200))
def test_no_payload_crashes_the_decoder(payload: bytes) -> None:
    decoder = opus.OpusDecoder(8000)
    with contextlib.suppress(opus.OpusError):
        assert len(decoder.decode(payload)) == opus.duration(payload, 8000)
    assert len(decoder.conceal(160)) == 160


def test_the_duration_is_read_from_the_packet() -> None:
    encoder = opus.OpusEncoder(8000)
    assert opus.duration(encoder.encode(np.zeros(480, np.int16)), 48000) == 2880


def test_errors_name_what_is_wrong() -> None:
    with pytest.raises(opus.OpusError, match="corrupted"):
        opus.OpusDecoder(8000).decode(b"\xff\xff\xff")
