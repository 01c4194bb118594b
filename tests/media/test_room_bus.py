"""Who hears whom in a room, at which rate, and what is not decoded because nobody would hear it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np
import pytest

from audiocodecs.frames import Samples, silence
from audiocodecs.g711 import G711
from audiocodecs.opus import OpusDecoder, OpusEncoder
from audiocodecs.resampling import converter
from audiocodecs.tones import tone
from gateway.lab.listening import listen_for
from gateway.media import messages as m
from gateway.media import room_bus
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.call_media import CallMedia
from gateway.media.mixing import Mixing
from gateway.media.room_bus import RoomBus
from gateway.media.room_source import RoomSource
from gateway.media.slot import Slot
from gateway.media.utterance import Over
from gateway.rtp.packet import RtpPacket, pack_extensions
from gateway.rtp.telephone_event import Press
from tests.media.test_bridge_leg import LEVEL, OPUS, Bridge, leg_to

BEGIN = 200.0
FREQUENCIES = {"a": 480.0, "b": 820.0, "c": 1070.0, "d": 1800.0, "e": 2300.0, "wide": 5200.0}
FREQUENCIES |= {"f": 640.0, "g": 1400.0}
SILENT = OpusEncoder(48000).encode(silence(960))


@dataclass(eq=False)
class Caller:
    """A caller who says a tone, or nothing."""

    rate: int = 8000
    says: str | None = None
    speaking: bool = True
    leg: BridgeLeg | None = None
    own_ssrcs: frozenset[int] = frozenset()
    listens: bool = True
    law: G711 | None = None
    heard: list[Samples] = field(default_factory=list)

    def __post_init__(self) -> None:
        size = self.rate // 50
        frequency = FREQUENCIES[self.says] if self.says else 0.0
        samples = tone([frequency], 1.0, rate=self.rate, level=-20.0)
        self._frames = samples.reshape(-1, size)
        self._at = -1
        self._between = {}
        for rate in {8000, 16000} - {self.rate}:
            self._between[rate] = converter(self.rate, rate)

    def next_frame(self, now: float) -> Samples:
        self._at = (self._at + 1) % len(self._frames)
        return self._frames[self._at]

    def speak(self, level: int) -> bool:
        return self.says is not None and self.speaking

    def voice(self, rate: int) -> Samples:
        frame = self._frames[self._at]
        return frame if rate == self.rate else self._between[rate].convert(frame)

    def announcement(self) -> Samples | None:
        return None

    def speech(self) -> Over | None:
        return None

    def hear(self, heard: bytes | Samples) -> None:
        assert isinstance(heard, np.ndarray)
        assert len(heard) == self.rate // 50
        self.heard.append(heard)

    def pressed(self, endpoint: str, press: Press) -> None: ...

    def hears(self, frames: int = 25) -> set[str]:
        samples = np.concatenate(self.heard[-frames:])
        return {
            name
            for name, frequency in FREQUENCIES.items()
            if frequency < self.rate / 2 and listen_for(frequency, samples, self.rate).is_present
        }


class Talker:
    """A source of the conference, as the bridge forwards it."""

    def __init__(self, name: str, level: int | None = 20) -> None:
        self.ssrc = 1000 + ord(name[0])
        self.source = m.Source(self.ssrc, name)
        self.level = level
        self.is_silent = False
        self._encoder = OpusEncoder(48000)
        self._voice = tone([FREQUENCIES[name]], 1.0, rate=48000, level=-20.0).reshape(-1, 960)
        self.encrypts = False

    def packet(self, number: int) -> RtpPacket:
        extension = (0, b"")
        if self.level is not None:
            extension = pack_extensions({LEVEL: bytes([self.level])})
        payload = SILENT if self.is_silent else self._encoder.encode(self._voice[number % 50])
        if self.encrypts:  # all but the first octet, as browsers do
            payload = payload[:1] + secrets.token_bytes(len(payload) + 29)
        return RtpPacket(OPUS, number, number * 960, self.ssrc, payload, extension=extension)


class Room:
    """A bus with some callers, of whom the first has an endpoint that gets what talkers say."""

    def __init__(self, callers: list[Caller], talkers: Mapping[str, int | None] = {}) -> None:
        self.bus, self.callers = RoomBus(), callers
        self.bridge = Bridge()
        callers[0].leg = leg_to(self.bridge)
        self.talkers = {name: Talker(name, level) for name, level in talkers.items()}
        self.slot = Slot(pytest.fail)
        self.slot.rooms[self.bus] = None
        for caller in callers:
            self.bus.join(caller)
        self.bus.set_sources(callers[0], [each.source for each in self.talkers.values()], BEGIN)
        self.number = 0

    @property
    def now(self) -> float:
        return BEGIN + self.number * 0.02

    def run(self, frames: int) -> None:
        for _ in range(frames):
            now = self.now
            for talker in self.talkers.values():
                data = self.bridge.rtp(talker.packet(self.number))
                assert self.callers[0].leg is not None
                self.bus.receive(self.callers[0].leg, data, now)
            self.slot.tick(now + 0.007)
            self.number += 1


def test_callers_hear_each_other_and_the_conference_and_not_themselves() -> None:
    first, second, third = Caller(says="a"), Caller(says="b"), Caller()
    room = Room([first, second, third], {"c": 20})
    room.run(60)
    assert first.hears() == {"b", "c"}
    assert second.hears() == {"a", "c"}
    assert third.hears() == {"a", "b", "c"}


def test_who_encrypts_end_to_end_is_silent_and_no_noise() -> None:
    caller = Caller()
    room = Room([caller], {"a": 20, "b": 20})
    room.run(60)
    room.talkers["a"].encrypts = True
    in_clear, encrypted = (
        room.talkers["b"].source,
        replace(room.talkers["a"].source, is_encrypted=True),
    )
    room.bus.set_sources(caller, (in_clear, encrypted), room.now)
    room.run(60)
    assert caller.hears() == {"b"}
    room.talkers.pop("b")
    room.run(60)
    assert not np.concatenate(caller.heard[-25:]).any()
    room.talkers["a"].encrypts = False
    room.bus.set_sources(caller, (in_clear, room.talkers["a"].source), room.now)
    room.run(60)
    assert caller.hears() == {"a"}


def test_who_may_not_be_heard_is_heard_by_nobody() -> None:
    first, second = Caller(says="a"), Caller(says="b")
    room = Room([first, second])
    room.run(30)
    first.speaking = False
    room.run(30)
    assert second.hears() == set()
    assert first.hears() == {"b"}


def test_wide_band_phones_hear_the_conference_and_each_other_in_wide_band() -> None:
    wide, other, narrow = Caller(16000, "a"), Caller(16000, "wide"), Caller(says="b")
    room = Room([wide, other, narrow], {"c": 20})
    room.run(60)
    assert wide.hears() == {"b", "c", "wide"}
    assert other.hears() == {"a", "b", "c"}
    assert narrow.hears() == {"a", "c"}  # and nothing of the high tone is folded down
    spectrum = np.abs(np.fft.rfft(np.concatenate(narrow.heard[-25:])))
    assert spectrum[round(2800 * 0.5)] < 0.01 * spectrum.max()  # 8000 - 5200 Hz


def test_a_phone_may_change_its_rate_in_the_middle() -> None:
    first, second = Caller(says="a"), Caller(says="b")
    room = Room([first, second], {"c": 20})
    room.run(30)
    again = Caller(16000, "b")
    room.bus.leave(second, BEGIN)
    room.bus.join(again)
    room.run(60)
    assert again.hears() == {"a", "c"}
    assert first.hears() == {"b", "c"}


def test_what_was_counted_stays_counted_when_nobody_listens_at_the_same_rate_any_more() -> None:
    caller = Caller()
    room = Room([caller], {"c": 20})
    room.run(30)
    talkers, room.talkers = room.talkers, {}  # what they say is lost
    room.run(3)
    room.talkers = talkers
    room.run(30)
    before = room.bus.heard()
    assert (before.lost, before.losses.missing, before.concealed) == (3, 3, 60)
    caller.rate = 16000
    room.bus.tick(room.now, {caller: 127}, {16000: Mixing(320)})
    after = room.bus.heard()
    assert (after.lost, after.losses, after.concealed) == (3, before.losses, 60)
    assert after.packets == before.packets


def test_what_was_counted_stays_counted_when_those_who_came_first_and_hear_otherwise_leave() -> (
    None
):
    caller, wide = Caller(), Caller(16000)
    room = Room([caller, wide], {"c": 20})
    room.bus.set_sources(wide, [room.talkers["c"].source], room.now)
    room.bus.leave(caller, room.now)
    room.run(30)
    talkers, room.talkers = room.talkers, {}  # what they say is lost
    room.run(3)
    room.talkers = talkers
    room.run(30)
    room.bus.join(caller)
    room.bus.set_sources(caller, [room.talkers["c"].source], room.now)
    room.run(30)
    before = room.bus.heard()
    assert (before.lost, before.losses.missing, before.concealed) == (3, 3, 60)
    room.bus.leave(wide, room.now)
    room.run(30)
    after = room.bus.heard()
    assert (after.lost, after.losses.missing, after.concealed) == (3, 3, 60)
    assert after.losses.packets == before.losses.packets + 30


def test_what_was_counted_of_a_source_that_nobody_names_stays_counted() -> None:
    room = Room([Caller()], {"c": 20})
    room.bus.set_sources(room.callers[0], (), BEGIN)
    room.bus.expire(BEGIN + 6.0)  # its packets are no stragglers then
    room.run(10)
    assert room.bus.heard().packets == 10
    room.bus.expire(BEGIN + 11.0)
    assert room.bus.heard().packets == 10


def test_what_nobody_has_protected_makes_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the bridge's name anybody may send packets of any SSRC, and each would cost a decoder."""
    made: list[int] = []

    class Counted(RoomSource):
        def __init__(self, ssrc: int, *args: Any, **options: Any) -> None:
            made.append(ssrc)
            super().__init__(ssrc, *args, **options)

    monkeypatch.setattr(room_bus, "RoomSource", Counted)
    caller = Caller()
    room = Room([caller])
    assert caller.leg is not None
    for number in range(100):
        forged = RtpPacket(OPUS, number, 0, 5000 + number, secrets.token_bytes(80))
        room.bus.receive(caller.leg, forged.serialize(), BEGIN)
    assert made == []
    assert room.bus.heard().discarded == 100
    talker = Talker("c")  # who speaks before the focus names it
    for number in range(60):
        room.bus.receive(caller.leg, room.bridge.rtp(talker.packet(number)), room.now)
        room.run(1)
    assert made == [talker.ssrc]
    assert caller.hears() == {"c"}


def test_only_the_loudest_four_are_heard_whether_they_call_or_not() -> None:
    listener = Caller()
    room = Room(
        [listener, Caller(says="a")], {"b": 30, "c": 25, "d": 22, "e": None, "f": 60}
    )  # the caller has a level of 23
    room.run(120)
    assert listener.hears() == {"a", "c", "d", "e"}


@pytest.mark.parametrize("level", [10, None])
def test_who_says_nothing_takes_nobody_s_place_whatever_it_says_of_itself(
    level: int | None,
) -> None:
    listener = Caller()
    room = Room([listener], {"a": 25, **dict.fromkeys("bcdefg", level)})
    for name in "bcdefg":
        room.talkers[name].is_silent = True
    room.run(150)
    frames = np.concatenate(listener.heard).reshape(-1, 25, 160)  # half seconds
    assert all(listen_for(FREQUENCIES["a"], part.ravel(), 8000).is_present for part in frames[2:])
    listener.heard.clear()
    room.run(600)  # they are given another chance now and then
    frames = np.concatenate(listener.heard).reshape(-1, 25, 160)
    there = [listen_for(FREQUENCIES["a"], part.ravel(), 8000).is_present for part in frames]
    assert all(there)


@pytest.mark.parametrize("level", [0, None])
def test_who_was_silent_and_speaks_has_a_place_whatever_it_says_of_itself(
    level: int | None,
) -> None:
    listener = Caller()
    room = Room([listener], {**dict.fromkeys("acde", 25), "b": level})
    room.talkers["b"].is_silent = True
    room.run(150)
    assert listener.hears() == set("acde")
    room.talkers["b"].is_silent = False
    room.run(600)
    assert "b" in listener.hears()


def steepest(samples: Samples) -> int:
    """The largest step from one sample to the next."""
    return int(np.abs(np.diff(samples.astype(int))).max())


@pytest.mark.parametrize("rate", [8000, 16000])
def test_who_leaves_while_speaking_fades_away_without_a_click(rate: int) -> None:
    listener, leaving = Caller(rate), Caller(says="a")
    room = Room([listener, leaving])
    room.run(32)  # its tone is in mid-wave then
    voice = steepest(np.concatenate(listener.heard[-10:]))
    room.bus.leave(leaving, BEGIN + 0.6)
    room.run(5)
    end = np.concatenate(listener.heard[-10:])
    assert steepest(end) <= 1.3 * voice
    assert not end[-4 * rate // 50 :].any()


def test_a_source_that_is_removed_while_speaking_fades_away_without_a_click() -> None:
    listener = Caller()
    room = Room([listener], {"a": 20})
    room.run(41)
    voice = steepest(np.concatenate(listener.heard[-10:]))
    room.talkers.clear()
    room.bus.set_sources(listener, [], BEGIN + 0.8)
    room.run(5)
    end = np.concatenate(listener.heard[-10:])
    assert steepest(end) <= 1.3 * voice
    assert not end[-4 * 160 :].any()


def test_what_the_bridge_still_has_of_a_caller_who_has_left_is_not_heard_again() -> None:
    listener, other = Caller(), Caller()
    echo = Talker("a")
    leaving = Caller(says="a", own_ssrcs=frozenset({echo.ssrc}))
    room = Room([listener, other, leaving])
    for member in (listener, other):
        room.bus.set_sources(member, [echo.source], BEGIN)
    room.run(40)
    room.bus.expire(room.now + 6.0)
    room.bus.leave(leaving, room.now)
    room.talkers = {"a": echo}  # what it has said last comes by the bridge
    room.run(15)
    assert not np.concatenate(listener.heard[-10:]).any()
    room.bus.set_sources(listener, [echo.source], room.now)  # it is still named
    room.run(15)
    assert not np.concatenate(listener.heard[-10:]).any()


def test_nobody_s_last_words_are_kept_for_those_who_come_later() -> None:
    listener, leaving, later = Caller(), Caller(says="a"), Caller()
    room = Room([listener, leaving])
    room.run(30)
    room.bus.leave(leaving, BEGIN + 0.6)
    room.bus.leave(listener, BEGIN + 0.6)
    room.run(1)
    room.bus.join(later)
    room.run(3)
    assert not np.concatenate(later.heard).any()


def test_last_words_are_not_kept_either_at_a_rate_at_which_nobody_listens_any_more() -> None:
    listener, wide, other = Caller(), Caller(16000, says="b"), Caller(16000)
    room = Room([listener, wide], {"a": 20})
    room.run(30)
    room.bus.leave(wide, room.now)
    room.run(30)
    room.talkers.clear()
    room.bus.set_sources(listener, [], room.now)
    room.run(30)
    room.bus.join(other)
    room.run(3)
    assert not np.concatenate(other.heard).any()


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    payloads: list[bytes] = []
    decode = OpusDecoder.decode

    def watching(self: OpusDecoder, payload: bytes) -> Samples:
        payloads.append(payload)
        return decode(self, payload)

    monkeypatch.setattr(OpusDecoder, "decode", watching)
    return payloads


def test_a_source_is_decoded_once_for_each_rate_in_use(decoded: list[bytes]) -> None:
    room = Room([Caller(), Caller(), Caller(16000), Caller(16000)], {"c": 20})
    room.run(100)
    assert 190 <= len(decoded) <= 200


def test_what_is_softer_than_a_line_s_noise_is_not_decoded_until_it_is_louder(
    decoded: list[bytes],
) -> None:
    listener = Caller()
    room = Room([listener], {"c": 70})
    room.run(100)
    before = len(decoded)
    room.run(100)
    assert len(decoded) == before
    assert listener.hears() == set()
    room.talkers["c"].level = 20
    room.run(30)
    assert listener.hears(20) == {"c"}


@dataclass(eq=False)
class Mistaken(Caller):
    """A caller in whose media there is a mistake of ours: where it says something, or hears."""

    where: str = ""
    bus: RoomBus = field(default_factory=RoomBus)

    def _mistake(self, where: str) -> None:
        if where == self.where:
            raise ValueError(where)

    def next_frame(self, now: float) -> Samples:
        self._mistake("next_frame")
        return super().next_frame(now)

    def hear(self, heard: bytes | Samples) -> None:
        self._mistake("hear")

    def send_to_bridge(self) -> None:
        self._mistake("send_to_bridge")


@pytest.mark.parametrize("where", ["next_frame", "hear", "send_to_bridge"])
def test_a_mistake_of_ours_ends_the_calls_of_one_room_and_no_others(where: str) -> None:
    failed: list[RoomBus] = []
    room = Room([Caller(), Caller(says="a")])
    mistaken = Mistaken(where=where)
    mistaken.bus.join(mistaken)

    def fail(bus: RoomBus) -> None:
        failed.append(bus)
        slot.rooms.pop(bus)  # as the engine does

    slot = room.slot = Slot(fail)
    slot.rooms.update(dict.fromkeys((mistaken.bus, room.bus)))
    slot.encoding.append(cast(CallMedia, mistaken))
    room.run(30)
    assert failed == [mistaken.bus]
    assert len(room.callers[0].heard) == 30
    assert room.callers[0].hears() == {"a"}
