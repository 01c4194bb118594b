"""The phone's side of a call: what its packets become, and what it is sent. No IO, no clock.

One SSRC is heard at a time. A phone may change it, or its codec for another that was negotiated,
but two packets in a row must agree on the new one: a single stray packet does not throw away the
stream that plays.
"""

from dataclasses import replace

from audiocodecs.dtmf import Pressed
from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import G711
from gateway.errors import RtpError
from gateway.media.in_band_digits import BesideEvents, InBandDigits
from gateway.media.messages import Address, Payload, PhoneMedia, StreamReport
from gateway.media.phone_output import PhoneOutput
from gateway.media.phone_payloads import PhonePayloads
from gateway.media.phone_security import PhoneSecurity
from gateway.media.phone_stream import PhoneStream
from gateway.media.reports import RtcpSession, combined, received
from gateway.media.talk import TalkMeter
from gateway.media.voice_reports import VoiceReports
from gateway.rtp.latch import Latch
from gateway.rtp.packet import RtpPacket, is_rtcp
from gateway.rtp.rtcp import parse_compound
from gateway.rtp.sequence import distance
from gateway.rtp.telephone_event import Press, TelephoneEventReceiver
from gateway.webrtc.dtls import DtlsIdentity


class PhoneLeg:
    """One phone, from the first answer on.

    `signalling_host` is the host its SIP messages come from. Frames are 20 ms at `rate` Hz, which
    is 16000 where G.722 or Opus is sent; a new offer/answer may change it. With `rtcp_mux` its
    reports go out by the port of RTP. `identity` is ours in DTLS; handshakes are `security`'s.
    """

    def __init__(
        self,
        media: PhoneMedia,
        now: float,
        *,
        max_delay: float = 0.200,
        identity: DtlsIdentity | None = None,
    ) -> None:
        self.is_heard = False
        """Whether the phone may speak."""
        self.hears = False
        """Whether it is sent anything."""
        self.is_held = False
        self._is_early = False
        self.last_heard = now
        """When it has last sent anything: audio, reports, or what keeps the way open."""
        self._undecodable = 0
        self.talk = TalkMeter()
        self._max_delay = max_delay
        self._latch = Latch(media.signalling_host)
        self.security = PhoneSecurity(identity)
        self._payloads = PhonePayloads.of(media.payloads)
        self._output = PhoneOutput(self._payloads, media.ptime)
        self._rtcp = RtcpSession(self._output.sender, now)
        self.voice_reports = VoiceReports(max_delay=max_delay)
        self._stream: PhoneStream | None = None
        self._past = StreamReport()  # of streams before
        self._looped = 0  # packets of ours that have come back
        self._rival: tuple[int, int] | None = None  # SSRC and sequence of a packet of another
        self._events: dict[int, TelephoneEventReceiver] = {}
        self._tones: InBandDigits | None = None  # if there is no telephone-event
        self._apply(media, now)

    def negotiated(self, media: PhoneMedia, now: float) -> None:
        """Apply what another offer/answer agreed on."""
        self._payloads = PhonePayloads.of(media.payloads)
        before = self._output.sender
        self._output.negotiated(self._payloads, media.ptime, self._rtcp.reported)
        if self._output.sender is not before:
            self._rtcp = RtcpSession(self._output.sender, now)
        if self._stream is not None:
            self._stream.play_at(self.rate)
        self._apply(media, now)

    def _apply(self, media: PhoneMedia, now: float) -> None:
        self._events = {
            payload_type: self._receiver(payload)
            for payload_type, payload in self._payloads.events.items()
        }
        self._beside = BesideEvents(self.rate)
        if self._events:
            self._tones = None
        elif self._tones is None or self._tones.rate != self.rate:
            self._tones = InBandDigits(self.rate)
        self._remote_rtcp = media.remote_rtcp
        self.rtcp_mux = media.rtcp_mux
        self.voice_reports.negotiated(media, self._output.sender.ssrc)
        had_to_send = self.has_to_send
        self.is_heard, self.hears = media.direction.receives, media.direction.sends
        self.is_held, self._is_early = media.is_held, media.is_early
        if self.has_to_send and not had_to_send:
            self.last_heard = now  # nothing was due from it until now
        self.security.negotiated(media)
        self._latch.negotiated(media.remote, self._payloads.types)

    def _receiver(self, event: Payload) -> TelephoneEventReceiver:
        """Of key presses: the same as before if it can be, for one may be going on."""
        before = self._events.get(event.payload_type)
        if before is not None and before.clock_rate == event.clock_rate:
            return before
        return TelephoneEventReceiver(event.clock_rate)

    @property
    def rate(self) -> int:
        """The rate of the frames that `pull` gives and `push_frame` wants, in Hz."""
        return self._output.rate

    @property
    def law(self) -> G711 | None:
        """The law of the payloads that `push` wants; None: `push_frame` wants samples."""
        return self._output.law

    @property
    def has_to_send(self) -> bool:
        """Whether it is wrong that nothing comes from it.

        Not while it is held: baresip announces hold music (sendonly) and sends none. Nor before the
        answer: a trunk that announces what it plays meanwhile may play nothing.
        """
        return self.is_heard and not self.is_held and not self._is_early

    @property
    def destination(self) -> Address | None:
        """Where its media is sent to."""
        if self.security.has_ice:
            return self.security.nominated
        return self._latch.destination

    @property
    def latched(self) -> Address | None:
        """Where its media has proved to come from."""
        if self.security.has_ice:
            return self.security.nominated
        return self._latch.latched

    def receive(self, data: bytes, source: Address, now: float) -> list[Press]:
        """Take a datagram that came to the RTP port; the key presses it completes."""
        if is_rtcp(data):
            self.receive_rtcp(data, source, now)
            return []
        packet = self._opened(data)
        if packet is None:
            return []
        presses: list[Press] = []
        is_authentic = self.security.is_on
        if is_authentic or source == self.destination:
            self.last_heard = now  # what is not admitted may keep it alive (RFC 6263 4.6)
        for admitted, arrival in self._latch.admit(packet, source, now, is_authentic=is_authentic):
            presses += self._receive_admitted(admitted, arrival)
        return presses

    def _opened(self, data: bytes) -> RtpPacket | None:
        """The RTP packet in a datagram; None if it is to be dropped."""
        try:
            data = self.security.open(data, is_rtcp=False)
        except RtpError:
            return None
        try:
            return RtpPacket.parse(data)
        except RtpError:
            self._undecodable += 1
            return None

    def receive_rtcp(self, data: bytes, source: Address, now: float) -> None:
        """Take a datagram that came to the RTCP port, or is RTCP on the RTP port."""
        if not self.security.is_on and not self._latch.is_from_peer(source[0]):
            return
        try:
            data = self.security.open(data, is_rtcp=True)
        except RtpError:
            return
        try:
            packets = parse_compound(data)
        except RtpError:
            self._undecodable += 1
            return
        self.last_heard = now  # a PBX has nothing to send while it waits, or plays nothing
        receptions = [self._stream.reception] if self._stream else []
        self._rtcp.receive(packets, receptions, now)
        self.voice_reports.receive(packets, now)
        if self._rtcp.reported_loss is not None:
            self._output.set_loss(self._rtcp.reported_loss)

    def expired_presses(self, now: float) -> list[Press]:
        """Key presses whose last packets were lost."""
        return [press for events in self._events.values() for press in events.expire(now)]

    def pull(self, now: float) -> Samples:
        """The next frame of the caller's voice, without keys; silence while it may not speak."""
        frame = self._stream.pull(now) if self._stream is not None else None
        if frame is None or not self.is_heard:
            frame = silence(self.rate // 50)
        if self._tones is not None:
            return frame if self.is_held else self._tones.receive(frame)
        for events in self._events.values():
            if events.is_pressed:
                return self._beside.receive(frame, is_pressed=True)
        return self._beside.receive(frame, is_pressed=False)

    @property
    def is_filling(self) -> bool:
        """Whether the last frame is not of the line: nothing has come of it, or it is silenced."""
        if self._stream is None or not self.is_heard or self._stream.playout.is_filling:
            return True
        return self._tones.is_closed if self._tones is not None else self._beside.is_closed

    def tone_presses(self) -> list[Pressed]:
        """Key presses in the frames that were pulled: of a phone without telephone-event."""
        return self._tones.take() if self._tones is not None else []

    def push(self, payload: bytes) -> list[bytes]:
        """Give the phone a frame, encoded by `law`; the packets that are full now.

        While a key press is sent, that takes the place of the frame.
        """
        if self.hears:
            packets = self._output.push(payload)
            self._beware_of_echo()
            return self.security.protect(packets)
        self._output.pause()
        return []

    def push_frame(self, frame: Samples) -> list[bytes]:
        """Give the phone a frame of samples, where it has no law, as `push` does."""
        if self.hears:
            packets = self._output.push_frame(frame)
            self._beware_of_echo()
            return self.security.protect(packets)
        self._output.pause()
        return []

    def _beware_of_echo(self) -> None:
        if self._tones is not None and self._output.is_pressing:
            self._tones.sending()

    def absent(self, seconds: float) -> None:
        """Nothing was sent or read for a while: the time of our stream has gone on without packets,
        and the phone need not have been silent."""
        self._output.absent(seconds)
        self.last_heard += seconds

    def send_digit(self, digit: str, duration: float) -> None:
        """Send a key press of `duration` seconds; ValueError if there is no such key."""
        self._output.send_digit(digit, duration)

    def rtcp(self, now: float) -> tuple[bytes, Address] | None:
        """The report that is due, and where it goes."""
        destination = self._rtcp_destination()
        if destination is None:
            return None
        receptions = [self._stream.reception] if self._stream else []
        compound = self._rtcp.due(receptions, now)
        if compound is None:
            return None
        ssrc = self._stream.ssrc if self._stream else None
        voice = self.voice_reports.due(ssrc, self._received_now(), self.round_trip, now)
        return self.security.protect_rtcp(compound + voice), destination

    def goodbye(self) -> tuple[bytes, Address] | None:
        """The last RTCP packet of the leg."""
        destination = self._rtcp_destination()
        if destination is None:
            return None
        return self.security.protect_rtcp(self._rtcp.goodbye()), destination

    def received(self) -> StreamReport:
        """What came from the phone so far."""
        unused = self._latch.strangers + self.security.refused + self._looped + self._undecodable
        report = combined((self._past, self._received_now()))
        return replace(report, discarded=report.discarded + unused)

    def _received_now(self) -> StreamReport:
        """The same of the stream that is heard."""
        if self._stream is None:
            return StreamReport()
        return received(self._stream.playout, self._stream.reception, self.talk)

    def sent(self) -> StreamReport:
        """What was sent to the phone so far."""
        return self._output.report(self._rtcp.reported)

    @property
    def round_trip(self) -> float | None:
        """Milliseconds to the phone and back, by its reports."""
        known = self._rtcp.round_trip
        return known if known is not None else self.voice_reports.round_trip

    def _receive_admitted(self, packet: RtpPacket, now: float) -> list[Press]:
        self.last_heard = now
        if packet.ssrc == self._output.sender.ssrc:
            self._looped += 1  # the conference would hear itself (RFC 3550 section 8.2)
            return []
        stream, kind = self._stream, packet.payload_type
        if kind in self._payloads.audio:
            stream = self._stream_of(packet)
            if stream is not None:
                stream.receive(packet, now)
            return []
        if stream is not None and stream.ssrc == packet.ssrc:
            if kind in self._payloads.noise:
                stream.receive_noise(packet, now)
            else:
                stream.receive_event(packet, now)
        events = self._events.get(kind)
        return events.receive(packet, now) if events is not None else []

    def _stream_of(self, packet: RtpPacket) -> PhoneStream | None:
        """The stream a packet belongs to; None for the first packet of what may be junk."""
        stream, payload = self._stream, self._payloads.audio[packet.payload_type]
        if stream is not None and stream.is_of(packet, payload):
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
        self._rival = None
        self._stream = PhoneStream.begin(
            packet.ssrc,
            payload,
            stream,
            rate=self.rate,
            max_delay=self._max_delay,
        )
        if stream is not None:
            self._past = combined((self._past, stream.counted_before(self._stream)))
        return self._stream

    def _rtcp_destination(self) -> Address | None:
        """Where RTCP goes: next to where media goes, unless the phone named another port, or the
        same. Nowhere if its port would need a handshake of its own."""
        media = self.destination if self.security.is_ready else None
        if media is None or self.rtcp_mux:
            return media
        if self.security.shakes_hands:
            return None
        if self._latch.latched is None and self._remote_rtcp is not None:
            return self._remote_rtcp
        return (media[0], media[1] + 1)
