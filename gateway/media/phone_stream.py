"""What is heard of a phone: one SSRC with one audio payload type, in frames of the leg's rate."""

from dataclasses import dataclass
from typing import Self

from audiocodecs.frames import Samples
from audiocodecs.resampling import Doubler, Halver, converter
from gateway.media.decoding import phone_decoder
from gateway.media.messages import Payload, StreamReport
from gateway.media.pause_noise import PauseNoise
from gateway.media.playout import Playout
from gateway.media.reports import combined, counted, played
from gateway.rtp.packet import RtpPacket
from gateway.rtp.statistics import Reception


@dataclass(slots=True)
class PhoneStream:
    """Made by `begin`; packets of its SSRC go in, frames of 20 ms come out."""

    ssrc: int
    payload: Payload
    playout: Playout
    reception: Reception
    _rate: int = 0
    _converter: Doubler | Halver | None = None
    _noise: PauseNoise | None = None

    @classmethod
    def begin(
        cls, ssrc: int, payload: Payload, before: Self | None, *, rate: int, max_delay: float
    ) -> Self:
        """Hear `ssrc` from now on, at `rate` Hz; of the stream `before` it perhaps goes on."""
        playout = Playout(phone_decoder(payload), payload.clock_rate, max_delay=max_delay)
        reception = Reception(ssrc, payload.clock_rate)
        if (
            before is not None
            and before.ssrc == ssrc
            and before.payload.clock_rate == payload.clock_rate
        ):
            reception = before.reception  # only the codec has changed
        stream = cls(ssrc, payload, playout, reception)
        stream.play_at(rate)
        return stream

    def counted_before(self, successor: Self) -> StreamReport:
        """What stays of its statistics now that `successor` is heard, which may count on."""
        if successor.reception is self.reception:
            return played(self.playout)
        return combined((counted(self.reception), played(self.playout)))

    def is_of(self, packet: RtpPacket, payload: Payload) -> bool:
        """Whether an audio packet, of which the type stands for `payload` now, goes on with this
        stream: a new offer may have given the same type to another codec."""
        known = self.payload
        return (packet.ssrc, payload.payload_type, payload.encoding, payload.clock_rate) == (
            self.ssrc,
            known.payload_type,
            known.encoding,
            known.clock_rate,
        )

    def play_at(self, rate: int) -> None:
        """Give frames of `rate` Hz, whatever the codec has."""
        if rate != self._rate:
            self._rate = rate
            self._converter = converter(self.playout.decoder.rate, rate)

    def receive(self, packet: RtpPacket, now: float) -> None:
        """Take a packet of audio."""
        self.reception.received(packet, now)
        self.playout.put(packet, now)

    def receive_noise(self, packet: RtpPacket, now: float) -> None:
        """Take a packet of comfort noise: the phone pauses, and that is no loss."""
        self.reception.received(packet, now)
        self.playout.pause(packet.sequence)
        if not packet.payload:
            return
        if self._noise is None:
            self._noise = PauseNoise(packet.payload, self.ssrc)
        else:
            self._noise.tell(packet.payload)

    def receive_event(self, packet: RtpPacket, now: float) -> None:
        """Take note of a packet that has a key press: it is not lost audio."""
        self.reception.received(packet, now)
        self.playout.put_aside(packet.sequence)

    def pull(self, now: float) -> Samples:
        """The next 20 ms."""
        frame = self.playout.pull(now)
        if self._noise is not None:
            frame = self._noise.fill(frame)
        return frame if self._converter is None else self._converter.convert(frame)
