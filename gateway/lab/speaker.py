"""A participant of the lab's own: says something all the time, and records what it hears."""

import secrets
from collections.abc import Callable

import numpy as np

from audiocodecs.frames import Samples
from gateway.lab.voice import FRAME, Voice
from gateway.media.decoding import OpusStreamDecoder
from gateway.media.playout import Playout
from gateway.rtp.packet import RtpPacket, pack_extensions
from gateway.rtp.rtcp import SenderReport
from gateway.rtp.sender import RtpSender

RATE = 8000
_CLOCK_RATE = 48000
_LONGEST = 50 * 600  # frames kept of each source: ten minutes
_REPORT_EVERY = 100  # frames


class _Ear:
    """What is heard of one source: played out as a browser would, and kept."""

    def __init__(self) -> None:
        self.playout = Playout(OpusStreamDecoder(RATE), _CLOCK_RATE)
        self.frames: list[Samples] = []

    def tick(self, now: float) -> None:
        if len(self.frames) < _LONGEST:
            self.frames.append(self.playout.pull(now))


class Speaker:
    """Speaks with `ssrc` through `send`; `payload_type` and `level_id` are the focus' choice.

    With `listens` False it hears nothing, and costs next to nothing.
    """

    def __init__(
        self,
        name: str,
        voice: Voice,
        *,
        payload_type: int,
        level_id: int,
        ssrc: int | None = None,
        listens: bool = True,
    ) -> None:
        self.name = name
        self.ssrc = ssrc or secrets.randbits(32) or 1
        self.send: Callable[[RtpPacket], None] = _nowhere
        self.report: Callable[[SenderReport], None] = _nowhere
        self.muted = False
        self._voice = voice
        self._at = 0
        self._payload_type = payload_type
        self._level_id = level_id
        self._listens = listens
        self._sender = RtpSender(
            self.ssrc, _CLOCK_RATE, sequence=secrets.randbits(16), timestamp=secrets.randbits(32)
        )
        self._ears: dict[int, _Ear] = {}

    def tick(self, now: float) -> None:
        """Say, and hear, the next 20 ms."""
        if self.muted:
            self._sender.pause(FRAME)
        else:
            payload, level = self._voice.packets[self._at]
            extension = pack_extensions({self._level_id: bytes([level])})
            self.send(self._sender.packet(self._payload_type, payload, FRAME, extension))
        self._at = (self._at + 1) % len(self._voice.packets)
        if self._sender.packets % _REPORT_EVERY == 1:
            self.report(self._sender.report(now, ()))
        for ear in self._ears.values():
            ear.tick(now)

    def hear(self, packet: RtpPacket, now: float) -> None:
        """Take what the bridge forwards."""
        if not self._listens or packet.payload_type != self._payload_type:
            return
        ear = self._ears.get(packet.ssrc)
        if ear is None:
            ear = self._ears[packet.ssrc] = _Ear()
        ear.playout.put(packet, now)

    @property
    def heard(self) -> frozenset[int]:
        """The SSRCs something was heard of."""
        return frozenset(self._ears)

    def recording(self, ssrc: int) -> Samples:
        """Everything heard of one source, at 8 kHz, from its first packet on."""
        ear = self._ears.get(ssrc)
        return np.concatenate(ear.frames) if ear and ear.frames else np.zeros(0, np.int16)

    def mix(self) -> Samples:
        """Everything heard, all sources together, aligned at the end."""
        recordings = [self.recording(ssrc).astype(np.int32) for ssrc in self._ears]
        if not recordings:
            return np.zeros(0, np.int16)
        total = np.zeros(max(len(recording) for recording in recordings), np.int32)
        for recording in recordings:
            total[len(total) - len(recording) :] += recording
        return np.clip(total, -32768, 32767).astype(np.int16)

    def forget(self) -> None:
        """Begin the recordings anew."""
        for ear in self._ears.values():
            ear.frames.clear()


def _nowhere(_: object) -> None:
    """Where a speaker speaks to before it is in a room."""
