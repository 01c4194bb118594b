"""A participant of the lab's own: says something all the time, and records what it hears."""

import secrets
import struct
from collections import deque
from collections.abc import Callable

import numpy as np

from audiocodecs.frames import Samples
from gateway.lab.voice import FRAME, Voice
from gateway.media.decoding import OpusStreamDecoder
from gateway.media.playout import Playout
from gateway.rtp.packet import RtpPacket, pack_extensions
from gateway.rtp.red import RedSender
from gateway.rtp.rtcp import SenderReport
from gateway.rtp.sender import RtpSender
from gateway.rtp.telephone_event import DIGITS

RATE = 8000
_CLOCK_RATE = 48000
_LONGEST = 50 * 600  # frames kept of each source: ten minutes
_REPORT_EVERY = 100  # frames
_HELD, _BETWEEN = 8, 4  # frames of a key press, and behind it
_FIRST = (160).to_bytes(2)  # the duration in a press' first packet


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

    With `event_type` it can press keys, with `red_type` it says everything twice.

    With `listens` False it hears nothing, and costs next to nothing.
    """

    def __init__(
        self,
        name: str,
        voice: Voice,
        *,
        payload_type: int,
        level_id: int,
        event_type: int | None = None,
        red_type: int | None = None,
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
        self._event_type = event_type
        self._red_type = red_type
        self._red = RedSender(payload_type)
        self._keys: deque[tuple[bytes, ...]] = deque()
        self._pressed_at = 0  # the timestamp of the key that is held
        self._sender = RtpSender(
            self.ssrc, _CLOCK_RATE, sequence=secrets.randbits(16), timestamp=secrets.randbits(32)
        )
        self._ears: dict[int, _Ear] = {}

    def tick(self, now: float) -> None:
        """Say, and hear, the next 20 ms."""
        if self._keys:
            self._hold_key()
        elif self.muted:
            self._sender.pause(FRAME)
            self._red.pause()
        else:
            payload, level = self._voice.packets[self._at]
            extension = pack_extensions({self._level_id: bytes([level])})
            payload_type, payload = self._packed(payload)
            self.send(self._sender.packet(payload_type, payload, FRAME, extension))
        self._at = (self._at + 1) % len(self._voice.packets)
        if self._sender.packets % _REPORT_EVERY == 1:
            self.report(self._sender.report(now, ()))
        for ear in self._ears.values():
            ear.tick(now)

    def press(self, digits: str) -> None:
        """Press keys, one after the other, as a browser's dial pad does (RFC 4733)."""
        if self._event_type is None:
            raise ValueError("telephone-event was not offered")
        for digit in digits:
            code = DIGITS.index(digit)
            for step in range(1, _HELD + 1):
                event = struct.pack("!BBH", code, 0x8A if step == _HELD else 0x0A, step * 160)
                self._keys.append((event,) * (3 if step == _HELD else 1))
            self._keys.extend([()] * _BETWEEN)

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

    def concealed(self, ssrc: int) -> float:
        """Seconds of a source that were lost and had to be made up."""
        ear = self._ears.get(ssrc)
        return ear.playout.concealed if ear else 0.0

    def mix(self) -> Samples:
        """Everything heard, all sources together, aligned at the end."""
        recordings = [self.recording(ssrc).astype(np.int32) for ssrc in self._ears]
        if not recordings:
            return np.zeros(0, np.int16)
        total = np.zeros(max(len(recording) for recording in recordings), np.int32)
        for recording in recordings:
            total[len(total) - len(recording) :] += recording
        return np.clip(total, -32768, 32767).astype(np.int16)

    def _packed(self, payload: bytes) -> tuple[int, bytes]:
        if self._red_type is not None:
            redundant = self._red.payload(payload, self._sender.timestamp)
            if redundant is not None:
                return self._red_type, redundant
        return self._payload_type, payload

    def _hold_key(self) -> None:
        """20 ms of a key press, or of the pause behind it."""
        assert self._event_type is not None
        events = self._keys.popleft()
        begins = bool(events) and events[0][2:] == _FIRST
        if begins:
            self._pressed_at = self._sender.timestamp
        for event in events:
            self.send(self._sender.event(self._event_type, event, self._pressed_at, marker=begins))
        self._sender.pause(FRAME)

    def stop_listening(self) -> None:
        """Hear nothing from now on, and forget what was heard."""
        self._listens = False
        self._ears.clear()

    def forget(self) -> None:
        """Begin the recordings anew."""
        for ear in self._ears.values():
            ear.frames.clear()


def _nowhere(_: object) -> None:
    """Where a speaker speaks to before it is in a room."""
