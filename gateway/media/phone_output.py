"""What one phone is sent: audio, key presses in its place, comfort noise in silence. No IO.

Frames of 20 ms come in, packets of the agreed length go out. G.711 comes encoded, since it is
encoded for many phones at once; for G.722 and Opus, whose encoders have a state, samples come.
"""

import secrets

import numpy as np

from audiocodecs.comfort_noise import ComfortNoise
from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import G711
from gateway.media.encoding import LAWS, phone_encoder
from gateway.media.key_presses import KeyPresses
from gateway.media.messages import Payload, StreamReport
from gateway.media.phone_payloads import PhonePayloads
from gateway.media.reports import combined, sent
from gateway.rtp.rtcp import ReportBlock
from gateway.rtp.sender import RtpSender

_FRAMES = 50  # a second
_SILENCE = ComfortNoise(level=65).serialize()  # softer than any line, and no dead one
_SILENCE_EVERY = _FRAMES  # frames, while it lasts


class PhoneOutput:
    """The sending half of a phone leg, from the first answer on."""

    def __init__(self, payloads: PhonePayloads, ptime: int) -> None:
        self._sent = payloads.sent
        self._encoder = phone_encoder(self._sent)
        self.sender = _sender(self._sent)
        self._before = StreamReport()  # by senders of other clock rates
        self._keys = KeyPresses(self.rate, self._sent.clock_rate)
        self._octets, self._samples = b"", silence(0)  # that fill no packet yet
        self._use(payloads, ptime)

    def negotiated(self, payloads: PhonePayloads, ptime: int, reported: ReportBlock | None) -> None:
        """Go on as a new offer/answer wants it; `reported` is what the phone has said last.

        Where the RTP clock changes a new SSRC begins: two clocks in one stream cannot be told
        apart (RFC 7160).
        """
        so_far = self.report(reported)
        before, self._sent = self._sent, payloads.sent
        is_other = (before.encoding, before.parameters) != (
            self._sent.encoding,
            self._sent.parameters,
        )
        if is_other:
            self._encoder = phone_encoder(self._sent)
        if is_other or self._event != payloads.sent_event:
            self._keys = self._keys.after(self.rate, self._sent.clock_rate)
        if before.clock_rate != self._sent.clock_rate:
            self._before = so_far
            self.sender = _sender(self._sent)
        self._use(payloads, ptime)

    @property
    def rate(self) -> int:
        """The rate of the samples for this phone, in Hz."""
        return self._encoder.rate

    @property
    def law(self) -> G711 | None:
        """The law of the payloads that `push` wants; None: `push_frame` wants samples."""
        return LAWS.get(self._sent.encoding)

    def push(self, payload: bytes) -> list[bytes]:
        """Send a frame that is encoded by `law`; the packets that are full now."""
        assert self.law is not None
        pressed = self._press()
        if pressed is not None:
            return pressed
        tone = self._tone()
        if tone is not None:
            payload = self.law.encode(tone)
        elif self._noise is not None and payload == self._silent and not self._octets:
            return self._say_silence(self._noise)
        self._silent_frames = 0
        self._octets += payload
        packets = []
        while len(self._octets) >= self._units:
            packets.append(self._packet(self._octets[: self._units]))
            self._octets = self._octets[self._units :]
        return packets

    def push_frame(self, frame: Samples) -> list[bytes]:
        """Send a frame of samples; the packets that are full now."""
        pressed = self._press()
        if pressed is not None:
            return pressed
        tone = self._tone()
        frame = frame if tone is None else tone
        self._samples = np.concatenate((self._samples, frame)) if len(self._samples) else frame
        packets = []
        while len(self._samples) >= self._size:
            packets.append(self._packet(self._encoder.encode(self._samples[: self._size])))
            self._samples = self._samples[self._size :]
        return packets

    def pause(self) -> None:
        """Let a frame pass in which the phone is sent nothing; keys are forgotten."""
        self._keys.clear()
        self.sender.pause(self._frame)

    def absent(self, seconds: float) -> None:
        """Let so much time pass, by whole frames, in which the phone was sent nothing."""
        self.sender.pause(round(seconds * _FRAMES) * self._frame)

    def send_digit(self, digit: str, duration: float) -> None:
        """Send a key press of `duration` seconds; ValueError if there is no such key."""
        self._keys.press(digit, duration)

    @property
    def is_pressing(self) -> bool:
        """Whether a key is being sent."""
        return self._keys.is_pressing

    def set_loss(self, fraction: float) -> None:
        """The phone says that it loses this fraction of the packets."""
        self._encoder.set_loss(fraction)

    def report(self, reported: ReportBlock | None) -> StreamReport:
        """What was sent so far, and what the phone says has become of it."""
        return combined((self._before, sent(self.sender, reported, self._sent.clock_rate)))

    def _use(self, payloads: PhonePayloads, ptime: int) -> None:
        self._event, self._noise = payloads.sent_event, payloads.sent_noise
        self._silent = self.law.encode(silence(self.rate // _FRAMES)) if self.law else b""
        self._silent_frames = 0
        self._frame = self._sent.clock_rate // _FRAMES  # in units of the RTP clock, as `_units`
        self._units: int = self._sent.clock_rate // 1000 * ptime
        self._size: int = self.rate // 1000 * ptime
        self._octets, self._samples = b"", silence(0)

    def _press(self) -> list[bytes] | None:
        """The packets of a key that is pressed now; None: nothing is, or it is a tone."""
        if self._event is None:
            return None
        pressed, packet = self._keys.event(self._event, self.sender)
        if not pressed:
            return None
        self._octets, self._samples = b"", silence(0)
        return [packet.serialize()] if packet is not None else []

    def _tone(self) -> Samples | None:
        return self._keys.tone() if self._event is None else None

    def _packet(self, payload: bytes) -> bytes:
        packet = self.sender.packet(self._sent.payload_type, payload, self._units)
        return packet.serialize()

    def _say_silence(self, noise: Payload) -> list[bytes]:
        """Comfort noise, at the beginning of a silence and every now and then (RFC 3389)."""
        is_due = self._silent_frames % _SILENCE_EVERY == 0
        self._silent_frames += 1
        packets = []
        if is_due:
            at = self.sender.timestamp
            said = self.sender.event(noise.payload_type, _SILENCE, at, marker=False)
            packets.append(said.serialize())
        self.sender.pause(self._frame)
        return packets


def _sender(payload: Payload) -> RtpSender:
    return RtpSender(
        secrets.randbits(32),
        payload.clock_rate,
        sequence=secrets.randbits(15),
        timestamp=secrets.randbits(32),
    )
