"""What a caller in the menu costs the engine, beside a call in a room: in simulated time.

Everything between the sockets is the engine's own, as in `tests/quality`; sockets and clocks are
not there, so that others on the machine spoil the figures little: a second of each is measured in
turn, in CPU time of this thread, without making what comes in. The benchmark (`sip-gateway bench
menu own-rooms-3`) has sockets and clocks too, and wants a quiet machine.

`python -m tests.soak.menu_cost CALLERS [SECONDS]`; 200 callers want a minute of a core.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from gateway.bench.keys import EventKeys
from gateway.bench.phone import EVENTS, FRAME
from gateway.bench.room import LEVEL_ID, OPUS_TYPE, Talker
from gateway.bench.scenario import FRAMES
from gateway.bench.voices import VOICES, caller_payloads, talker_packets
from gateway.ivr.language import Language
from gateway.ivr.phrasebook import Phrasebook
from gateway.ivr.prompt import Prompt
from gateway.ivr.texts import PACKS
from gateway.media import messages as m
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.call_media import CallMedia
from gateway.media.engine_config import EngineConfig
from gateway.media.recordings import RecordingFiles
from gateway.media.room_bus import RoomBus
from gateway.media.slot import Slot
from gateway.rtp.packet import RtpPacket
from gateway.rtp.srtp import SrtpProfile, SrtpReceiver, SrtpSender

_PHONE = ("192.0.2.1", 4000)
_ROOMS_A_SLOT = 10
_WATCHED = FRAMES // 2  # frames from one look at a call to the next
_PROFILE = SrtpProfile.AEAD_AES_128_GCM
_KEY, _SALT = bytes(range(16)), bytes(range(12))
_SAID = (Prompt.GREETING, Prompt.ENTER_PIN, Prompt.PIN_WRONG, Prompt.TRY_AGAIN)
_ENGINE = EngineConfig()
_MEDIA = m.PhoneMedia(
    remote=_PHONE,
    remote_rtcp=None,
    signalling_host=_PHONE[0],
    payloads=(m.Payload(0, "PCMU", 8000), m.Payload(EVENTS, "TELEPHONE-EVENT", 8000)),
)


@dataclass
class Wire:
    """In place of a call's sockets, and of its way to the bridge; what it sends is protected."""

    sent: int = 0
    to_bridge: int = 0
    _sender: SrtpSender = field(default_factory=lambda: SrtpSender(_PROFILE, _KEY, _SALT))

    def send_rtp(self, packet: bytes, destination: m.Address | None = None) -> None:
        if destination is None:
            self._sender.protect(packet)
            self.to_bridge += 1
        else:
            self.sent += 1

    def send_rtcp(self, packet: bytes, destination: m.Address | None = None) -> None:
        """Reports are made; nobody reads them."""

    def want_rtp(self, wanted: bool) -> None:
        """Everything is wanted of a single endpoint."""

    def close(self) -> None:
        """There is nothing to give back."""


@dataclass
class Phone:
    """What a phone sends: `payloads`, and keys if it has them."""

    payloads: list[bytes]
    keys: EventKeys | None
    number: int = 0

    def next_packet(self) -> bytes:
        pressed = self.keys.next_frame() if self.keys is not None else None
        sequence, timestamp = self.number & 0xFFFF, self.number * FRAME & 0xFFFFFFFF
        self.number += 1
        if pressed is None:
            payload = self.payloads[self.number % len(self.payloads)]
            return RtpPacket(0, sequence, timestamp, 1, payload).serialize()
        payload, since = pressed
        began = (timestamp - since) & 0xFFFFFFFF
        return RtpPacket(EVENTS, sequence, began, 1, payload, since == 0).serialize()


class World:
    """Callers and their slots; `second` lets one pass. `take` is given the engine's events."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        """Seconds that each second has cost."""
        self.wires: list[Wire] = []
        self._frame = 0
        self._slots: list[Slot] = []
        self._calls: list[CallMedia] = []
        self._phones: list[Phone] = []
        self._bridges: list[Callable[[], bytes]] = []
        self._events: list[m.Event] = []

    def add(self, media: CallMedia, bus: RoomBus, phone: Phone) -> None:
        """One more, alone in its room."""
        if len(self._calls) % _ROOMS_A_SLOT == 0:
            self._slots.append(Slot(_fail))
        self._slots[-1].rooms[bus] = None
        if media.leg is not None:
            self._slots[-1].encoding.append(media)
        self._calls.append(media)
        self._phones.append(phone)

    def media(self, name: str, bus: RoomBus, recordings: RecordingFiles) -> CallMedia:
        """A call whose phone is connected."""
        wire = Wire()
        self.wires.append(wire)
        media = CallMedia(
            name,
            wire,  # type: ignore[arg-type]
            bus,
            self._events.append,
            silent_after=30.0,
            recordings=recordings,
        )
        media.connect_phone(_MEDIA, 0.0)
        return media

    def second(self) -> None:
        """A second of all of them."""
        coming = [
            [(phone.next_packet(), *self.from_bridge(at)) for at, phone in enumerate(self._phones)]
            for _ in range(FRAMES)
        ]
        begin = time.thread_time()
        for packets in coming:
            now = self._frame / FRAMES
            for media, (from_phone, *from_bridge) in zip(self._calls, packets, strict=True):
                media.receive_rtp(from_phone, _PHONE, now)
                for packet in from_bridge:
                    media.receive_from_bridge(packet, now)
            for slot in self._slots:
                slot.tick(now)
            if self._frame % _WATCHED == 0:
                for media in self._calls:
                    media.watch(now)
            told = self._events[:]
            self._events.clear()
            for event in told:
                self.take(event)
            self._frame += 1
        self.cpu.append(time.thread_time() - begin)

    @property
    def cost(self) -> float:
        """Milliseconds a caller and second; the first second was for warming up."""
        return 1000 * median(self.cpu[1:]) / len(self._calls)

    def share_of(self, other: "World") -> float:
        """What it costs, in terms of another that has gone on in turn with it."""
        return median(a / b for a, b in zip(self.cpu[1:], other.cpu[1:], strict=True))

    def from_bridge(self, at: int) -> tuple[bytes, ...]:
        """What comes for one of them in 20 ms."""
        return ()

    def take(self, event: m.Event) -> None:
        """Do what signalling would."""


class Menu(World):
    """Each hears prompts without end, and presses a key a second, which breaks them off."""

    def __init__(self, callers: int, recordings: RecordingFiles) -> None:
        super().__init__()
        self.keys = 0
        self.said = 0
        self._books = [Phrasebook.of(language) for language in Language]
        self._read(recordings)
        self._by_name: dict[str, tuple[int, CallMedia]] = {}
        for number in range(callers):
            bus = RoomBus()
            media = self.media(f"menu{number}", bus, recordings)
            self.add(media, bus, Phone(caller_payloads("PCMU", None), EventKeys(FRAME)))
            self._by_name[media.call] = number, media
            self._say(number, media)

    def take(self, event: m.Event) -> None:
        match event:
            case m.DigitReceived():
                self.keys += 1
                self._by_name[event.call][1].let_hear(m.Hush(event.call))
            case m.Played():
                self._say(*self._by_name[event.call])

    def _say(self, number: int, media: CallMedia) -> None:
        self.said += 1
        parts = self._books[number % len(self._books)].say(_SAID[self.said % len(_SAID)])
        media.let_hear(m.Say(media.call, self.said, parts))

    def _read(self, recordings: RecordingFiles) -> None:
        """Wait for all recordings: they are read once, by a thread, for whomever."""
        for book in self._books:
            for part in (part for prompt in _SAID for part in book.say(prompt)):
                while isinstance(part, m.Recorded) and recordings.samples(part, 8000) is None:
                    time.sleep(0.01)


class Rooms(World):
    """Each is in a room of its own with a talker; both speak, or neither does."""

    def __init__(self, callers: int, recordings: RecordingFiles, *, speak: bool) -> None:
        super().__init__()
        self._talkers: list[tuple[Talker, SrtpSender]] = []
        for number in range(callers):
            bus = RoomBus()
            media = self.media(f"room{number}", RoomBus(), recordings)
            leg = BridgeLeg(
                _offer(number),
                self.wires[-1],  # type: ignore[arg-type]
                SrtpReceiver(_PROFILE, _KEY, _SALT),
                0.0,
                bitrate=_ENGINE.bitrate,
                complexity=_ENGINE.complexity,
            )
            media.move(bus, leg, 0.0)
            voice = number % VOICES if speak else None
            talker = Talker(1000 + number, talker_packets(voice), at=7 * number)
            self._talkers.append((talker, SrtpSender(_PROFILE, _KEY, _SALT)))
            bus.set_sources(media, [m.Source(talker.ssrc, "talker")], 0.0)
            self.add(media, bus, Phone(caller_payloads("PCMU", voice), None))

    def from_bridge(self, at: int) -> tuple[bytes, ...]:
        talker, sender = self._talkers[at]
        return (sender.protect(talker.next_packet()),)


def compare(callers: int, rounds: int = 10) -> str:
    """Let all go on in turn; what a caller of each costs, and the ratios."""
    recordings = RecordingFiles((str(PACKS),))
    try:
        menu = Menu(callers, recordings)
        speaking = Rooms(callers, recordings, speak=True)
        silent = Rooms(callers, recordings, speak=False)
        for _ in range(rounds + 1):
            for world in (menu, speaking, silent):
                world.second()
    finally:
        recordings.close()
    frames = (rounds + 1) * FRAMES * callers
    assert menu.keys >= rounds * callers and menu.said > menu.keys, "they type and are spoken to"
    for world in (menu, speaking, silent):
        assert sum(wire.sent for wire in world.wires) == frames, "they hear"
    assert sum(wire.to_bridge for wire in speaking.wires) > frames / 2, "they are heard"
    return (
        f"{callers} callers each, {rounds} s in turn, ms of CPU a caller and second: in the menu "
        f"{menu.cost:.2f}; in a room of its own with a talker {speaking.cost:.2f} (the menu is "
        f"{menu.share_of(speaking):.2f} of it), if nobody speaks {silent.cost:.2f} "
        f"({menu.share_of(silent):.2f})"
    )


def _offer(number: int) -> m.BridgeOffer:
    return m.BridgeOffer(
        session=str(number),
        ufrag="",
        pwd="",
        fingerprints=(),
        setup="actpass",
        candidates=(),
        opus=m.Payload(OPUS_TYPE, "OPUS", 48000, 2),
        audio_level_id=LEVEL_ID,
        ssrc=500_000 + number,
        bridge_ssrc=999,
    )


def _fail(bus: RoomBus) -> None:
    raise AssertionError("a mistake of ours in a tick: see the log")


if __name__ == "__main__":
    print(compare(*map(int, sys.argv[1:])))
