"""A source that says in each packet that it is silent: hardly any is opened, none is missed."""

from functools import cache

import numpy as np
import pytest

from audiocodecs.frames import Samples
from audiocodecs.opus import OpusEncoder
from audiocodecs.tones import tone
from gateway.media import messages as m
from gateway.media.bridge_leg import BridgeLeg
from gateway.media.room_source import RoomSource
from gateway.rtp.packet import RtpPacket, pack_extensions
from gateway.rtp.srtp import SrtpReceiver, SrtpSender
from tests.media.test_bridge_leg import BACK, EVENT, LEVEL, OPUS, PROFILE, Bridge, leg_to

SSRC = 5
BEGIN = 200.0
SILENT, LOUD = 90, 20


@cache
def payloads() -> tuple[bytes, bytes]:
    """Of silence, and of a tone."""
    encoder = OpusEncoder(48000)
    voice = tone([480.0], 0.02, rate=48000, level=-20.0)
    silence = [encoder.encode(np.zeros(960, np.int16)) for _ in range(5)][-1]
    return silence, [encoder.encode(voice) for _ in range(5)][-1]


class Opening(SrtpReceiver):
    """Counts what it opens."""

    opened = 0

    def unprotect(self, data: bytes) -> bytes:
        self.opened += 1
        return super().unprotect(data)


class Stream:
    """A source, one frame of which comes and is played every 20 ms."""

    def __init__(self, *, first: int = 0) -> None:
        self.number = first
        self.frame = 0
        self.receiver = Opening(PROFILE, *BACK)
        self.sender = SrtpSender(PROFILE, *BACK)
        offer = leg_to(Bridge(), telephone_event=m.Payload(EVENT, "X", 8000))
        self.leg: BridgeLeg = offer
        offer._receiver = self.receiver
        self.source = RoomSource(SSRC, "ann", BEGIN, rates=(8000,))
        self.heard: list[Samples | None] = []

    def packet(self, level: int) -> bytes:
        """The next packet, protected."""
        silence, voice = payloads()
        extension = pack_extensions({LEVEL: bytes([level])})
        packet = RtpPacket(
            OPUS,
            self.number & 0xFFFF,
            self.frame * 960 & 0xFFFFFFFF,
            SSRC,
            voice if level == LOUD else silence,
            extension=extension,
        )
        self.number += 1
        return self.sender.protect(packet.serialize())

    def receive(self, data: bytes) -> None:
        self.source.receive(self.leg, data, BEGIN + self.frame * 0.02)

    def tick(self) -> None:
        self.source.fader.move(is_open=self.source.is_audible or not self.source.is_sounding)
        self.heard.append(self.source.pull(8000, BEGIN + self.frame * 0.02 + 0.007))
        self.frame += 1

    def say(self, level: int, frames: int) -> None:
        for _ in range(frames):
            self.receive(self.packet(level))
            assert self.leg.undecodable == 0
            self.tick()


def test_one_in_ten_is_opened_and_all_are_counted() -> None:
    stream = Stream()
    stream.say(LOUD, 20)
    stream.say(SILENT, 60)
    opened, octets = stream.receiver.opened, stream.source.reception.octets
    stream.say(SILENT, 500)
    assert 50 <= stream.receiver.opened - opened <= 51
    report = stream.source.heard()
    assert (report.packets, report.lost, report.late) == (580, 0, 0)
    assert report.octets - octets == 500 * len(payloads()[0])
    assert report.concealed == 0
    assert all(frame is None for frame in stream.heard[-450:])


@pytest.mark.parametrize("pause", [49, 50, 51, 53, 55, 60, 67, 200])
def test_the_first_word_after_silence_is_heard_whole_and_in_time(pause: int) -> None:
    stream = Stream()
    stream.say(LOUD, 50)
    stream.say(SILENT, pause)
    begin = len(stream.heard)
    stream.say(LOUD, 50)
    loud = [
        frame is not None and float(np.abs(frame).max()) > 2000 for frame in stream.heard[begin:]
    ]
    assert loud.index(True) <= 4, "at most the delay of its buffer later"
    assert all(loud[loud.index(True) :])
    report = stream.source.heard()
    assert (report.lost, report.late, report.concealed) == (0, 0, 0)
    assert report.delay <= 80


def test_its_rollover_counter_is_kept_however_long_it_is_silent() -> None:
    stream = Stream(first=65000)
    stream.say(LOUD, 5)
    for _ in range(40_000):  # after half of all numbers nobody can guess the counter
        stream.receive(stream.packet(SILENT))
        stream.frame += 1
    stream.say(LOUD, 20)
    assert stream.leg.undecodable == 0
    assert stream.source.heard().lost == 0
    assert stream.source.is_audible


def test_who_forges_silence_makes_nobody_silent() -> None:
    stream = Stream()
    stream.say(LOUD, 20)
    stream.say(SILENT, 60)
    stranger = SrtpSender(PROFILE, b"x" * 16, b"x" * 12)
    loud = 0
    for _ in range(40):
        extension = pack_extensions({LEVEL: bytes([SILENT])})
        forged = RtpPacket(
            OPUS, stream.number, stream.frame * 960, SSRC, b"\x00" * 20, extension=extension
        )
        stream.receive(stranger.protect(forged.serialize()))
        stream.receive(stream.packet(LOUD))
        stream.tick()
        frame = stream.heard[-1]
        loud += frame is not None and float(np.abs(frame).max()) > 2000
    assert loud >= 35


def test_a_packet_that_is_missing_in_silence_is_a_loss_and_nothing_is_filled() -> None:
    stream = Stream()
    stream.say(LOUD, 20)
    stream.say(SILENT, 80)
    stream.packet(SILENT)
    stream.frame += 1
    stream.say(SILENT, 80)
    report = stream.source.heard()
    assert report.lost == 1
    assert report.concealed == 0


def test_keys_are_heard_from_a_source_that_says_nothing() -> None:
    stream = Stream()
    stream.say(SILENT, 80)
    at = stream.frame * 960
    for step in range(1, 5):
        end = 0x80 if step == 4 else 0
        payload = bytes([5, end | 10]) + (step * 160).to_bytes(2)
        packet = RtpPacket(EVENT, stream.number & 0xFFFF, at, SSRC, payload)
        stream.number += 1
        stream.receive(stream.sender.protect(packet.serialize()))
        assert stream.leg.undecodable == 0
        stream.tick()
    assert [press.digit for press in stream.source.presses(BEGIN + 10)] == ["5"]


def test_a_source_that_states_no_level_is_always_opened() -> None:
    stream = Stream()
    silence, _ = payloads()
    for _ in range(200):
        packet = RtpPacket(OPUS, stream.number, stream.frame * 960, SSRC, silence)
        stream.number += 1
        stream.receive(stream.sender.protect(packet.serialize()))
        assert stream.leg.undecodable == 0
        stream.tick()
    assert stream.receiver.opened == 200
