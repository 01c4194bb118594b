"""The media of SIPp's calls: SIPp signals, this speaks and listens.

Each call's SDP names a port of the agent. There the caller speaks a pulsed tone of its own while
it is told to, and records what it is sent.
"""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from audiocodecs.frames import Samples
from audiocodecs.g711 import PCMA, PCMU
from audiocodecs.tones import pulsed
from gateway.errors import RtpError
from gateway.lab.listening import listen_for
from gateway.lab.phone_media import RATE, PhoneMedia
from gateway.media.messages import Payload
from gateway.rtp.packet import RtpPacket, is_rtcp

FRAME = 0.020  # seconds
_LONGEST = RATE * 600  # samples of a tape
EVENT_TYPE = 101  # telephone-event, as the scenarios offer it

# No DTMF frequency and none of the gateway's own tones; at least 200 Hz apart, which is what the
# ears can tell.
TONES = (560.0, 1070.0, 1275.0, 1550.0, 1800.0, 2050.0, 2300.0, 2550.0, 2800.0, 3050.0)

PULSE = 0.100  # seconds of silence in every pulsed tone
_SPOKEN = float(np.abs(pulsed(TONES[0], rate=RATE)).max())
_HEARD, _UNHEARD = 0.3, 0.05  # of the spoken amplitude: above it is there, below it is not


class Tape:
    """What was sent to a phone, each packet where its timestamp says: as heard by somebody whose
    network and machine never stumble."""

    def __init__(self) -> None:
        self._samples = np.zeros(RATE * 30, np.int16)
        self._end = 0
        self._ssrc: int | None = None
        self._begin = 0  # the timestamp of the first sample

    @property
    def samples(self) -> Samples:
        """All of it so far; not to be written to."""
        return self._samples[: self._end]

    def put(self, packet: RtpPacket, heard: Samples) -> None:
        """A packet has come, with that in it."""
        if packet.ssrc != self._ssrc:
            self._ssrc = packet.ssrc
            self._begin = packet.timestamp - self._end
        at = (packet.timestamp - self._begin) & 0xFFFFFFFF
        end = at + len(heard)
        if at > _LONGEST:
            return  # it is from before the first, say
        while end > len(self._samples):
            self._samples = np.concatenate((self._samples, np.zeros_like(self._samples)))
        self._samples[at:end] = heard
        self._end = max(self._end, end)


class _TapedMedia(PhoneMedia):
    """The media of a phone, and a tape that runs beside."""

    def __init__(self, speaks: Samples, payload: Payload, event: Payload) -> None:
        super().__init__(speaks, payload, event)
        self.tape = Tape()
        self._law = PCMA if payload.encoding == "PCMA" else PCMU
        self._type = payload.payload_type

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        super().datagram_received(data, addr)
        try:
            packet = RtpPacket.parse(data) if not is_rtcp(data) else None
        except RtpError:
            return
        if packet is not None and packet.payload_type == self._type:
            self.tape.put(packet, self._law.decode(packet.payload))


class Caller:
    """The media of one call, from `open` to `close`; `port` is for its SDP.

    `codec` is what the scenario negotiates: PCMU or PCMA.
    """

    def __init__(self, name: str, tone: float, *, codec: str = "PCMU") -> None:
        self.name = name
        self.tone = tone
        self.port = 0
        self._host = ""
        self.is_connected = False
        self._pulse = pulsed(tone, rate=RATE)
        self._speech = np.zeros_like(self._pulse)  # what the media says: written to while it speaks
        self._media = _TapedMedia(
            self._speech,
            Payload({"PCMU": 0, "PCMA": 8}[codec], codec, RATE),
            Payload(EVENT_TYPE, "TELEPHONE-EVENT", RATE),
        )

    async def open(self, host: str) -> None:
        """Take a port of a host of this machine."""
        self._host, self.port = await self._media.open(host)

    def connect(self, port: int) -> None:
        """The call is answered: send to the port the gateway's SDP says, and record."""
        if not self.is_connected:
            self.is_connected = True
            self._media.connect((self._host, port))

    def speak(self, speaking: bool) -> None:
        """Say the tone from now on, or be silent."""
        self._speech[:] = self._pulse if speaking else 0

    def press(self, digits: str) -> None:
        """Press keys, so that they are heard."""
        self._media.press_tones(digits)

    def press_events(self, digits: str) -> None:
        """Press keys, so that they come as telephone-events (RFC 4733)."""
        self._media.press(digits)

    def forget(self) -> None:
        """Begin the recording anew."""
        self._media.frames.clear()

    @property
    def seconds(self) -> float:
        """How much was recorded since, in media time."""
        return len(self._media.frames) * FRAME

    @property
    def recording(self) -> Samples:
        """What was heard since."""
        return self._media.recording()

    @property
    def tape(self) -> Samples:
        """What was sent since the call was answered; not to be written to."""
        return self._media.tape.samples

    @property
    def packets(self) -> int:
        """RTP packets that came."""
        return self._media.reception.packets if self._media.reception is not None else 0

    async def close(self) -> None:
        """Give the port back."""
        await self._media.close()


def find_faults(
    recording: Samples, expected: Collection[float], *, span: float = 1.0
) -> Iterator[tuple[float, str]]:
    """The tones, and what is wrong with them, if exactly the `expected` should be in a recording.

    Those have to be in every `span` seconds of it, and others in none.
    """
    for tone in TONES:
        loudness = _loudness(tone, recording, round(span * RATE))
        if tone not in expected and max(loudness) > _UNHEARD:
            yield tone, f"({max(loudness):.0%})"
        elif tone in expected and min(loudness) < _HEARD:
            yield tone, f"not or too softly ({min(loudness):.0%})"


def longest_hole(recording: Samples, expected: Collection[float]) -> float:
    """The longest absence of a tone that should be there, beyond its own pauses, in seconds."""
    absences = (listen_for(tone, recording, RATE).longest_absence for tone in expected)
    return max(0.0, max(absences, default=0.0) - PULSE)


def _loudness(tone: float, recording: Samples, length: int) -> list[float]:
    """How loud a tone is in each piece of so many samples, as a share of what was spoken."""
    pieces = range(0, len(recording) - length + 1, length)
    heard = [listen_for(tone, recording[at : at + length], RATE) for at in pieces]
    return [each.amplitude / _SPOKEN for each in heard] or [0.0]
