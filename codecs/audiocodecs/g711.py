"""G.711 mu-law and A-law (ITU-T G.711) by table.

The decision values of G.711 lie midway between its output values, so each 16-bit sample is
encoded as the code whose output value is nearest.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from audiocodecs.frames import Samples

SAMPLE_RATE = 8000


def _mulaw_values() -> npt.NDArray[np.int32]:
    """The output value of each mu-law code, scaled to 16 bits."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude)


def _alaw_values() -> npt.NDArray[np.int32]:
    """The output value of each A-law code, scaled to 16 bits."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    step = ((code & 0x0F) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 0x100) << np.maximum(segment - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude)


def _nearest_codes(values: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    """For every 16-bit pattern (taken as unsigned index) the code with the nearest value."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    midpoints = (ascending[1:] + ascending[:-1]) / 2
    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    return order[np.searchsorted(midpoints, samples, side="left")].astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class G711:
    """One of the two laws: stateless, so one object serves every call."""

    name: str
    rate: ClassVar[int] = SAMPLE_RATE
    _values: Samples
    _codes: npt.NDArray[np.uint8]

    def decode(self, payload: bytes) -> Samples:
        """int16 samples at 8 kHz, one for each byte of `payload`."""
        return self._values.take(np.frombuffer(payload, np.uint8))

    def encode(self, samples: Samples) -> bytes:
        """One byte for each int16 sample at 8 kHz."""
        return self._codes.take(samples.view(np.uint16)).tobytes()

    def silence(self, count: int) -> bytes:
        """`count` samples of digital silence, encoded."""
        return self._codes[:1].tobytes() * count

    def encode_rows(self, samples: Samples) -> list[bytes]:
        """Encode each row of a contiguous (calls, samples) array: one table look-up for all."""
        count, size = samples.shape
        codes = self._codes.take(samples.view(np.uint16)).tobytes()
        return [codes[at : at + size] for at in range(0, count * size, size)]


def _law(name: str, values: npt.NDArray[np.int32]) -> G711:
    return G711(name, values.astype(np.int16), _nearest_codes(values))


PCMU = _law("PCMU", _mulaw_values())
PCMA = _law("PCMA", _alaw_values())
