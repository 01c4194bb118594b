"""Keys of a phone without telephone-event: heard by us, and not by the conference."""

import struct
from dataclasses import dataclass, field

import numpy as np
import pytest

from audiocodecs.frames import Samples, audio_level, silence
from audiocodecs.tones import dtmf, tone
from gateway.media.call_media import CallMedia
from gateway.media.encoding import phone_encoder
from gateway.media.messages import DigitReceived, Direction, Payload, PhoneMedia, SendDigit
from gateway.media.room_bus import RoomBus
from gateway.rtp.packet import RtpPacket
from tests.helpers.link import Link

PHONE = ("192.0.2.1", 4000)
PCMU, G722 = Payload(0, "PCMU", 8000), Payload(9, "G722", 8000)
EVENT = Payload(101, "TELEPHONE-EVENT", 8000)


def agreed(*payloads: Payload, is_held: bool = False) -> PhoneMedia:
    direction = Direction.RECVONLY if is_held else Direction.SENDRECV
    return PhoneMedia(PHONE, None, PHONE[0], payloads, direction=direction, is_held=is_held)


class NoSockets:
    """Ports nobody listens at."""

    def send_rtp(self, packet: bytes, destination: object) -> None:
        """Lost."""


@dataclass
class Line:
    """A phone with one codec, and what the engine makes of it."""

    codec: Payload
    media: CallMedia = field(init=False)
    digits: list[DigitReceived] = field(default_factory=list)
    now: float = 0.0
    packets: int = 0

    def __post_init__(self) -> None:
        def emit(event: object) -> None:
            if isinstance(event, DigitReceived):
                self.digits.append(event)

        self.media = CallMedia("call", NoSockets(), RoomBus(), emit, silent_after=30.0)  # type: ignore[arg-type]

    def says(self, samples: Samples) -> Samples:
        """The phone says that, and is silent for a second; what a conference would hear."""
        encoder = phone_encoder(self.codec)
        size = encoder.rate // 50
        heard = []
        said = np.concatenate((samples, silence(-len(samples) % size), silence(encoder.rate)))
        for frame in said.reshape(-1, size):
            payload = encoder.encode(frame)
            number = self.packets
            packet = RtpPacket(self.codec.payload_type, number, number * 160, 5, payload)
            self.media.receive_rtp(packet.serialize(), PHONE, self.now)
            heard.append(self.media.next_frame(self.now + 0.001))
            self.packets += 1
            self.now += 0.02
        return np.concatenate(heard)


def line(codec: Payload, *more: Payload, is_held: bool = False) -> Line:
    made = Line(codec)
    made.media.connect_phone(agreed(codec, *more), 0.0)
    if is_held:
        made.media.connect_phone(agreed(codec, *more, is_held=True), 0.0)
    return made


def keys(digits: str, rate: int) -> Samples:
    """Each key for 100 ms, then 100 ms without."""
    return np.concatenate(
        [part for key in digits for part in (dtmf(key, 0.1, rate=rate), silence(rate // 10))]
    )


@pytest.mark.parametrize(("codec", "rate"), [(PCMU, 8000), (G722, 16000)])
def test_tones_are_digits(codec: Payload, rate: int) -> None:
    phone = line(codec)
    phone.says(keys("0123456789*#ABCD", rate))
    assert [(each.digit, each.in_band) for each in phone.digits] == [
        (digit, True) for digit in "0123456789*#ABCD"
    ]
    assert all(each.duration == pytest.approx(0.1, abs=0.02) for each in phone.digits)


def test_the_conference_hears_no_more_than_the_beginning_of_a_tone() -> None:
    phone = line(PCMU)
    before, after = tone([310.0], 0.5, rate=8000), tone([310.0], 1.0, rate=8000)
    heard = phone.says(np.concatenate((before, dtmf("5", 1.0, rate=8000), after)))
    levels = [audio_level(frame) for frame in heard.reshape(-1, 160)]
    begin = next(n for n, level in enumerate(levels) if level > 100 and n > 20)
    silent = next(n for n, level in enumerate(levels[begin:]) if level < 100)
    assert 48 <= silent <= 55  # a second, and what it takes to know that it is over
    assert not np.abs(heard[begin * 160 : (begin + silent) * 160]).max()
    assert 25 <= begin <= 32  # 0.5 s, the delay of the jitter buffer, 20 ms of the tone
    assert len([level for level in levels[begin:] if level < 40]) >= 45  # the rest is heard


def test_speech_passes_as_it_is() -> None:
    with_events, without = line(PCMU, EVENT), line(PCMU)
    said = np.concatenate([tone([hertz], 0.3, rate=8000) for hertz in (310.0, 770.0, 1209.0)])
    assert with_events.says(said).tolist() == without.says(said).tolist()
    assert without.digits == []


@pytest.mark.parametrize("seed", range(4))
def test_one_press_is_one_digit_on_a_bad_link(seed: int) -> None:
    """A fifth doubled, reordered by up to 30 ms, one in twenty lost."""
    said = np.concatenate((silence(4000), keys("1599#", 8000), silence(4000)))
    encoder = phone_encoder(PCMU)
    packets = [
        (number * 0.02, RtpPacket(0, number, number * 160, 5, encoder.encode(frame)).serialize())
        for number, frame in enumerate(said.reshape(-1, 160))
    ]
    arrivals = Link(duplicate=0.2, jitter=0.03, seed=seed).carry(packets)
    phone = line(PCMU)
    for number in range(len(packets) + 20):
        while arrivals and arrivals[0][0] <= number * 0.02:
            time, packet = arrivals.pop(0)
            if len(arrivals) % 20 != seed:
                phone.media.receive_rtp(packet, PHONE, time)
        phone.media.next_frame(number * 0.02 + 0.001)
    assert "".join(each.digit for each in phone.digits) == "1599#"


def test_nobody_listens_where_telephone_event_was_agreed() -> None:
    phone = line(PCMU, EVENT)
    heard = phone.says(keys("5", 8000))
    assert phone.digits == []
    assert audio_level(heard[:2400]) < 30


def test_a_tone_beside_telephone_event_is_not_heard_either() -> None:
    phone = line(PCMU, EVENT)
    phone.says(tone([310.0], 0.5, rate=8000))
    heard: list[int] = []
    encoder = phone_encoder(PCMU)
    for at, frame in enumerate(dtmf("5", 1.0, rate=8000).reshape(-1, 160)):
        if 10 <= at < 20:  # of a press of 200 ms; what follows is speech, for all we know
            payload = struct.pack("!BBH", 5, 0x80 * (at >= 17) | 10, 160 * min(at - 9, 8))
            event = RtpPacket(101, 2 * at + 500, 9999, 5, payload)
            phone.media.receive_rtp(event.serialize(), PHONE, phone.now)
        audio = RtpPacket(0, 2 * at + 501, phone.packets * 160 + at * 160, 5, encoder.encode(frame))
        phone.media.receive_rtp(audio.serialize(), PHONE, phone.now)
        heard.append(audio_level(phone.media.next_frame(phone.now + 0.001)))
        phone.now += 0.02
    assert [(each.digit, each.in_band) for each in phone.digits] == [("5", False)]
    silent = [at for at, level in enumerate(heard) if level > 100 and at > 4]
    assert silent[-1] - silent[0] == len(silent) - 1
    assert set(range(11, 20)) <= set(silent) <= set(range(10, 26))
    assert max(heard[30:]) < 40


def test_a_new_agreement_decides_anew() -> None:
    phone = line(PCMU, EVENT)
    phone.media.connect_phone(agreed(PCMU), 0.0)
    phone.says(keys("1", 8000))
    phone.media.connect_phone(agreed(PCMU, EVENT), 0.0)
    phone.says(keys("2", 8000))
    assert [each.digit for each in phone.digits] == ["1"]


def test_hold_music_presses_nothing() -> None:
    phone = line(PCMU, is_held=True)
    phone.says(keys("5", 8000))
    assert phone.digits == []


def test_a_muted_caller_can_press_keys() -> None:
    phone = line(PCMU)
    phone.media.muted = True
    phone.says(keys("*6", 8000))
    assert [each.digit for each in phone.digits] == ["*", "6"]


def test_the_echo_of_a_key_that_we_send_is_none_of_the_phones() -> None:
    phone = line(PCMU)
    phone.says(silence(8000))
    assert phone.media.law is not None
    phone.media.let_hear(SendDigit("call", "6", 0.1))
    phone.media.hear(phone.media.law.encode(silence(160)))
    phone.says(keys("6", 8000))
    assert phone.digits == []
    for _ in range(50):
        phone.media.hear(phone.media.law.encode(silence(160)))
    phone.says(silence(8000))
    phone.says(keys("6", 8000))
    assert [each.digit for each in phone.digits] == ["6"]
