"""What playout asks of a codec, and the codecs that answer."""

from typing import Protocol

from audiocodecs.concealment import Concealer
from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import G711, PCMA, PCMU
from audiocodecs.g722 import SAMPLE_RATE as G722_RATE
from audiocodecs.g722 import G722Decoder
from audiocodecs.opus import OpusDecoder, OpusError, duration
from gateway.media.descriptions import Payload

PHONE_OPUS_RATE = 16000
"""Phones that have Opus are heard, and spoken to, in wide-band."""


_NOTHING: tuple[bytes | None, Samples] = (None, silence(0))


class PayloadError(ValueError):
    """A payload its codec cannot decode."""


class Decoder(Protocol):
    """Turns the payloads of one stream into samples at `rate` Hz, and fills its gaps."""

    rate: int
    recovers: bool
    """Whether a missing packet is made better out of the one after it, so that it is worth waiting
    for."""

    def duration(self, payload: bytes) -> int:
        """How many samples the payload holds. PayloadError: it is damaged."""
        ...

    def decode(self, payload: bytes) -> Samples:
        """Those samples. PayloadError: it is damaged."""
        ...

    def recover(self, next_payload: bytes, count: int) -> Samples:
        """`count` samples before a packet, from what that packet says about them."""
        ...

    def conceal(self, count: int) -> Samples:
        """`count` samples in place of missing ones."""
        ...

    def reset(self) -> None:
        """Forget the past: what comes next does not follow what was decoded last."""
        ...


class G711Decoder:
    """PCMU or PCMA with concealment; the packet after a gap shows where it leads to."""

    rate = 8000
    recovers = True

    def __init__(self, law: G711) -> None:
        self._law = law
        self._concealer = Concealer(self.rate)

    def duration(self, payload: bytes) -> int:
        return len(payload)

    def decode(self, payload: bytes) -> Samples:
        return self._concealer.heard(self._law.decode(payload))

    def recover(self, next_payload: bytes, count: int) -> Samples:
        return self._concealer.bridge(count, self._law.decode(next_payload))

    def conceal(self, count: int) -> Samples:
        return self._concealer.conceal(count)

    def reset(self) -> None:
        self._concealer = Concealer(self.rate)


class G722StreamDecoder:
    """G.722 with concealment; what its decoder has adapted to is kept over a gap.

    The packet after a gap is decoded when the gap is filled, since nothing before it will be.
    """

    rate = G722_RATE
    recovers = True

    def __init__(self) -> None:
        self._decoder = G722Decoder()
        self._concealer = Concealer(self.rate)
        self._decoded = _NOTHING  # before its turn

    def duration(self, payload: bytes) -> int:
        return 2 * len(payload)

    def decode(self, payload: bytes) -> Samples:
        known, samples = self._decoded
        if payload is not known:
            samples = self._decoder.decode(payload)
        self._decoded = _NOTHING
        return self._concealer.heard(samples)

    def recover(self, next_payload: bytes, count: int) -> Samples:
        samples = self._decoder.decode(next_payload)
        self._decoded = (next_payload, samples)
        return self._concealer.bridge(count, samples)

    def conceal(self, count: int) -> Samples:
        return self._concealer.conceal(count)

    def reset(self) -> None:
        self._decoder = G722Decoder()
        self._concealer = Concealer(self.rate)
        self._decoded = _NOTHING


class OpusStreamDecoder:
    """Opus at any of its rates, with its own FEC and concealment."""

    recovers = True

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._decoder = OpusDecoder(rate)
        self._step = rate // 400  # libopus conceals in multiples of 2.5 ms

    def duration(self, payload: bytes) -> int:
        try:
            return duration(payload, self.rate)
        except OpusError as error:
            raise PayloadError(str(error)) from error

    def decode(self, payload: bytes) -> Samples:
        try:
            return self._decoder.decode(payload)
        except OpusError as error:
            raise PayloadError(str(error)) from error

    def recover(self, next_payload: bytes, count: int) -> Samples:
        try:
            return self._decoder.recover(next_payload, self._whole(count))[:count]
        except OpusError:
            return self.conceal(count)

    def conceal(self, count: int) -> Samples:
        return self._decoder.conceal(self._whole(count))[:count]

    def reset(self) -> None:
        self._decoder.reset()

    def _whole(self, count: int) -> int:
        return -(-count // self._step) * self._step


def phone_decoder(payload: Payload) -> Decoder:
    """The decoder for an audio payload that a phone leg may negotiate."""
    match payload.encoding:
        case "OPUS":
            return OpusStreamDecoder(PHONE_OPUS_RATE)
        case "G722":
            return G722StreamDecoder()
        case "PCMA":
            return G711Decoder(PCMA)
        case "PCMU":
            return G711Decoder(PCMU)
    raise ValueError(f"no codec for {payload.encoding}")
