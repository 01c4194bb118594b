"""A call through two gateways, in simulated time: phone, gateway, videobridge, gateway, phone.

Two gateways, since callers of one would hear each other over its bus: here all sound crosses Opus.
Everything between the sockets is the engine's own: latch, buffers, codecs, bus, SRTP. Only sockets
and clocks are simulated, so that a call of ten seconds takes one, and sounds the same every time.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from audiocodecs.frames import Samples
from audiocodecs.g711 import PCMA, PCMU
from gateway.errors import RtpError
from gateway.lab.weather import Forecast, Weather
from gateway.media import messages as m
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.call_media import CallMedia
from gateway.media.decoding import phone_decoder
from gateway.media.encoding import phone_encoder
from gateway.media.engine_config import EngineConfig
from gateway.media.room_bus import RoomBus
from gateway.media.slot import Slot
from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import ReceiverReport
from gateway.rtp.srtp import SrtpProfile, SrtpReceiver, SrtpSender
from gateway.rtp.statistics import Reception
from tests.quality.timeline import Timeline

RATE = 8000
FRAME = 160
PHONE_PCMU = m.Payload(0, "PCMU", 8000)
PHONE_G722 = m.Payload(9, "G722", 8000)
PHONE_OPUS = m.Payload(107, "OPUS", 48000, 2)
TICK = 0.020
HOP = 0.010
"""Seconds a packet is under way from one of the five to the next."""

CALM = Weather()
BEGIN = 100.0
_ENGINE = EngineConfig()
_PROFILE = SrtpProfile.AEAD_AES_128_GCM
_OPUS, _RED, _BRIDGE_SSRC = 111, 63, 999
_SSRCS = {"near": 11, "far": 22}

Change = Callable[[RtpPacket, m.Address], tuple[RtpPacket, m.Address]]
"""What a phone, or its network, does to its packets from some moment on."""


@dataclass(frozen=True)
class Journey:
    """What a call goes through: its phones' codec, the weather of each leg, and what else happens.

    `seed` is that of all dice, and says when in the phone's 20 ms each gateway ticks. `fec` False:
    nothing is sent for the repair of losses, so that all are concealed. `phone_skew` and `far_skew`
    are by how many millionths the speaking phone's and the far gateway's clocks are slow. `change`
    and `bridge_change` begin at `change_at` of the call (0..1).
    """

    codec: m.Payload = PHONE_PCMU
    phone_leg: Weather = CALM
    to_bridge: Weather = CALM
    from_bridge: Weather = CALM
    seed: int = 1
    fec: bool = True
    red: bool = False
    phone_skew: float = 0.0
    far_skew: float = 0.0
    change: Change | None = None
    change_at: float = 0.5
    bridge_change: Callable[[RtpPacket], RtpPacket] | None = None

    @property
    def rate(self) -> int:
        """The rate of the phones' samples, in Hz."""
        return phone_encoder(self.codec).rate


class Link:
    """One way of a network: carries what it is given to `deliver`, a hop later or worse."""

    def __init__(self, timeline: Timeline, weather: Weather, seed: int) -> None:
        self._timeline = timeline
        self._forecast = Forecast(weather, random.Random(seed))

    def carry(self, deliver: Callable[[], None]) -> None:
        """One packet."""
        for delay in self._forecast.delays():
            self._timeline.at(self._timeline.now + HOP + delay, deliver)


@dataclass
class SpeakingPhone:
    """Says `speech` once; each frame is sent when its last sample is there."""

    speech: Samples
    journey: Journey
    send: Callable[[bytes, m.Address], None]
    address: m.Address = ("192.0.2.1", 4000)
    number: int = 0

    def __post_init__(self) -> None:
        self._encoder = phone_encoder(self.journey.codec)

    def speak(self) -> None:
        """The next frame."""
        size, codec = self.journey.rate // 50, self.journey.codec
        at = self.number * size
        if at + size > len(self.speech):
            return
        timestamp = self.number * codec.clock_rate // 50
        payload = self._encoder.encode(self.speech[at : at + size])
        packet = RtpPacket(codec.payload_type, self.number & 0xFFFF, timestamp, 77, payload)
        source = self.address
        changed = self.journey.change
        if changed is not None and at >= self.journey.change_at * len(self.speech):
            packet, source = changed(packet, source)
        self.number += 1
        self.send(packet.serialize(), source)


@dataclass
class ListeningPhone:
    """Keeps what it is sent, sample by sample, by timestamp; nothing is lost on its way."""

    codec: m.Payload
    begin: float | None = None
    frames: dict[int, Samples] = field(default_factory=dict)
    first: int = 0

    def __post_init__(self) -> None:
        self._decoder = phone_decoder(self.codec)

    def receive(self, data: bytes, now: float) -> None:
        packet = RtpPacket.parse(data)
        if self.begin is None:
            self.begin, self.first = now, packet.timestamp
        units = (packet.timestamp - self.first) & 0xFFFFFFFF
        at = units * self._decoder.rate // self.codec.clock_rate
        self.frames[at] = self._decoder.decode(packet.payload)

    def recording(self) -> tuple[float, Samples]:
        """When the recording begins, and its samples."""
        assert self.begin is not None
        samples = np.zeros(max(self.frames) + self._decoder.rate, np.int16)
        for at, frame in self.frames.items():
            samples[at : at + len(frame)] = frame
        return self.begin, samples


class Videobridge:
    """Passes the near gateway's audio on to the far one, and reports what it loses of it."""

    def __init__(self, timeline: Timeline, journey: Journey, begin: float) -> None:
        self.ends: dict[str, Gateway] = {}
        self._timeline = timeline
        self._change = journey.bridge_change
        self._change_after = begin
        self._up = Link(timeline, journey.to_bridge, journey.seed * 10 + 2)
        self._down = Link(timeline, journey.from_bridge, journey.seed * 10 + 3)
        self._opens = SrtpReceiver(_PROFILE, *_keys("near", "up"))
        self._protects = {
            name: SrtpSender(_PROFILE, *_keys(name, "down")) for name in ("near", "far")
        }
        self._reception = Reception(_SSRCS["near"], 48000)
        timeline.every(1.0, self._report, first=timeline.now + 0.5)

    def sent_by_near(self, packet: bytes) -> None:
        self._up.carry(lambda: self._forward(packet))

    def _forward(self, data: bytes) -> None:
        try:
            packet = RtpPacket.parse(self._opens.unprotect(data))
        except RtpError:
            return  # a duplicate
        self._reception.received(packet, self._timeline.now)
        if self._change is not None and self._timeline.now >= self._change_after:
            packet = self._change(packet)
        protected = self._protects["far"].protect(packet.serialize())
        self._down.carry(lambda: self.ends["far"].receive_from_bridge(protected))

    def _report(self) -> None:
        report = ReceiverReport(_BRIDGE_SSRC, (self._reception.report(self._timeline.now),))
        protected = self._protects["near"].protect_rtcp(report.serialize())
        self._timeline.at(
            self._timeline.now + HOP, lambda: self.ends["near"].receive_from_bridge(protected)
        )


class Gateway:
    """One gateway's share: a call with its phone, its bus and its leg to the bridge.

    `to_phone` and `to_bridge` take what it sends; a second of its own clock lasts `pace` seconds.
    """

    def __init__(
        self,
        name: str,
        timeline: Timeline,
        *,
        to_phone: Callable[[bytes], None],
        to_bridge: Callable[[bytes], None],
        journey: Journey,
        pace: float = 1.0,
    ) -> None:
        self._timeline = timeline
        self._pace = pace
        self._to_phone = to_phone
        self._to_bridge = to_bridge
        self._protects = SrtpSender(_PROFILE, *_keys(name, "up"))
        alone, room = RoomBus(), RoomBus()
        self.media = CallMedia(name, self, alone, lambda event: None, silent_after=1e9)  # type: ignore[arg-type]
        self.media.connect_phone(_phone(journey.codec), self._now)
        self.leg = BridgeLeg(
            _offer(name, red=journey.red),
            _Sink(self),
            SrtpReceiver(_PROFILE, *_keys(name, "down")),
            self._now,
            bitrate=_ENGINE.bitrate,
            complexity=_ENGINE.complexity,
        )
        self.media.move(room, self.leg, self._now)
        others = tuple(m.Source(ssrc, who) for who, ssrc in _SSRCS.items() if who != name)
        room.set_sources(self.media, others, self._now)
        self._slot = Slot(failed=_fail)
        self._slot.rooms[room] = None
        self._slot.encoding.append(self.media)
        first = timeline.now + random.Random(f"{name} {journey.seed}").random() * TICK
        timeline.every(TICK * pace, lambda: self._slot.tick(self._now), first=first)
        timeline.every(0.5, lambda: self.media.watch(self._now), first=timeline.now + 0.1)

    @property
    def _now(self) -> float:
        return BEGIN + (self._timeline.now - BEGIN) / self._pace

    def receive_from_phone(self, data: bytes, source: m.Address) -> None:
        self.media.receive_rtp(data, source, self._now)

    def receive_from_bridge(self, data: bytes) -> None:
        self.media.receive_from_bridge(data, self._now)

    # As the phone's sockets.

    def send_rtp(self, packet: bytes, destination: m.Address) -> None:
        self._to_phone(packet)

    def send_rtcp(self, packet: bytes, destination: m.Address) -> None:
        """The phones here do not read reports."""

    # As the bridge's sink.

    def rtp_to_bridge(self, packet: bytes) -> None:
        self._to_bridge(self._protects.protect(packet))


@dataclass
class _Sink:
    gateway: Gateway

    def send_rtp(self, packet: bytes) -> None:
        self.gateway.rtp_to_bridge(packet)

    def send_rtcp(self, packet: bytes) -> None:
        """The bridge here knows what it loses without our reports."""

    def want_rtp(self, wanted: bool) -> None:
        """Everything is wanted of a single endpoint."""


@dataclass(frozen=True)
class Arrived:
    """What came out: samples at `rate` Hz from `begin` on, and what each gateway reports.

    `begin` is in seconds after the phone began to speak; a second of samples lasts `pace` seconds.
    """

    samples: Samples
    begin: float
    pace: float
    near: m.CallReport
    far: m.CallReport
    rate: int = RATE

    def since(self, seconds: float, lasting: float) -> Samples:
        """The samples of so long a time, from so many seconds after the beginning on."""
        first = round((seconds - self.begin) / self.pace * self.rate)
        count = round(lasting * self.rate)
        heard = self.samples[max(first, 0) : max(first + count, 0)]
        before = np.zeros(min(max(-first, 0), count), np.int16)
        after = np.zeros(count - len(before) - len(heard), np.int16)
        return np.concatenate((before, heard, after))


def travel(speech: Samples, journey: Journey) -> Arrived:
    """Say `speech`, at the journey's rate, into one phone: what is heard in the other."""
    timeline = Timeline(BEGIN)
    period = TICK * (1.0 + journey.phone_skew * 1e-6)
    pace = 1.0 + journey.far_skew * 1e-6
    lasts = len(speech) / journey.rate / TICK * period
    bridge = Videobridge(timeline, journey, BEGIN + journey.change_at * lasts)
    listener = ListeningPhone(journey.codec)

    def to_listener(packet: bytes) -> None:
        timeline.at(timeline.now + HOP, lambda: listener.receive(packet, timeline.now))

    near = Gateway(
        "near",
        timeline,
        to_phone=lambda packet: None,
        to_bridge=bridge.sent_by_near,
        journey=journey,
    )
    far = Gateway(
        "far",
        timeline,
        to_phone=to_listener,
        to_bridge=lambda packet: None,
        journey=journey,
        pace=pace,
    )
    bridge.ends = {"near": near, "far": far}
    if not journey.fec:
        without_fec(near.leg)
    line = Link(timeline, journey.phone_leg, journey.seed * 10 + 1)
    phone = SpeakingPhone(
        speech,
        journey,
        lambda data, source: line.carry(lambda: near.receive_from_phone(data, source)),
    )
    timeline.every(period, phone.speak, first=BEGIN + period)
    timeline.run(BEGIN + lasts + 2.5)
    begin, samples = listener.recording()
    reports = near.media.report(), far.media.report()
    return Arrived(samples, begin - BEGIN, pace, *reports, rate=journey.rate)


def _fail(bus: RoomBus) -> None:
    raise AssertionError("a mistake of ours in a tick: see the log")


def without_fec(leg: BridgeLeg) -> None:
    """Let its encoder spend everything on the frames themselves, whatever the bridge reports."""
    encoder = leg._encoder
    encoder.set_loss(0.0)
    encoder.set_loss = lambda fraction: None  # type: ignore[method-assign]


def _phone(codec: m.Payload) -> m.PhoneMedia:
    return m.PhoneMedia(
        remote=("192.0.2.1", 4000),
        remote_rtcp=None,
        signalling_host="192.0.2.1",
        payloads=(codec, m.Payload(8, "PCMA", 8000)),
    )


def _keys(name: str, way: str) -> tuple[bytes, bytes]:
    """A master key and salt."""
    return (name + way).encode().ljust(16, b"k")[:16], way.encode().ljust(12, b"s")


def _offer(name: str, *, red: bool) -> m.BridgeOffer:
    return m.BridgeOffer(
        session=name,
        ufrag="",
        pwd="",
        fingerprints=(),
        setup="actpass",
        candidates=(),
        opus=m.Payload(_OPUS, "OPUS", 48000, 2),
        audio_level_id=1,
        ssrc=_SSRCS[name],
        bridge_ssrc=_BRIDGE_SSRC,
        red=m.Payload(_RED, "RED", 48000, 2) if red else None,
    )


# What can change in the middle of a call.


def another_ssrc(packet: RtpPacket, source: m.Address) -> tuple[RtpPacket, m.Address]:
    """The phone restarts its stream: SSRC, sequence number and timestamp are new."""
    return _jump(packet._replace(ssrc=78)), source


def another_payload_type(packet: RtpPacket, source: m.Address) -> tuple[RtpPacket, m.Address]:
    """PCMA instead of PCMU."""
    payload = PCMA.encode(PCMU.decode(packet.payload))
    return packet._replace(payload_type=8, payload=payload), source


def another_time(packet: RtpPacket, source: m.Address) -> tuple[RtpPacket, m.Address]:
    """The timestamp jumps; the sequence goes on."""
    return packet._replace(timestamp=(packet.timestamp + 123_456_789) & 0xFFFFFFFF), source


def another_port(packet: RtpPacket, source: m.Address) -> tuple[RtpPacket, m.Address]:
    """A NAT gives the phone another port."""
    return packet, (source[0], 4008)


def another_source_time(packet: RtpPacket) -> RtpPacket:
    """The timestamps of what the bridge forwards jump."""
    return packet._replace(timestamp=(packet.timestamp + 123_456_789) & 0xFFFFFFFF)


def _jump(packet: RtpPacket) -> RtpPacket:
    return packet._replace(
        sequence=(packet.sequence + 30_000) & 0xFFFF,
        timestamp=(packet.timestamp + 123_456_789) & 0xFFFFFFFF,
    )
