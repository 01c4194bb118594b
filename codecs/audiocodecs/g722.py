"""G.722 (ITU-T G.722) at 64 kbit/s: wide-band speech, 16 kHz, through the package G722.

Its RTP clock runs at 8 kHz though samples come at 16 kHz, by an error that RFC 3551 (section
4.5.2) keeps: an octet is two samples and one unit of that clock. One encoder or decoder belongs
to one stream and must not be shared.
"""

import numpy as np
from G722 import G722

from audiocodecs.frames import Samples

SAMPLE_RATE = 16000
_BIT_RATE = 64_000


class G722Encoder:
    """Encodes one stream."""

    def __init__(self) -> None:
        self._codec = G722(SAMPLE_RATE, _BIT_RATE)

    def encode(self, samples: Samples) -> bytes:
        """One octet for every two int16 samples at 16 kHz; their number is even."""
        return bytes(self._codec.encode(samples))


class G722Decoder:
    """Decodes one stream; every octet means something, so there is no damaged payload."""

    def __init__(self) -> None:
        self._codec = G722(SAMPLE_RATE, _BIT_RATE, use_numpy=False)

    def decode(self, payload: bytes) -> Samples:
        """Two int16 samples at 16 kHz for each octet of `payload`."""
        return np.frombuffer(self._codec.decode(payload), np.int16)
