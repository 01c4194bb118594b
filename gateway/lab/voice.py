"""What lab speakers say: Opus encoded once, then repeated, so that a crowd of them costs little."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from audiocodecs.audio_files import decode
from audiocodecs.frames import Samples, audio_level
from audiocodecs.opus import OpusEncoder
from audiocodecs.tones import pulsed

RATE = 48000
FRAME = 960
"""Samples of 20 ms at 48 kHz, and so units of the RTP clock of Opus."""

_LONGEST = 3600.0  # seconds of a file
_BITRATE = 32_000  # what a browser in a Jitsi conference sends


@dataclass(frozen=True, slots=True)
class Voice:
    """A loop of packets: payload and audio level (RFC 6464) of each 20 ms."""

    packets: tuple[tuple[bytes, int], ...]

    @classmethod
    def of_samples(cls, samples: Samples) -> "Voice":
        """Mono samples at 48 kHz, repeated without end."""
        missing = -len(samples) % FRAME
        padded = np.concatenate((samples, np.zeros(missing, np.int16)))
        frames = padded.reshape(-1, FRAME)
        encoder = OpusEncoder(RATE, bitrate=_BITRATE)
        # The loop is encoded twice: the second round starts from where the first one ended.
        for frame in frames:
            encoder.encode(frame)
        return cls(tuple((encoder.encode(frame), audio_level(frame)) for frame in frames))

    @classmethod
    def of_tone(cls, frequency: float) -> "Voice":
        """A tone, 200 ms on and 100 ms off."""
        return cls.of_samples(pulsed(frequency, rate=RATE))

    @classmethod
    def of_silence(cls) -> "Voice":
        """Nobody speaks: the packets a browser with an open microphone in a dead room sends."""
        return cls.of_samples(np.zeros(FRAME, np.int16))

    @classmethod
    def of_file(cls, path: Path) -> "Voice":
        """Whatever FFmpeg can read."""
        return cls.of_samples(read_audio(path, RATE))


def read_audio(path: Path, rate: int) -> Samples:
    """The audio of a file as mono samples at `rate` Hz. OSError: it cannot be read."""
    try:
        return decode(path.read_bytes(), rate, longest=_LONGEST)
    except ValueError as error:
        raise OSError(f"{path}: {error}") from error


def write_audio(path: Path, samples: Samples, rate: int) -> None:
    """Mono samples at `rate` Hz, perhaps none, as a WAV file (or of another kind that holds them).

    OSError: it cannot be written.
    """
    try:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("pcm_s16le", rate=rate, layout="mono")
            container.start_encoding()  # or there is no file where there are no samples
            if len(samples):
                row = samples.reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(row, format="s16", layout="mono")
                frame.sample_rate = rate
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except ValueError as error:
        raise OSError(f"{path}: {error}; a name that ends in .wav will do") from error
