"""All media of one call: a phone leg, at times a bridge leg, and the bus they are on."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from audiocodecs.frames import SILENCE_LEVEL, Samples, silence
from audiocodecs.g711 import G711
from audiocodecs.phone_line import PhoneLine
from audiocodecs.resampling import Doubler, Halver, converter
from audiocodecs.voice_activity import VoiceActivity
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.earpiece import Earpiece
from gateway.media.fader import Fader
from gateway.media.messages import (
    Address,
    CallReport,
    ConferenceDigit,
    DigitReceived,
    Event,
    Hush,
    Measured,
    PhoneLatched,
    PhoneMedia,
    PhoneSilent,
    PhoneSound,
    Play,
    Say,
    SendDigit,
    Silence,
    StreamReport,
    VoiceRecorded,
)
from gateway.media.phone_leg import PhoneLeg
from gateway.media.phone_sockets import PhoneSockets
from gateway.media.quality import judged
from gateway.media.reports import combined, since
from gateway.media.room_bus import RATE, RoomBus
from gateway.media.talk import TalkMeter
from gateway.media.utterance import NoRecordings, Over, Recordings
from gateway.media.voice_recording import VoiceRecording
from gateway.rtp.telephone_event import Press
from gateway.webrtc.dtls import DtlsIdentity

_FRAMES = 50  # a second
_NO_RECORDINGS = NoRecordings()
_MEASURED_EVERY = 20  # turns of `watch`: ten seconds
_OWN_SSRCS = 8  # of the last sessions: no packet is under way for so long that it needs more


def line_of(sound: PhoneSound) -> PhoneLine:
    """A line on which that is done."""
    return PhoneLine(
        gain_control=sound.gain_control,
        noise_gate=sound.noise_gate,
        echo_suppression=sound.echo_suppression,
    )


class CallMedia:
    """What the engine holds for a call. `emit` takes the events of the call.

    `silent_after` is how many seconds without RTP from a phone that has to send are too many,
    `identity` who we are for a phone that wants DTLS.
    """

    def __init__(
        self,
        call: str,
        sockets: PhoneSockets,
        bus: RoomBus,
        emit: Callable[[Event], None],
        *,
        silent_after: float,
        recordings: Recordings = _NO_RECORDINGS,
        identity: DtlsIdentity | None = None,
    ) -> None:
        self.call = call
        self.bus = bus
        self.phone: PhoneLeg | None = None
        self.leg: BridgeLeg | None = None
        self.muted = False
        self.secluded = False
        self.rate = RATE
        """The sample rate of the phone's codec, in Hz."""
        self.law: G711 | None = None
        """How to encode what the caller hears, if that needs no memory of what it heard before."""
        self._sockets = sockets
        self._emit = emit
        self._silent_after = silent_after
        self._earpiece = Earpiece(call, recordings, emit, rate=RATE)
        self._identity = identity
        self._frame = silence(RATE // _FRAMES)
        self._level = SILENCE_LEVEL
        self._activity = VoiceActivity()
        self._fader = Fader()
        self._sound = PhoneSound()
        self._line = line_of(self._sound)
        self._converters: dict[tuple[int, int], Doubler | Halver] = {}
        self._latched: Address | None = None
        self._heard = CallReport().from_bridge  # in conferences that are over
        self._at_entry = self._heard  # what the bus had heard before
        self._sent = self._sent_before = StreamReport()  # by legs before; by the present one then
        self._told_silent = False
        self._told = TalkMeter()  # what the conference has heard of the phone
        self._recording: VoiceRecording | None = None
        self._watched = 0
        self._ssrcs: deque[int] = deque(maxlen=_OWN_SSRCS)

    # The phone.

    def connect_phone(self, media: PhoneMedia, now: float) -> None:
        """Apply what an offer/answer agreed on; the first one makes the call audible."""
        if media.sound != self._sound:
            self._sound, self._line = media.sound, line_of(media.sound)
        is_new = self.phone is None
        if self.phone is None:
            self.phone = PhoneLeg(media, now, identity=self._identity)
        else:
            self.phone.negotiated(media, now)
        self.rate, self.law = self.phone.rate, self.phone.law
        if is_new:
            self.bus.join(self)
        self._send_other(self.phone)
        if len(self._frame) != self.rate // _FRAMES:
            self._change_rate()

    def _change_rate(self) -> None:
        """Frames have another length from now on."""
        self._frame = silence(self.rate // _FRAMES)
        self._earpiece.change_rate(self.rate)

    def read(self) -> None:
        """Take what has come to the phone's RTP port since the last time."""
        self._sockets.read()

    def receive_rtp(self, data: bytes, source: Address, now: float) -> None:
        """A datagram on the phone's RTP port."""
        if self.phone is None:
            return
        if data[0] < 64:  # neither RTP nor RTCP
            self.phone.security.receive_other(data, source)
            self._send_other(self.phone)
        else:
            self._tell(self.phone.receive(data, source, now))
        if self.phone.latched != self._latched:
            self._latched = self.phone.latched
            if self._latched is not None:
                self._emit(PhoneLatched(self.call, self._latched))

    def receive_rtcp(self, data: bytes, source: Address, now: float) -> None:
        """A datagram on the phone's RTCP port."""
        if self.phone is not None:
            self.phone.receive_rtcp(data, source, now)

    # The bus.

    def next_frame(self, now: float) -> Samples:
        """Go on to the caller's next frame."""
        if self.phone is not None:
            self._frame = self._line.apply(self.phone.pull(now))
            for digit, duration in self.phone.tone_presses():
                self._emit(DigitReceived(self.call, digit, duration, in_band=True))
        return self._frame

    def speak(self, level: int) -> bool:
        """Say that frame; whether the conference may hear it. `level` is in -dBov."""
        self._level = level
        is_filled = False
        if self.phone is not None:
            self.phone.talk.heard(level)
            is_filled = self.phone.is_filling
        is_heard = self._activity.update(level, is_filled=is_filled) and self.speaks
        if self._recording is not None:
            self._record(self._recording)
        self._fader.move(is_open=is_heard)
        return is_heard

    def voice(self, rate: int) -> Samples:
        """The frame `next_frame` has gone on to, at the rate of others in the room."""
        if rate == self.rate:
            return self._frame
        ways = (self.rate, rate)
        if ways not in self._converters:
            between = converter(*ways)
            assert between is not None
            self._converters[ways] = between
        return self._converters[ways].convert(self._frame)

    @property
    def speaks(self) -> bool:
        """Whether the conference may hear the caller: let in, not muted, not held, session up."""
        phone = self.phone
        phone_speaks = phone is not None and phone.is_heard and not phone.is_held
        return self.leg is not None and not (self.muted or self.secluded) and phone_speaks

    @property
    def listens(self) -> bool:
        """Whether there is a phone to hear anything."""
        return self.phone is not None

    @property
    def own_ssrcs(self) -> frozenset[int]:
        """The SSRCs of the session with the bridge and of those before."""
        return frozenset(self._ssrcs)

    def announcement(self) -> Samples | None:
        """The next frame of what is played to the caller instead of the conference."""
        tone = self._earpiece.tone(hears=self._hears)
        if tone is not None or not self.secluded:
            return tone
        over = self.speech()
        return over.samples if over is not None else silence(self.rate // _FRAMES)

    def speech(self) -> Over | None:
        """The next frame of what is said to the caller over the conference."""
        return self._earpiece.speech() if self._hears else None

    @property
    def _hears(self) -> bool:
        """Whether the phone is sent anything: what is said waits for that."""
        return self.phone is not None and self.phone.hears

    def hear(self, heard: bytes | Samples) -> None:
        """Send the caller its frame of the conference."""
        assert self.phone is not None
        if self._line.listens:
            self._line.played(self._decoded(heard))
        if isinstance(heard, bytes):
            packets = self.phone.push(heard)
        else:
            packets = self.phone.push_frame(heard)
        destination = self.phone.destination
        for packet in packets:
            if destination is not None:
                self._sockets.send_rtp(packet, destination)

    def _decoded(self, heard: bytes | Samples) -> Samples:
        if not isinstance(heard, bytes):
            return heard
        assert self.law is not None
        return self.law.decode(heard)

    def pressed(self, endpoint: str, press: Press) -> None:
        """Somebody in the conference has pressed a key."""
        self._emit(ConferenceDigit(self.call, endpoint, press.digit, press.duration))

    def let_hear(self, command: Play | Silence | Say | Hush | SendDigit) -> None:
        """Do what concerns the caller's ears alone."""
        if not isinstance(command, SendDigit):
            self._earpiece.obey(command)
        elif self.phone is not None:
            self.phone.send_digit(command.digit, command.duration)

    def record(self, seconds: float) -> None:
        """Record what the phone says, from its first word to a pause, for so long at most."""
        self.stop_recording()
        self._recording = VoiceRecording(seconds)

    def stop_recording(self) -> None:
        """Tell what has been recorded, if anything was to be."""
        if self._recording is not None:
            self._emit(VoiceRecorded(self.call, self._recording.spoken))
            self._recording = None

    def _record(self, recording: VoiceRecording) -> None:
        """Go on recording with the present frame, unless the tone before is still heard."""
        if not self._earpiece.is_beeping:
            recording.take(self._frame, is_speech=self._activity.is_active)
            if recording.is_over:
                self.stop_recording()

    # The conference.

    def move(self, bus: RoomBus, leg: BridgeLeg | None, now: float) -> None:
        """Go from one bus to another: into a conference with a leg, or out of it without."""
        self._heard = self._heard_so_far()
        if self.phone is not None:
            self.bus.leave(self, now)
        self._use(leg)
        self.bus, self.leg = bus, leg
        self._at_entry = bus.heard()
        if self.phone is not None:
            bus.join(self)

    def switch(self, leg: BridgeLeg) -> None:
        """Stay in the conference by this leg."""
        if leg is not self.leg:
            self._use(leg)
            self.bus.switch(self, leg)

    def _use(self, leg: BridgeLeg | None) -> None:
        """Know its SSRC for our own from now on, and count on from what has been sent."""
        self._sent = self._sent_so_far()
        self._sent_before = leg.sent() if leg is not None else StreamReport()
        if leg is not None and leg.ssrc not in self._ssrcs:
            self._ssrcs.append(leg.ssrc)

    def send_to_bridge(self) -> None:
        """Encode and send the frame that `next_frame` has given the bus."""
        if self.leg is not None:
            heard = self._fader.apply(self._frame, self.rate) if self._fader.is_audible else None
            self.leg.send(heard, self._level)
            if heard is not None:
                self._told.heard(self._level)

    def receive_from_bridge(self, data: bytes, now: float) -> None:
        """A protected datagram of the bridge."""
        leg = self.leg
        if leg is None:
            return
        if 192 <= data[1] <= 223:
            carried = [source.reception for source in self.bus.carried(leg)]
            leg.receive_rtcp(data, carried, now)
        else:
            leg.feedback.arrived(data, now)
            self.bus.receive(leg, data, now)

    # What happens by time.

    def absent(self, seconds: float) -> None:
        """Nothing was sent for a while: the time of what we send has gone on without packets."""
        if self.phone is not None:
            self.phone.absent(seconds)
        if self.leg is not None:
            self.leg.absent(seconds)

    def watch(self, now: float) -> None:
        """Twice a second: reports, presses that never ended, and a phone gone silent."""
        if self.phone is not None:
            self._tell(self.phone.expired_presses(now))
            self.phone.security.handle_timeout()
            self._send_other(self.phone)
            report = self.phone.rtcp(now)
            if report is not None:
                self._send_report(self.phone, *report)
            self._watch_silence(self.phone, now)
        if self.leg is not None:
            self.leg.report([source.reception for source in self.bus.carried(self.leg)], now)
        self._watched += 1
        if self._watched % _MEASURED_EVERY == 0:
            self._emit(Measured(self.call, self.report()))

    def report(self) -> CallReport:
        """What has been measured so far."""
        phone, leg = self.phone, self.leg
        if phone is None:
            return CallReport()
        sent = self._sent_so_far()
        report = CallReport(
            from_phone=phone.received(),
            to_phone=phone.sent(),
            from_bridge=self._heard_so_far(),
            to_bridge=replace(sent, talk=self._told.talk, level=self._told.level),
            phone_round_trip=phone.round_trip,
            bridge_round_trip=leg.round_trip if leg else None,
            phone_heard=phone.voice_reports.heard,
        )
        return judged(report, phone.voice_reports.codecs)

    def close(self) -> None:
        """Tell the phone, by RTCP, that nothing more will come, and give its ports back."""
        if self.phone is not None:
            goodbye = self.phone.goodbye()
            if goodbye is not None:
                self._send_report(self.phone, *goodbye)
            self.phone.security.close()
            self._send_other(self.phone)
            self.bus.leave(self, self.phone.last_heard)
            self.phone = None
        self._sockets.close()

    def _send_report(self, phone: PhoneLeg, report: bytes, destination: Address) -> None:
        send = self._sockets.send_rtp if phone.rtcp_mux else self._sockets.send_rtcp
        send(report, destination)

    def _send_other(self, phone: PhoneLeg) -> None:
        """What keeps the way to the phone open, and protects it."""
        for datagram, destination in phone.security.datagrams_to_send():
            self._sockets.send_rtp(datagram, destination)

    def _heard_so_far(self) -> StreamReport:
        here = since(self._at_entry, self.bus.heard())
        whole = combined((self._heard, here))
        return replace(whole, jitter_now=here.jitter_now, delay_now=here.delay_now)

    def _sent_so_far(self) -> StreamReport:
        now = self.leg.sent() if self.leg is not None else StreamReport()
        return combined((self._sent, since(self._sent_before, now)))

    def _watch_silence(self, phone: PhoneLeg, now: float) -> None:
        silent = now - phone.last_heard
        if not phone.has_to_send or silent < self._silent_after:
            self._told_silent = False
        elif not self._told_silent:
            self._told_silent = True
            self._emit(PhoneSilent(self.call, silent))

    def _tell(self, presses: list[Press]) -> None:
        for press in presses:
            self._emit(DigitReceived(self.call, press.digit, press.duration))
