import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.g711 import G711, PCMA, PCMU

LAWS = [PCMU, PCMA]
FOREIGN = {"PCMU": ("pcm_mulaw", "mulaw"), "PCMA": ("pcm_alaw", "alaw")}


def foreign_decode(law: G711, payload: bytes) -> np.ndarray:
    """Decode with FFmpeg: an implementation that is not ours."""
    context = av.CodecContext.create(FOREIGN[law.name][0], "r")
    context.sample_rate = 8000
    context.layout = "mono"
    frames = context.decode(av.Packet(payload))
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_code_decodes_as_the_foreign_decoder_says(law: G711) -> None:
    codes = bytes(range(256))
    assert law.decode(codes).tolist() == foreign_decode(law, codes).tolist()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_known_codes_of_the_recommendation(law: G711) -> None:
    """Full scale and zero, from the tables of G.711 (scaled to 16 bits)."""
    expected = {"PCMU": {0x80: 32124, 0x00: -32124, 0xFF: 0}, "PCMA": {0xAA: 32256, 0xD5: 8}}
    for code, value in expected[law.name].items():
        assert law.decode(bytes([code]))[0] == value


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
@given(payload=st.binary(max_size=480))
def test_encoding_what_was_decoded_keeps_its_value(law: G711, payload: bytes) -> None:
    samples = law.decode(payload)
    assert law.decode(law.encode(samples)).tolist() == samples.tolist()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_sample_gets_the_nearest_value(law: G711) -> None:
    samples = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    error = np.abs(law.decode(law.encode(samples)).astype(np.int32) - samples)
    values = np.sort(law.decode(bytes(range(256))).astype(np.int32))
    nearest = np.min(np.abs(values[None, :] - samples.astype(np.int32)[::97, None]), axis=1)
    assert error[::97].tolist() == nearest.tolist()


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_rows_are_encoded_as_frames_are(law: G711) -> None:
    rows = np.random.default_rng(1).integers(-32768, 32767, (5, 160)).astype(np.int16)
    assert law.encode_rows(rows) == [law.encode(row) for row in rows]
