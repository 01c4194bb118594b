"""The payload types that were negotiated with a phone, by what they are good for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from gateway.media.descriptions import Payload
from gateway.media.encoding import LAWS, PHONE_ENCODINGS


@dataclass(frozen=True, slots=True)
class PhonePayloads:
    """Audio, key presses (RFC 4733) and comfort noise (RFC 3389), each by payload type."""

    audio: dict[int, Payload]
    events: dict[int, Payload]
    noise: dict[int, Payload]

    @classmethod
    def of(cls, payloads: Iterable[Payload]) -> Self:
        """Sort them; the first audio is the one to send."""
        audio, events, noise = {}, {}, {}
        for payload in payloads:
            if payload.encoding in PHONE_ENCODINGS:
                audio[payload.payload_type] = payload
            elif payload.encoding == "TELEPHONE-EVENT":
                events[payload.payload_type] = payload
            elif payload.encoding == "CN":
                noise[payload.payload_type] = payload
        return cls(audio, events, noise)

    @property
    def sent(self) -> Payload:
        """The audio to send."""
        return next(iter(self.audio.values()))

    @property
    def sent_event(self) -> Payload | None:
        """How to send key presses: by the clock of the audio, if there is a choice."""
        fitting = (each for each in self.events.values() if self._keeps_time(each))
        return next(fitting, next(iter(self.events.values()), None))

    @property
    def sent_noise(self) -> Payload | None:
        """How to say that there is silence; G.722 and Opus have no need of it."""
        if self.sent.encoding not in LAWS:
            return None
        return next((each for each in self.noise.values() if self._keeps_time(each)), None)

    @property
    def types(self) -> frozenset[int]:
        """What may arrive."""
        return frozenset((*self.audio, *self.events, *self.noise))

    def _keeps_time(self, payload: Payload) -> bool:
        return payload.clock_rate == self.sent.clock_rate
