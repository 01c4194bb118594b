"""What a leg asks of a codec to send by, and the codecs a phone may negotiate.

G.711 can also be encoded for many phones at once (`G711.encode_rows`); the others keep a state
for each stream.
"""

import re
from typing import Protocol

from audiocodecs.frames import Samples
from audiocodecs.g711 import G711, PCMA, PCMU
from audiocodecs.g722 import SAMPLE_RATE as G722_RATE
from audiocodecs.g722 import G722Encoder
from audiocodecs.opus import OpusEncoder
from gateway.media.decoding import PHONE_OPUS_RATE
from gateway.media.descriptions import Payload

LAWS = {law.name: law for law in (PCMU, PCMA)}
PHONE_ENCODINGS = frozenset({*LAWS, "G722", "OPUS"})
"""The audio encodings that a phone leg can send and receive."""

_OPUS_BITRATE = 32_000  # wide-band speech with FEC
_LEAST_OPUS_BITRATE = 6_000  # RFC 7587 section 3.1.1
LEAST_LOSS = 0.05  # the share of FEC never falls below what this fraction needs
_PARAMETER = re.compile(r"\s*([a-z0-9-]+)\s*=\s*(\d{1,9})\s*", re.ASCII | re.IGNORECASE)


class PhoneEncoder(Protocol):
    """Turns frames at `rate` Hz into the payloads of one stream."""

    rate: int

    def encode(self, frame: Samples) -> bytes:
        """The payload of a frame, of as many milliseconds as a packet has."""
        ...

    def set_loss(self, fraction: float) -> None:
        """The phone says that it loses this fraction of the packets."""
        ...


class G711Encoder:
    """PCMU or PCMA."""

    rate = 8000

    def __init__(self, law: G711) -> None:
        self._law = law

    def encode(self, frame: Samples) -> bytes:
        return self._law.encode(frame)

    def set_loss(self, fraction: float) -> None:
        """There is no FEC to size."""


class G722StreamEncoder:
    """G.722, whose payloads are numbered by a clock of 8 kHz."""

    rate = G722_RATE

    def __init__(self) -> None:
        self._encoder = G722Encoder()

    def encode(self, frame: Samples) -> bytes:
        return self._encoder.encode(frame)

    def set_loss(self, fraction: float) -> None:
        """There is no FEC to size."""


class OpusStreamEncoder:
    """Opus, as the phone's format parameters ask for it (RFC 7587 section 6.1)."""

    rate = PHONE_OPUS_RATE

    def __init__(self, parameters: str) -> None:
        wanted = integer_parameters(parameters)
        most = max(wanted.get("maxaveragebitrate", _OPUS_BITRATE), _LEAST_OPUS_BITRATE)
        self._encoder = OpusEncoder(self.rate, bitrate=min(_OPUS_BITRATE, most))
        self._encoder.set_fec(wanted.get("useinbandfec", 0) == 1)
        self._encoder.set_max_rate(wanted.get("maxplaybackrate", self.rate))

    def encode(self, frame: Samples) -> bytes:
        return self._encoder.encode(frame)

    def set_loss(self, fraction: float) -> None:
        self._encoder.set_loss(max(LEAST_LOSS, fraction))


def phone_encoder(payload: Payload) -> PhoneEncoder:
    """The encoder for an audio payload that a phone leg may negotiate."""
    match payload.encoding:
        case "OPUS":
            return OpusStreamEncoder(payload.parameters)
        case "G722":
            return G722StreamEncoder()
    return G711Encoder(LAWS[payload.encoding])


def integer_parameters(parameters: str) -> dict[str, int]:
    """The format parameters (a=fmtp) that are whole numbers, by their names in lower case."""
    matches = (_PARAMETER.fullmatch(part) for part in parameters.split(";"))
    return {match[1].lower(): int(match[2]) for match in matches if match is not None}
