"""Audio files: what is kept is read as it was, what is no audio is refused."""

import io
import wave

import numpy as np
import pytest

from audiocodecs.audio_files import decode, encode
from audiocodecs.frames import Samples
from audiocodecs.tones import dtmf, tone

RATE = 16000


def wav(samples: Samples, rate: int, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.repeat(samples, channels).astype("<i2").tobytes())
    return file.getvalue()


def alike(one: Samples, other: Samples) -> float:
    count = min(len(one), len(other))
    return float(np.corrcoef(one[:count], other[:count])[0, 1])


def test_what_is_kept_is_read_as_it_was_and_costs_little() -> None:
    samples = np.concatenate([dtmf(key, 0.2, rate=RATE) for key in "159#"])
    kept = encode(samples, RATE)
    read = decode(kept, RATE)
    assert kept[:4] == b"OggS"
    assert len(kept) < samples.nbytes // 8
    assert 0 <= len(read) - len(samples) < RATE // 100  # the end may be made up with silence
    assert alike(read, samples) > 0.97


def test_the_same_samples_give_the_same_octets() -> None:
    samples = tone([440.0], 0.3, rate=RATE)
    assert encode(samples, RATE) == encode(samples, RATE)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 1), (44100, 2), (48000, 2)])
def test_recordings_of_any_rate_are_read_at_ours(rate: int, channels: int) -> None:
    read = decode(wav(tone([500.0], 0.5, rate=rate), rate, channels), RATE)
    assert len(read) == pytest.approx(RATE // 2, abs=20)
    assert alike(read, tone([500.0], 0.5, rate=RATE)) > 0.99


def test_no_more_is_read_than_is_wanted() -> None:
    assert len(decode(wav(tone([500.0], 3.0, rate=RATE), RATE), RATE, longest=1.0)) == RATE


@pytest.mark.parametrize("data", [b"", b"no audio at all", b"RIFF\x10\0\0\0WAVEfmt ", b"OggS" * 9])
def test_what_is_no_audio_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no audio"):
        decode(data, RATE)
