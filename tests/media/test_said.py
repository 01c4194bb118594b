"""What a caller hears when something is said to it, found by its own samples in its RTP."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from time import sleep

import numpy as np
import pytest

from audiocodecs.frames import Samples, silence
from audiocodecs.tones import tone
from gateway.ivr.texts import PACKS
from gateway.media.call_media import CallMedia
from gateway.media.decoding import phone_decoder
from gateway.media.encoding import phone_encoder
from gateway.media.messages import (
    Direction,
    Event,
    Hush,
    Payload,
    PhoneMedia,
    Play,
    Played,
    Recorded,
    Sampled,
    Say,
    Tone,
)
from gateway.media.recordings import RecordingFiles
from gateway.media.room_bus import RoomBus
from gateway.media.slot import Slot
from gateway.rtp.packet import RtpPacket
from tests.helpers.listening import share_of
from tests.helpers.prompts import find, prompt

PCMU, G722 = Payload(0, "PCMU", 8000), Payload(9, "G722", 8000)
MUTED, DIGIT = Recorded("de", "muted"), Recorded("de", "digit-7")
HUM = 250.0


@dataclass(eq=False)
class Phone:
    """A phone whose other end records, and says a hum if it `speaks`."""

    name: str
    payload: Payload
    slot: Slot
    bus: RoomBus
    recordings: RecordingFiles
    speaks: bool = False
    heard: list[Samples] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._decoder, self._encoder = phone_decoder(self.payload), phone_encoder(self.payload)
        self.rate = self._decoder.rate
        self.address = ("192.0.2.1", 4000)
        self.media = CallMedia(
            self.name,
            self,  # type: ignore[arg-type]
            self.bus,
            self.events.append,
            silent_after=1e9,
            recordings=self.recordings,
        )
        self.agree(Direction.SENDRECV, 0.0)
        self._says = tone([HUM], 1.0, rate=self.rate, level=-20.0)
        self._number = 0
        # A caller who speaks has a session with the bridge; nothing of it is needed here.
        self.media.leg = Leg() if self.speaks else None  # type: ignore[assignment]

    def agree(self, direction: Direction, now: float) -> None:
        media = PhoneMedia(
            self.address, None, self.address[0], (self.payload,), direction=direction
        )
        self.media.connect_phone(media, now)

    def send_rtp(self, packet: bytes, destination: tuple[str, int]) -> None:
        self.heard.append(self._decoder.decode(RtpPacket.parse(packet).payload))

    def say(self, now: float) -> None:
        size = self.rate // 50
        at = self._number * size % self.rate
        frame = self._says[at : at + size] if self.speaks else silence(size)
        payload = self._encoder.encode(frame)
        packet = RtpPacket(self.payload.payload_type, self._number, self._number * 160, 1, payload)
        self._number += 1
        self.media.receive_rtp(packet.serialize(), self.address, now)

    @property
    def played(self) -> list[Event]:
        return [event for event in self.events if isinstance(event, Played)]

    @property
    def samples(self) -> Samples:
        return np.concatenate(self.heard)


class Leg:
    """A connection to the bridge that takes everything."""

    ssrc = 5
    bridge_ssrc = 6
    last_heard = 0.0

    def send(self, *_: object) -> None: ...

    def want_rtp(self, wanted: bool) -> None: ...


class Room:
    """A room in simulated time."""

    def __init__(self) -> None:
        self.recordings = RecordingFiles((str(PACKS),))
        self.slot = Slot(lambda bus: pytest.fail("the room has failed"))
        self.bus = RoomBus()
        self.slot.rooms[self.bus] = None
        self.phones: list[Phone] = []
        self.now = 0.0

    def phone(self, payload: Payload, *, speaks: bool = False) -> Phone:
        name = f"call{len(self.phones)}"
        phone = Phone(name, payload, self.slot, self.bus, self.recordings, speaks)
        self.phones.append(phone)
        for recorded in (MUTED, DIGIT):
            while self.recordings.samples(recorded, phone.rate) is None:
                sleep(0.005)  # it is read in a thread, in time of its own
        return phone

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            self.now += 0.02
            for phone in self.phones:
                phone.say(self.now)
            self.slot.tick(self.now)


@pytest.fixture
def room() -> Iterator[Room]:
    made = Room()
    yield made
    made.recordings.close()


@pytest.mark.parametrize("payload", [PCMU, G722], ids=["PCMU", "G722"])
def test_a_caller_hears_the_prompt_itself_and_then_that_is_told(
    room: Room, payload: Payload
) -> None:
    caller, other = room.phone(payload), room.phone(payload)
    caller.media.let_hear(Say("call0", 3, (MUTED, DIGIT)))
    room.run(0.5)
    assert caller.played == []
    room.run(3.0)
    assert caller.played == [Played("call0", 3, True)]
    muted, digit = (prompt("de", part.name, caller.rate) for part in (MUTED, DIGIT))
    first, second = (find(words, caller.samples, caller.rate) for words in (muted, digit))
    assert first.likeness > 0.97 and first.gain == pytest.approx(1.0, abs=0.05)
    assert second.likeness > 0.97
    assert second.at - first.at == pytest.approx(len(muted) / caller.rate + 0.1, abs=0.01)
    for words in ("unmuted", "digit-3"):
        assert find(prompt("de", words, caller.rate), caller.samples, caller.rate).likeness < 0.5
    assert find(muted, other.samples, other.rate).likeness < 0.1


def test_the_conference_goes_on_beneath_twelve_decibels_softer(room: Room) -> None:
    caller, talker = room.phone(PCMU), room.phone(PCMU, speaks=True)
    room.run(1.0)
    alone = hum(caller.samples[4000:])
    caller.heard.clear()
    caller.media.let_hear(Say("call0", 1, (MUTED,)))
    room.run(1.0)
    words = prompt("de", "muted", 8000)
    during = caller.samples
    found = find(words[: len(during) - 1000], during, 8000)
    assert found.likeness > 0.9
    at = round(found.at * 8000)
    beneath = during[at : at + 7000].astype(float) - found.gain * words[:7000]
    assert 20 * np.log10(hum(beneath) / alone) == pytest.approx(-12.0, abs=1.5)
    room.run(1.5)
    assert hum(caller.samples[-4000:]) == pytest.approx(alone, rel=0.05)
    assert find(words[:6000], talker.samples, 8000).likeness < 0.1


def hum(samples: Samples) -> float:
    """How loud the hum is in samples at 8 kHz."""
    angle = 2j * np.pi * HUM / 8000 * np.arange(len(samples))
    return abs(np.mean(samples * np.exp(angle))) * 2


def test_somebody_who_speaks_is_told_things_and_does_not_hear_itself(room: Room) -> None:
    talker = room.phone(PCMU, speaks=True)
    room.phone(PCMU)
    talker.media.let_hear(Say("call0", 1, (MUTED,)))
    room.run(2.5)
    assert find(prompt("de", "muted", 8000), talker.samples, 8000).likeness > 0.97
    assert share_of(HUM, talker.samples[-8000:], 8000) < 0.01


def test_a_waiting_tone_waits_for_the_words(room: Room) -> None:
    caller = room.phone(PCMU)
    caller.media.let_hear(Play("call0", Tone.WAITING))
    caller.media.let_hear(Say("call0", 1, (MUTED,)))
    room.run(6.0)
    found = find(prompt("de", "muted", 8000), caller.samples, 8000)
    assert found.likeness > 0.97
    assert share_of(425.0, caller.samples[round(found.at * 8000) + 16000 :], 8000) > 0.9


def test_a_secluded_phone_is_not_heard_and_hears_what_it_is_told_and_nothing_else(
    room: Room,
) -> None:
    caller, talker = room.phone(PCMU, speaks=True), room.phone(PCMU, speaks=True)
    caller.media.secluded = True
    caller.media.let_hear(Say("call0", 1, (MUTED,)))
    room.run(3.0)
    assert find(prompt("de", "muted", 8000), caller.samples, 8000).likeness > 0.99
    assert caller.played == [Played("call0", 1, True)]
    assert not caller.samples[-4000:].any() and not talker.samples.any()
    caller.media.let_hear(Play("call0", Tone.MUTED))
    room.run(0.3)
    assert caller.samples[-1600:].any()
    caller.media.secluded = False
    room.run(1.0)
    for phone in (caller, talker):
        assert share_of(HUM, phone.samples[-4000:], 8000) > 0.9


def test_nothing_is_said_to_a_phone_on_hold_until_it_is_back(room: Room) -> None:
    caller = room.phone(PCMU)
    caller.agree(Direction.RECVONLY, room.now)  # we receive only: it hears nothing
    caller.media.let_hear(Say("call0", 1, (MUTED,)))
    room.run(3.0)
    assert caller.played == []
    caller.agree(Direction.SENDRECV, room.now)
    room.run(3.0)
    assert find(prompt("de", "muted", 8000), caller.samples, 8000).likeness > 0.97
    assert caller.played == [Played("call0", 1, True)]


def test_what_is_hushed_is_over_at_once(room: Room) -> None:
    caller = room.phone(PCMU)
    caller.media.let_hear(Say("call0", 1, (MUTED,)))
    room.run(0.3)
    caller.media.let_hear(Hush("call0"))
    room.run(1.0)
    assert caller.played == [Played("call0", 1, False)]
    assert not caller.samples[round(0.4 * 8000) :].any()


def test_a_name_that_was_spoken_just_now_is_heard_where_it_belongs(room: Room) -> None:
    caller = room.phone(PCMU)
    name = tone([600.0, 950.0], 0.5, rate=16000)
    caller.media.let_hear(Say("call0", 1, (MUTED, Sampled(name.astype("<i2").tobytes()), DIGIT)))
    room.run(4.0)
    spoken = find(tone([600.0, 950.0], 0.5, rate=8000), caller.samples, 8000)
    assert spoken.likeness > 0.97
    before = find(prompt("de", "muted", 8000), caller.samples, 8000)
    after = find(prompt("de", "digit-7", 8000), caller.samples, 8000)
    assert before.at < spoken.at < after.at
