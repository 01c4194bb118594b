"""The media of a test phone: speaks from a loop of samples and records what it hears."""

import asyncio
import secrets
import struct
from typing import Any

import numpy as np

from audiocodecs.frames import Samples, silence
from audiocodecs.tones import dtmf
from gateway.errors import RtpError
from gateway.lab.delay import Tap
from gateway.lab.pace import Pace
from gateway.media.decoding import phone_decoder
from gateway.media.encoding import phone_encoder
from gateway.media.messages import Payload
from gateway.media.playout import Playout
from gateway.rtp.packet import RtpPacket, is_rtcp
from gateway.rtp.rtcp import ReceiverReport, SenderReport, SourceDescription, parse_compound
from gateway.rtp.sender import RtpSender
from gateway.rtp.statistics import Reception
from gateway.rtp.telephone_event import DIGITS, Press, TelephoneEventReceiver

RATE = 8000
"""That of G.711, which phones speak if nothing else is asked of them."""

_FRAMES = 50  # a second
_REPORT_EVERY = 125  # frames
_PRESS = 5  # frames a key is held
_LONGEST = 50 * 3600  # frames recorded


class PhoneMedia(asyncio.DatagramProtocol):
    """One phone's RTP port, from `open` to `close`.

    `payload` and `event` are what was negotiated for audio and keys. `speaks` is what the phone
    says, over and over; that and what it records are samples at `rate` Hz.
    """

    def __init__(self, speaks: Samples, payload: Payload, event: Payload | None = None) -> None:
        decoder = phone_decoder(payload)
        self.rate = decoder.rate
        self.reception: Reception | None = None
        self.playout = Playout(decoder, payload.clock_rate)
        self.frames: list[Samples] = []
        self.said: Tap | None = None  # set them to find out how long audio is under way
        self.arrived: Tap | None = None
        self.pressed: list[Press] = []  # the keys the other side has pressed
        self._encoder = phone_encoder(payload)
        self._tapped = phone_decoder(payload)
        self._payload = payload
        self._event = event
        self._frame = self.rate // _FRAMES
        self._units = payload.clock_rate // _FRAMES  # of the RTP clock
        self._speech = speaks
        self._at = 0
        self._sender = RtpSender(
            secrets.randbits(32),
            payload.clock_rate,
            sequence=secrets.randbits(16),
            timestamp=secrets.randbits(32),
        )
        self._remote: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._pace = Pace(self._tick)
        self._now = 0.0
        self._keys: list[bytes] = []
        self._tones: list[Samples] = []
        self._events = TelephoneEventReceiver(event.clock_rate if event else RATE)

    async def open(self, host: str) -> tuple[str, int]:
        """Open a port on `host`; its address."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        self._transport = transport
        address = transport.get_extra_info("sockname")
        return address[0], address[1]

    def connect(self, remote: tuple[str, int]) -> None:
        """Begin to speak to `remote`, and to record."""
        self._remote = remote
        self._pace.start()

    async def close(self) -> None:
        """Hang up, as far as media goes."""
        await self._pace.stop()
        if self._transport is not None:
            self._transport.close()
            await asyncio.sleep(0)

    def recording(self) -> Samples:
        """Everything heard so far, from the first packet on."""
        return np.concatenate(self.frames) if self.frames else np.zeros(0, np.int16)

    def press(self, digits: str) -> None:
        """Press keys, one after the other (RFC 4733)."""
        if self._event is None:
            raise ValueError("telephone-event was not negotiated")
        units = self._event.clock_rate // _FRAMES
        for digit in digits:
            code = DIGITS.index(digit)
            held = [(length, False) for length in range(1, _PRESS + 1)] + [(_PRESS, True)] * 3
            self._keys += [
                struct.pack("!BBH", code, 0x80 * end | 10, length * units) for length, end in held
            ]

    @property
    def is_pressing(self) -> bool:
        """Whether there are keys that have still to be pressed."""
        return bool(self._keys or self._tones)

    def press_tones(self, digits: str) -> None:
        """Press keys, one after the other, that are heard (ITU-T Q.23): in place of speech."""
        pause = silence(self._frame * _PRESS)
        for digit in digits:
            self.say(np.concatenate((dtmf(digit, _PRESS / _FRAMES, rate=self.rate), pause)))

    def say(self, samples: Samples) -> None:
        """Say something once, in place of what is said over and over."""
        padded = np.pad(samples, (0, -len(samples) % self._frame))
        self._tones += list(padded.reshape(-1, self._frame))

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            if is_rtcp(data):
                self._receive_reports(data)
            else:
                self._receive(RtpPacket.parse(data))
        except RtpError:
            return

    def error_received(self, exc: Exception) -> None:
        """Nobody listens at the other end yet, or any more."""

    def _receive(self, packet: RtpPacket) -> None:
        if self._event is not None and packet.payload_type == self._event.payload_type:
            self.pressed += self._events.receive(packet, asyncio.get_running_loop().time())
        if packet.payload_type != self._payload.payload_type:
            return
        if self.reception is None:
            self.reception = Reception(packet.ssrc, self._payload.clock_rate)
        now = asyncio.get_running_loop().time()
        self.reception.received(packet, now)
        self.playout.put(packet, now)
        if self.arrived is not None:
            self.arrived.put(self._tapped.decode(packet.payload), now)

    def _receive_reports(self, data: bytes) -> None:
        for packet in parse_compound(data):
            if isinstance(packet, SenderReport) and self.reception is not None:
                self.reception.reported(packet, asyncio.get_running_loop().time())

    def _tick(self, now: float) -> None:
        self._now = now
        if self.reception is not None and len(self.frames) < _LONGEST:
            self.frames.append(self.playout.pull(now))
        self._send(self._next_packet())
        if self._sender.packets % _REPORT_EVERY == 1:
            blocks = (self.reception.report(now),) if self.reception else ()
            report: SenderReport | ReceiverReport = self._sender.report(now, blocks)
            compound = report.serialize()
            self._send(compound + SourceDescription(self._sender.ssrc, "phone").serialize())

    def _next_packet(self) -> bytes:
        if self._keys and self._event is not None:
            payload = self._keys.pop(0)
            packet = self._sender.packet(self._event.payload_type, payload, 0)
            if payload[1] & 0x80 and not (self._keys and self._keys[0][1] & 0x80):
                self._sender.pause(self._units * (_PRESS + 3))
            return packet.serialize()
        if self._tones:
            frame = self._tones.pop(0)
        elif not len(self._speech):
            frame = np.zeros(self._frame, np.int16)
        else:
            at = np.arange(self._at, self._at + self._frame) % len(self._speech)
            frame = self._speech[at]
            self._at = int(at[-1]) + 1
        if self.said is not None:
            self.said.put(frame, asyncio.get_running_loop().time())
        payload = self._encoder.encode(frame)
        packet = self._sender.packet(self._payload.payload_type, payload, self._units)
        return packet.serialize()

    def _send(self, packet: bytes) -> None:
        if self._transport is not None and self._remote is not None:
            self._transport.sendto(packet, self._remote)
