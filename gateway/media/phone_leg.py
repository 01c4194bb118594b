"""The phone's side of a call: what its packets become, and what it is sent. No IO, no clock.

One SSRC is heard at a time. A phone may change it, but two packets in a row must agree on the new
one: a single stray packet does not throw away the stream that plays.
"""

import secrets
from dataclasses import dataclass

from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import G711, PCMA, PCMU
from gateway.errors import RtpError
from gateway.media.decoding import phone_decoder
from gateway.media.key_presses import KeyPresses
from gateway.media.messages import Address, Direction, Payload, PhoneMedia, StreamReport
from gateway.media.playout import Playout
from gateway.media.reports import RtcpSession
from gateway.rtp.latch import Latch
from gateway.rtp.packet import RtpPacket, is_rtcp
from gateway.rtp.rtcp import parse_compound
from gateway.rtp.sender import RtpSender
from gateway.rtp.sequence import distance
from gateway.rtp.statistics import Reception
from gateway.rtp.telephone_event import Press, TelephoneEventReceiver

RATE = 8000
_FRAME = 160
_LAWS: dict[str, G711] = {"PCMU": PCMU, "PCMA": PCMA}


@dataclass(slots=True)
class _Stream:
    """What is heard of one SSRC with one audio payload type."""

    ssrc: int
    payload_type: int
    playout: Playout
    reception: Reception


class PhoneLeg:
    """One phone, from the first answer on.

    `signalling_host` is the host its SIP messages come from. Frames are 20 ms at `rate` Hz.
    """

    rate = RATE

    def __init__(self, media: PhoneMedia, now: float, *, max_delay: float = 0.200) -> None:
        self.direction = Direction.INACTIVE
        self.is_held = False
        self.last_heard = now
        self.undecodable = 0
        self._max_delay = max_delay
        self._latch = Latch(media.signalling_host)
        self._sender = RtpSender(
            secrets.randbits(32),
            RATE,
            sequence=secrets.randbits(15),
            timestamp=secrets.randbits(32),
        )
        self._rtcp = RtcpSession(self._sender, now)
        self._stream: _Stream | None = None
        self._rival: tuple[int, int] | None = None  # SSRC and sequence of a packet of another
        self._pending = b""
        self._keys = KeyPresses(RATE)
        self.negotiated(media, now)

    def negotiated(self, media: PhoneMedia, now: float) -> None:
        """Apply what an offer/answer agreed on."""
        self._audio = {p.payload_type: p for p in media.payloads if p.encoding in _LAWS}
        events = [p for p in media.payloads if p.encoding == "TELEPHONE-EVENT"]
        self._event = events[0] if events else None
        self._event_type = events[0].payload_type if events else None
        self._events = TelephoneEventReceiver(events[0].clock_rate if events else RATE)
        self._sent: Payload = next(iter(self._audio.values()))
        self._packet_size = RATE // 1000 * media.ptime
        self._remote_rtcp = media.remote_rtcp
        self._pending = b""
        had_to_send = self.has_to_send
        self.direction = media.direction
        self.is_held = media.is_held
        if self.has_to_send and not had_to_send:
            self.last_heard = now  # nothing was due from it until now
        self._latch.negotiated(media.remote, self._payload_types())

    @property
    def law(self) -> G711:
        """The law of the payloads `push` wants."""
        return _LAWS[self._sent.encoding]

    @property
    def is_heard(self) -> bool:
        """Whether the phone may speak."""
        return self.direction.receives

    @property
    def has_to_send(self) -> bool:
        """Whether it is wrong that nothing comes from it.

        Not while it is held: baresip announces hold music (sendonly) and sends none.
        """
        return self.is_heard and not self.is_held

    @property
    def destination(self) -> Address | None:
        """Where its media is sent to."""
        return self._latch.destination

    @property
    def latched(self) -> Address | None:
        """Where its media has proved to come from."""
        return self._latch.latched

    def receive(self, data: bytes, source: Address, now: float) -> list[Press]:
        """Take a datagram that came to the RTP port; the key presses it completes."""
        if is_rtcp(data):
            self.receive_rtcp(data, source, now)
            return []
        try:
            packet = RtpPacket.parse(data)
        except RtpError:
            self.undecodable += 1
            return []
        presses: list[Press] = []
        for admitted in self._latch.admit(packet, source, now):
            presses += self._receive_admitted(admitted, now)
        return presses

    def receive_rtcp(self, data: bytes, source: Address, now: float) -> None:
        """Take a datagram that came to the RTCP port, or is RTCP on the RTP port."""
        if not self._latch.is_from_peer(source[0]):
            return
        try:
            packets = parse_compound(data)
        except RtpError:
            self.undecodable += 1
            return
        receptions = [self._stream.reception] if self._stream else []
        self._rtcp.receive(packets, receptions, now)

    def expired_presses(self, now: float) -> list[Press]:
        """Key presses whose last packets were lost."""
        return self._events.expire(now)

    def pull(self, now: float) -> Samples:
        """The next frame of the caller's voice; silence while the phone may not speak."""
        if self._stream is None:
            return silence(_FRAME)
        frame = self._stream.playout.pull(now)
        return frame if self.is_heard else silence(_FRAME)

    def push(self, payload: bytes) -> list[bytes]:
        """Give the phone a frame, encoded by `law`; the packets that are full now.

        While a key press is sent, that takes the place of the frame.
        """
        if not self.direction.sends:
            self._keys.clear()
            self._sender.pause(_FRAME)
            return []
        if self._event is not None:
            pressed, event = self._keys.event(self._event, self._sender)
            if pressed:
                self._pending = b""
                return [event.serialize()] if event is not None else []
        else:
            tone = self._keys.tone()
            if tone is not None:
                payload = self.law.encode(tone)
        self._pending += payload
        packets = []
        while len(self._pending) >= self._packet_size:
            chunk, self._pending = (
                self._pending[: self._packet_size],
                self._pending[self._packet_size :],
            )
            packet = self._sender.packet(self._sent.payload_type, chunk, self._packet_size)
            packets.append(packet.serialize())
        return packets

    def send_digit(self, digit: str, duration: float) -> None:
        """Send a key press of `duration` seconds; ValueError if there is no such key."""
        self._keys.press(digit, duration)

    def rtcp(self, now: float) -> tuple[bytes, Address] | None:
        """The report that is due, and where it goes."""
        destination = self._rtcp_destination()
        if destination is None:
            return None
        receptions = [self._stream.reception] if self._stream else []
        compound = self._rtcp.due(receptions, now)
        return (compound, destination) if compound else None

    def goodbye(self) -> tuple[bytes, Address] | None:
        """The last RTCP packet of the leg."""
        destination = self._rtcp_destination()
        return (self._rtcp.goodbye(), destination) if destination else None

    def received(self) -> StreamReport:
        """What came from the phone so far."""
        if self._stream is None:
            return StreamReport(discarded=self._latch.strangers)
        playout, reception = self._stream.playout, self._stream.reception
        return StreamReport(
            packets=reception.packets,
            octets=reception.octets,
            lost=max(0, reception.lost),
            late=playout.late,
            duplicate=playout.duplicate,
            discarded=playout.discarded + self._latch.strangers,
            concealed=round(playout.concealed * 1000),
            gap=round(playout.longest_gap * 1000),
            jitter=reception.jitter * 1000,
            delay=playout.delay * 1000,
        )

    def sent(self) -> StreamReport:
        """What was sent to the phone so far."""
        return StreamReport(packets=self._sender.packets, octets=self._sender.octets)

    @property
    def round_trip(self) -> float | None:
        """Milliseconds to the phone and back, by its reports."""
        return self._rtcp.round_trip

    @property
    def reported_loss(self) -> float | None:
        """Which fraction of what we send the phone says it loses."""
        return self._rtcp.reported_loss

    def _receive_admitted(self, packet: RtpPacket, now: float) -> list[Press]:
        self.last_heard = now
        if packet.payload_type == self._event_type:
            if self._stream is not None:
                self._stream.reception.received(packet, now)
            return self._events.receive(packet, now)
        stream = self._stream_of(packet)
        if stream is not None:
            stream.reception.received(packet, now)
            stream.playout.put(packet, now)
        return []

    def _payload_types(self) -> frozenset[int]:
        """What may arrive: comfort noise and the like are silence, as no packet is."""
        events = () if self._event_type is None else (self._event_type,)
        return frozenset((*self._audio, *events))

    def _stream_of(self, packet: RtpPacket) -> _Stream | None:
        """The stream a packet belongs to; None for the first packet of what may be junk."""
        stream = self._stream
        if (
            stream is not None
            and stream.ssrc == packet.ssrc
            and stream.payload_type == packet.payload_type
        ):
            self._rival = None
            return stream
        rival, self._rival = self._rival, (packet.ssrc, packet.sequence)
        agrees = (
            rival is not None
            and rival[0] == packet.ssrc
            and 0 < distance(packet.sequence, rival[1], 16) < 5
        )
        if stream is not None and not agrees:
            return None
        payload = self._audio[packet.payload_type]
        decoder = phone_decoder(payload)
        playout = Playout(decoder, payload.clock_rate, max_delay=self._max_delay)
        if stream is not None and stream.ssrc == packet.ssrc:
            reception = stream.reception  # only the codec has changed
        else:
            reception = Reception(packet.ssrc, payload.clock_rate)
        self._rival = None
        self._stream = _Stream(packet.ssrc, packet.payload_type, playout, reception)
        return self._stream

    def _rtcp_destination(self) -> Address | None:
        """Where RTCP goes: next to where media goes, unless the phone named another port."""
        media = self._latch.destination
        if media is None:
            return None
        if self._latch.latched is None and self._remote_rtcp is not None:
            return self._remote_rtcp
        return (media[0], media[1] + 1)
