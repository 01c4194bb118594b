import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.frames import Samples, silence
from audiocodecs.g722 import SAMPLE_RATE, G722Decoder, G722Encoder
from audiocodecs.tones import tone
from tests.helpers.distortion import fitted

FRAME = 320


def there_and_back(samples: Samples) -> Samples:
    encoder, decoder = G722Encoder(), G722Decoder()
    return np.concatenate(
        [
            decoder.decode(encoder.encode(samples[at : at + FRAME]))
            for at in range(0, len(samples), FRAME)
        ]
    )


@pytest.mark.parametrize(("frequency", "ratio"), [(300.0, 45), (1000.0, 40), (3000.0, 35)])
def test_a_tone_of_the_lower_band_comes_back_clean(frequency: float, ratio: float) -> None:
    spoken = tone([frequency], 1.0, rate=SAMPLE_RATE)
    heard = there_and_back(spoken)
    assert len(heard) == len(spoken)
    amplitude, clean = fitted(heard[4000:12000], frequency, SAMPLE_RATE)
    assert clean > ratio
    assert amplitude == pytest.approx(
        fitted(spoken[4000:12000], frequency, SAMPLE_RATE)[0], rel=0.01
    )


def test_wide_band_is_carried_where_narrow_band_has_nothing() -> None:
    heard = there_and_back(tone([6000.0], 1.0, rate=SAMPLE_RATE))
    assert fitted(heard[4000:12000], 6000.0, SAMPLE_RATE)[1] > 20


def test_an_octet_is_two_samples() -> None:
    payload = G722Encoder().encode(tone([440.0], 0.02, rate=SAMPLE_RATE))
    assert len(payload) == 160
    assert len(G722Decoder().decode(payload)) == FRAME


def test_each_stream_has_a_state_of_its_own() -> None:
    first, second = G722Encoder(), G722Encoder()
    first.encode(tone([440.0], 0.5, rate=SAMPLE_RATE))
    assert second.encode(silence(FRAME)) == G722Encoder().encode(silence(FRAME))
    assert first.encode(silence(FRAME)) != second.encode(silence(FRAME))


@given(st.binary(max_size=400))
def test_every_payload_decodes(payload: bytes) -> None:
    heard = G722Decoder().decode(payload)
    assert heard.dtype == np.int16
    assert len(heard) == 2 * len(payload)
