"""One phone in each of its codecs: what it says, what it is sent, and silence either way."""

import struct
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.comfort_noise import ComfortNoise
from audiocodecs.frames import Samples, audio_level, silence
from audiocodecs.g711 import PCMA as A_LAW
from audiocodecs.g711 import PCMU as MU_LAW
from audiocodecs.tones import tone
from gateway.media.decoding import phone_decoder
from gateway.media.encoding import phone_encoder
from gateway.media.messages import Direction, Payload, PhoneMedia
from gateway.media.phone_leg import PhoneLeg
from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import ReceiverReport, ReportBlock
from gateway.rtp.telephone_event import Press
from tests.helpers.examples import at_most
from tests.helpers.listening import share_of

PHONE = ("192.0.2.1", 4000)
PCMU, PCMA = Payload(0, "PCMU", 8000), Payload(8, "PCMA", 8000)
G722 = Payload(9, "G722", 8000)
OPUS = Payload(111, "OPUS", 48000, 2, "useinbandfec=1")
NOISE = Payload(13, "CN", 8000)
EVENT, WIDE_EVENT = Payload(101, "TELEPHONE-EVENT", 8000), Payload(110, "TELEPHONE-EVENT", 48000)


def agreed(
    *payloads: Payload, ptime: int = 20, direction: Direction = Direction.SENDRECV
) -> PhoneMedia:
    return PhoneMedia(PHONE, None, PHONE[0], payloads, ptime, direction)


@dataclass
class Talk:
    """A leg, and the phone at its other end: 20 ms of both after the other."""

    leg: PhoneLeg
    now: float = 0.0
    ssrc: int = 5
    sequence: int = 100
    timestamp: int = 4711
    heard: list[Samples] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)

    def step(self, payload: Payload | None = None, data: bytes = b"", *, units: int = 160) -> None:
        """A packet of the phone comes, or none; the leg plays 20 ms."""
        if payload is not None:
            packet = RtpPacket(
                payload.payload_type, self.sequence & 0xFFFF, self.timestamp, self.ssrc, data
            )
            self.presses += self.leg.receive(packet.serialize(), PHONE, self.now)
            self.sequence += 1
        self.timestamp += units
        self.heard.append(self.leg.pull(self.now + 0.001))
        self.now += 0.02

    def says(self, payload: Payload, samples: Samples) -> None:
        """The phone says that, by a fresh encoder."""
        encoder = phone_encoder(payload)
        size = encoder.rate // 50
        for at in range(0, len(samples), size):
            frame = encoder.encode(samples[at : at + size])
            self.step(payload, frame, units=payload.clock_rate // 50)

    def pauses(self, frames: int) -> None:
        """It sends nothing."""
        for _ in range(frames):
            self.step()

    def lately(self, frames: int) -> Samples:
        return np.concatenate(self.heard[-frames:])


def talk(*payloads: Payload) -> Talk:
    return Talk(PhoneLeg(agreed(*payloads), 0.0))


def sent(leg: PhoneLeg, samples: Samples) -> list[RtpPacket]:
    """The packets of what the phone is to hear."""
    size = leg.rate // 50
    packets = []
    for at in range(0, len(samples), size):
        frame = samples[at : at + size]
        law = leg.law
        packets += leg.push(law.encode(frame)) if law is not None else leg.push_frame(frame)
    return [RtpPacket.parse(packet) for packet in packets]


# --- codecs and clocks ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "rate", "units"),
    [(PCMU, 8000, 160), (PCMA, 8000, 160), (G722, 16000, 160), (OPUS, 16000, 960)],
    ids=lambda value: value.encoding if isinstance(value, Payload) else "",
)
def test_a_phone_hears_and_is_heard_in_the_codec_that_was_negotiated(
    payload: Payload, rate: int, units: int
) -> None:
    both = talk(payload, EVENT)
    assert both.leg.rate == rate
    assert (both.leg.law is None) is (rate == 16000)
    spoken = tone([1000.0], 1.0, rate=rate)
    both.says(payload, spoken)
    assert {len(frame) for frame in both.heard} == {rate // 50}
    assert share_of(1000.0, both.lately(25), rate) > 0.9

    packets = sent(both.leg, spoken)
    assert {packet.payload_type for packet in packets} == {payload.payload_type}
    steps = {after.timestamp - before.timestamp & 0xFFFFFFFF for before, after in pairwise(packets)}
    assert (len(packets), steps) == (50, {units})
    decoder = phone_decoder(payload)
    heard = np.concatenate([decoder.decode(packet.payload) for packet in packets])
    assert share_of(1000.0, heard[rate // 2 :], rate) > 0.9


@pytest.mark.parametrize(
    ("payload", "units"), [(PCMA, 320), (G722, 320), (OPUS, 1920)], ids=["PCMA", "G722", "OPUS"]
)
def test_packets_are_as_long_as_was_agreed(payload: Payload, units: int) -> None:
    leg = PhoneLeg(agreed(payload, ptime=40), 0.0)
    packets = sent(leg, tone([1000.0], 0.4, rate=leg.rate))
    steps = {after.timestamp - before.timestamp & 0xFFFFFFFF for before, after in pairwise(packets)}
    assert (len(packets), steps) == (10, {units})
    decoder = phone_decoder(payload)
    assert {decoder.duration(packet.payload) for packet in packets} == {leg.rate // 25}


def test_packets_shorter_than_our_frames_are_two_a_frame() -> None:
    leg = PhoneLeg(agreed(OPUS, ptime=10), 0.0)
    packets = sent(leg, tone([1000.0], 0.2, rate=16000))
    assert len(packets) == 20
    assert phone_decoder(OPUS).duration(packets[0].payload) == 160


@pytest.mark.parametrize(
    ("first", "other"), [(OPUS, PCMU), (PCMU, OPUS), (G722, PCMU), (PCMA, G722), (G722, OPUS)]
)
def test_a_phone_may_change_to_another_codec_of_the_agreement(
    first: Payload, other: Payload
) -> None:
    both = talk(first, other)
    rate = both.leg.rate
    both.says(first, tone([1000.0], 0.5, rate=phone_encoder(first).rate))
    both.says(other, tone([440.0], 0.6, rate=phone_encoder(other).rate))
    assert {len(frame) for frame in both.heard} == {rate // 50}
    assert share_of(1000.0, np.concatenate(both.heard[10:24]), rate) > 0.9
    assert share_of(440.0, both.lately(15), rate) > 0.9
    report = both.leg.received()
    assert report.lost <= 1  # the first packet, which might have been junk
    assert report.jitter < 1.0
    assert {packet.payload_type for packet in sent(both.leg, silence(rate // 50))} == {
        first.payload_type
    }


def test_what_was_counted_stays_counted_when_the_phone_begins_another_stream() -> None:
    both = talk(PCMU, PCMA)
    spoken = tone([1000.0], 0.5, rate=8000)
    both.says(PCMU, spoken)
    both.sequence += 3  # lost
    both.timestamp += 3 * 160
    both.says(PCMU, spoken)
    before = both.leg.received()
    assert (before.packets, before.lost, before.losses.missing) == (50, 3, 3)
    both.ssrc += 1
    both.sequence += 1000
    both.says(PCMU, spoken)
    both.says(PCMA, spoken)
    after = both.leg.received()
    # The first packet of another stream might be junk: of the second one it is missing.
    assert (after.packets, after.lost, after.losses.missing) == (98, 4, 3)
    assert after.losses.packets >= before.losses.packets + 45


def test_what_a_phone_has_lost_stays_lost_when_it_is_sent_another_stream() -> None:
    leg = PhoneLeg(agreed(PCMU), 0.0)
    (first, *_) = sent(leg, silence(8000))
    block = ReportBlock(first.ssrc, 0, 5, 0, 80, 0, 0)
    leg.receive_rtcp(ReceiverReport(5, (block,)).serialize(), PHONE, 1.0)
    before = leg.sent()
    assert (before.packets, before.lost, before.losses.missing) == (50, 5, 5)
    leg.negotiated(agreed(OPUS), 1.0)
    sent(leg, silence(16000))
    after = leg.sent()
    assert (after.packets, after.lost, after.losses.missing) == (100, 5, 5)
    assert after.jitter == before.jitter == 10.0


def test_a_phone_that_numbers_anew_after_a_pause_has_lost_nothing() -> None:
    both = talk(PCMU)
    spoken = tone([1000.0], 0.5, rate=8000)
    both.says(PCMU, spoken)
    both.pauses(500)
    both.sequence += 20_000
    both.says(PCMU, spoken)
    report = both.leg.received()
    assert (report.lost, report.losses.missing, report.concealed) == (0, 0, 0)


def test_our_own_packets_that_come_back_are_not_the_phones_voice() -> None:
    both = talk(PCMU, EVENT)
    spoken = tone([1000.0], 1.0, rate=8000)
    (first, *_) = sent(both.leg, spoken[:160])
    both.ssrc = first.ssrc
    both.says(PCMU, spoken)
    assert not any(frame.any() for frame in both.heard)
    assert both.leg.is_filling
    assert both.leg.received().discarded == 50
    both.ssrc += 1
    both.says(PCMU, spoken)
    assert share_of(1000.0, both.lately(20), 8000) > 0.9


def test_a_new_agreement_changes_rate_and_codec_both_ways() -> None:
    both = talk(PCMU)
    both.says(PCMU, tone([1000.0], 0.5, rate=8000))
    before = sent(both.leg, tone([1000.0], 0.4, rate=8000))
    both.leg.negotiated(agreed(OPUS, PCMU), both.now)
    assert (both.leg.rate, both.leg.law) == (16000, None)
    both.says(PCMU, tone([1000.0], 0.2, rate=8000))  # it has not changed yet
    assert {len(frame) for frame in both.heard[-10:]} == {320}
    assert share_of(1000.0, both.lately(8), 16000) > 0.9
    both.says(OPUS, tone([6000.0], 0.6, rate=16000))
    assert share_of(6000.0, both.lately(15), 16000) > 0.9
    after = sent(both.leg, tone([1000.0], 0.4, rate=16000))
    # Another clock: another stream, so that nobody takes one time for the other.
    assert {packet.ssrc for packet in before}.isdisjoint(packet.ssrc for packet in after)
    assert after[1].timestamp - after[0].timestamp & 0xFFFFFFFF == 960
    assert both.leg.sent().packets == len(before) + len(after)


@pytest.mark.parametrize("after", [Payload(97, "PCMA", 8000), Payload(97, "G722", 8000)], ids=str)
def test_a_payload_type_may_stand_for_another_codec_after_a_new_agreement(after: Payload) -> None:
    """As where a PBX passes on the offers of one phone after the other, and its own SSRC stays."""
    before = Payload(97, "PCMU", 8000)
    both = talk(before)
    both.says(before, tone([1000.0], 0.5, rate=8000))
    both.leg.negotiated(agreed(after), both.now)
    both.says(after, tone([1000.0], 0.6, rate=phone_decoder(after).rate))
    assert share_of(1000.0, both.lately(15), both.leg.rate) > 0.99


def test_where_the_clock_stays_the_stream_goes_on() -> None:
    leg = PhoneLeg(agreed(PCMU), 0.0)
    *_, last = sent(leg, tone([1000.0], 0.1, rate=8000))
    leg.negotiated(agreed(G722), 1.0)
    first, *_ = sent(leg, tone([1000.0], 0.1, rate=16000))
    assert first.ssrc == last.ssrc
    assert first.sequence == (last.sequence + 1) & 0xFFFF
    assert first.timestamp == (last.timestamp + 160) & 0xFFFFFFFF
    assert leg.law is None


def test_the_same_agreement_again_leaves_the_codec_as_it_is() -> None:
    leg, other = PhoneLeg(agreed(G722), 0.0), PhoneLeg(agreed(G722), 0.0)
    spoken = tone([1000.0], 0.4, rate=16000)
    first = sent(leg, spoken[:3200])
    leg.negotiated(agreed(G722, EVENT), 1.0)
    second = sent(leg, spoken[3200:])
    assert [p.payload for p in first + second] == [p.payload for p in sent(other, spoken)]


def test_an_opus_phone_is_encoded_for_the_loss_that_it_reports() -> None:
    told, other = PhoneLeg(agreed(OPUS), 0.0), PhoneLeg(agreed(OPUS), 0.0)
    voice = tone([150.0, 300.0, 450.0, 900.0, 1800.0], 0.4, rate=16000)
    begun, ended = voice[:3200], voice[3200:]
    (first, *rest), before = sent(told, begun), sent(other, begun)
    assert [p.payload for p in (first, *rest)] == [p.payload for p in before]
    block = ReportBlock(first.ssrc, 0, 0, 0, 0, 0, 0)  # less than is assumed
    told.receive_rtcp(ReceiverReport(5, (block,)).serialize(), PHONE, 1.0)
    assert [p.payload for p in sent(told, ended)] != [p.payload for p in sent(other, ended)]


# --- key presses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payloads", "event", "units"),
    [
        ((OPUS, WIDE_EVENT, EVENT), WIDE_EVENT, 960),
        ((OPUS, EVENT, WIDE_EVENT), WIDE_EVENT, 960),
        ((OPUS, EVENT), EVENT, 160),
        ((G722, EVENT, WIDE_EVENT), EVENT, 160),
        ((PCMU, WIDE_EVENT, EVENT), EVENT, 160),
    ],
)
def test_a_key_is_sent_by_the_clock_of_the_audio_if_that_was_agreed(
    payloads: tuple[Payload, ...], event: Payload, units: int
) -> None:
    leg = PhoneLeg(agreed(*payloads), 0.0)
    frame = silence(leg.rate // 50)
    (audio,) = sent(leg, frame)
    leg.send_digit("5", 0.1)
    packets = [packet for _ in range(12) for packet in sent(leg, frame)]
    step = payloads[0].clock_rate // 50
    pressed = [packet for packet in packets if packet.payload_type == event.payload_type]
    assert len(pressed) == 7
    assert {packet.timestamp for packet in pressed} == {audio.timestamp + step & 0xFFFFFFFF}
    durations = [struct.unpack("!BBH", packet.payload)[2] for packet in pressed]
    assert durations == [units * step for step in (1, 2, 3, 4, 5, 5, 5)]
    after = packets[-1]
    assert after.payload_type == payloads[0].payload_type
    assert after.timestamp == (audio.timestamp + 12 * step) & 0xFFFFFFFF


@pytest.mark.parametrize("after", [(PCMA, EVENT), (OPUS, WIDE_EVENT), (PCMU, WIDE_EVENT)])
def test_keys_that_wait_are_pressed_though_another_codec_is_agreed_on(
    after: tuple[Payload, Payload],
) -> None:
    leg = PhoneLeg(agreed(PCMU, EVENT), 0.0)
    for digit in "123":
        leg.send_digit(digit, 0.1)
    sent(leg, silence(160))
    leg.negotiated(agreed(*after), 0.0)
    packets = [packet for _ in range(40) for packet in sent(leg, silence(leg.rate // 50))]
    codes = [p.payload[0] for p in packets if p.payload_type == after[1].payload_type]
    assert codes == [2] * 7 + [3] * 7
    assert packets[-1].payload_type == after[0].payload_type


def test_a_press_that_is_broken_off_by_an_agreement_is_over() -> None:
    leg = PhoneLeg(agreed(PCMU, EVENT), 0.0)
    leg.send_digit("1", 0.1)
    leg.send_digit("2", 0.1)
    sent(leg, silence(160))
    leg.negotiated(agreed(PCMU), 0.0)
    packets = sent(leg, silence(50 * 160))
    assert len(packets) == 50  # the second is a tone
    assert not leg._output.is_pressing


def test_a_key_is_held_as_long_as_the_duration_field_goes() -> None:
    leg = PhoneLeg(agreed(OPUS, WIDE_EVENT), 0.0)
    leg.send_digit("5", 5.0)
    packets = [packet for _ in range(100) for packet in sent(leg, silence(320))]
    durations = [struct.unpack("!BBH", p.payload)[2] for p in packets if p.payload_type == 110]
    assert durations == sorted(durations)
    assert durations[-1] == 68 * 960  # 1.36 s
    assert packets[-1].payload_type == 111


@pytest.mark.parametrize("crossed", range(7))
def test_a_press_that_an_offer_crosses_is_one_digit(crossed: int) -> None:
    both = talk(PCMU, EVENT)
    started = both.timestamp
    for number, held in enumerate((1, 2, 3, 4, 5, 5, 5)):
        if number == crossed:
            both.leg.negotiated(agreed(PCMU, EVENT), both.now)
        both.timestamp = started  # of the whole press
        end = 0x80 if held == 5 else 0
        both.step(EVENT, struct.pack("!BBH", 7, end | 10, held * 160), units=0)
    assert both.presses == [Press("7", 0.1)]


def test_a_press_whose_end_is_lost_is_told_though_an_offer_has_come() -> None:
    both = talk(PCMU, EVENT)
    for held in (3, 4, 5):
        both.step(EVENT, struct.pack("!BBH", 7, 10, held * 160), units=0)
    both.leg.negotiated(agreed(PCMU, EVENT), both.now)
    assert both.leg.expired_presses(both.now + 0.5) == [Press("7", 0.1)]


@pytest.mark.parametrize(("audio", "event"), [(OPUS, WIDE_EVENT), (OPUS, EVENT), (G722, EVENT)])
def test_a_key_pressed_on_a_wide_band_phone_is_understood(audio: Payload, event: Payload) -> None:
    both = talk(audio, WIDE_EVENT, EVENT)
    word = tone([1000.0], 0.5, rate=16000)
    both.says(audio, word)
    started, step = both.timestamp, event.clock_rate // 50
    for held, end in ((1, 0), (2, 0), (3, 0), (4, 0), (5, 0x80), (5, 0x80), (5, 0x80)):
        both.timestamp = started  # of the whole press
        data = struct.pack("!BBH", 7, end | 10, held * step)
        both.step(event, data, units=0)
    both.timestamp = started + 7 * audio.clock_rate // 50
    assert both.presses == [Press("7", pytest.approx(0.1))]
    both.says(audio, word)
    report = both.leg.received()
    assert (report.lost, report.concealed) == (0, 0)  # what was a key is no lost audio


# --- comfort noise -------------------------------------------------------------------------------


def with_noise(level: int = 50) -> Talk:
    """A phone that has spoken, and says now that it is silent."""
    both = talk(PCMU, NOISE)
    both.says(PCMU, tone([1000.0], 0.5, rate=8000))
    both.step(NOISE, ComfortNoise(level).serialize())
    return both


def test_comfort_noise_is_a_pause_and_no_loss() -> None:
    both = with_noise()
    both.pauses(149)
    both.step(NOISE, ComfortNoise(50).serialize())
    both.pauses(150)
    both.says(PCMU, tone([440.0], 0.5, rate=8000))
    report = both.leg.received()
    assert (report.lost, report.concealed, report.gap) == (0, 0, 0)
    assert share_of(440.0, both.lately(20), 8000) > 0.95
    assert report.delay < 65


@pytest.mark.parametrize("kind", [EVENT, NOISE], ids=["key", "noise"])
def test_a_key_that_is_held_or_noise_without_a_break_is_no_loss_however_long(kind: Payload) -> None:
    both = talk(PCMU, EVENT, NOISE)
    spoken = tone([1000.0], 0.5, rate=8000)
    both.says(PCMU, spoken)
    for _ in range(150):
        both.step(kind, bytes([60, 10, 0, 160]))
    both.says(PCMU, spoken)
    report = both.leg.received()
    assert (report.lost, report.losses.missing, report.concealed) == (0, 0, 0)


def test_a_pause_sounds_like_what_the_phone_says_and_fades_away() -> None:
    both = with_noise(50)
    both.pauses(10)
    begun = len(both.heard)
    assert abs(audio_level(both.lately(5)) - 50) <= 2
    # Two frames were under way: after them nothing of its voice is repeated, as after a loss.
    assert all(audio_level(frame) > 45 for frame in both.heard[28:])
    both.pauses(60)
    assert 52 < audio_level(both.lately(5)) < 65
    both.pauses(60)
    assert not both.lately(5).any()
    assert all(frame.any() for frame in both.heard[begun : begun + 80])  # without a hole


def test_more_noise_in_the_same_pause_does_not_begin_it_anew() -> None:
    both = with_noise(50)
    for _ in range(13):
        both.pauses(9)
        both.step(NOISE, ComfortNoise(50).serialize())
    assert not both.lately(5).any()


def test_each_pause_has_its_noise() -> None:
    both = with_noise(50)
    both.pauses(150)
    both.says(PCMU, tone([1000.0], 0.3, rate=8000))
    both.step(NOISE, ComfortNoise(60).serialize())
    both.pauses(12)
    assert abs(audio_level(both.lately(5)) - 60) <= 3


@pytest.mark.parametrize("level", [0, 10, 39])
def test_no_phone_makes_loud_noise(level: int) -> None:
    both = with_noise(level)
    both.pauses(10)
    assert audio_level(both.lately(5)) >= 38


def test_noise_of_a_narrow_band_phone_is_heard_at_the_rate_of_the_leg() -> None:
    both = talk(G722, PCMU, NOISE)
    both.says(PCMU, tone([1000.0], 0.5, rate=8000))
    both.step(NOISE, ComfortNoise(50).serialize())
    both.pauses(12)
    assert len(both.heard[-1]) == 320
    assert abs(audio_level(both.lately(5)) - 50) <= 3


def test_a_phone_that_sends_noise_is_there() -> None:
    both = with_noise()
    for _ in range(40):
        both.pauses(49)
        both.step(NOISE, ComfortNoise(50).serialize())
    assert both.leg.last_heard == pytest.approx(both.now - 0.02)


def test_what_cannot_be_read_is_counted_as_of_no_use() -> None:
    both = talk(PCMU)
    both.says(PCMU, tone([1000.0], 0.5, rate=8000))
    both.leg.receive(b"\x80\x00 cut off", PHONE, both.now)
    both.leg.receive(b"\x80\xc8\x00\x63 a report cut off", PHONE, both.now)
    assert both.leg.received().discarded == 2


def test_noise_that_was_not_negotiated_is_nobodys() -> None:
    both = talk(PCMU)
    both.says(PCMU, tone([1000.0], 0.5, rate=8000))
    both.step(NOISE, ComfortNoise(30).serialize())
    both.pauses(20)
    assert both.leg.received().discarded == 1
    assert not both.lately(5).any()


@at_most(30)
@given(st.lists(st.binary(max_size=20), max_size=5))
def test_no_noise_is_too_odd(payloads: list[bytes]) -> None:
    both = talk(PCMU, NOISE)
    both.says(PCMU, tone([1000.0], 0.1, rate=8000))
    for payload in payloads:
        both.step(NOISE, payload)
    both.pauses(5)
    assert {len(frame) for frame in both.heard} == {160}


@pytest.mark.parametrize(("payload", "law"), [(PCMU, MU_LAW), (PCMA, A_LAW)])
def test_silence_is_said_once_a_second_where_the_phone_understands_it(payload, law) -> None:
    leg = PhoneLeg(agreed(payload, NOISE), 0.0)
    word = tone([1000.0], 0.1, rate=8000)
    spoken = np.concatenate((word, silence(20_000), word, silence(320)))  # 2.5 s of silence
    packets = sent(leg, spoken)
    audio = [packet for packet in packets if packet.payload_type == payload.payload_type]
    noise = [packet for packet in packets if packet.payload_type == 13]
    assert (len(audio), len(noise)) == (10, 4)
    begun = packets[0].timestamp
    assert [p.timestamp - begun & 0xFFFFFFFF for p in noise] == [800, 8800, 16800, 21600]
    assert {p.payload for p in noise} == {b"\x41"}
    assert [p.marker for p in noise] == [False] * 4
    assert [p.marker for p in audio] == [True, *[False] * 4, True, *[False] * 4]
    assert audio[5].timestamp - begun & 0xFFFFFFFF == 20_800
    assert [p.sequence for p in packets] == [
        (packets[0].sequence + number) & 0xFFFF for number in range(14)
    ]


def test_packets_of_another_length_are_filled_before_silence_is_said() -> None:
    leg = PhoneLeg(agreed(PCMU, NOISE, ptime=30), 0.0)
    packets = sent(leg, np.concatenate((tone([1000.0], 0.1, rate=8000), silence(1600))))
    assert [packet.payload_type for packet in packets] == [0, 0, 0, 0, 13]
    assert {len(packet.payload) for packet in packets[:4]} == {240}
    assert packets[4].timestamp - packets[0].timestamp & 0xFFFFFFFF == 960


@pytest.mark.parametrize("payload", [PCMU, G722, OPUS])
def test_time_in_which_nothing_was_sent_is_told_by_the_timestamp(payload: Payload) -> None:
    leg = PhoneLeg(agreed(payload), 0.0)
    frame = tone([1000.0], 0.02, rate=leg.rate)
    (before,) = sent(leg, frame)
    leg.absent(0.7)
    (after,) = sent(leg, frame)
    assert after.timestamp - before.timestamp & 0xFFFFFFFF == round(0.72 * payload.clock_rate)
    assert after.sequence == (before.sequence + 1) & 0xFFFF
    assert after.marker


@pytest.mark.parametrize("payloads", [(PCMU,), (G722, NOISE), (OPUS, NOISE)])
def test_where_silence_cannot_be_said_it_is_sent(payloads: tuple[Payload, ...]) -> None:
    leg = PhoneLeg(agreed(*payloads), 0.0)
    packets = sent(leg, silence(leg.rate))
    assert [packet.payload_type for packet in packets] == [payloads[0].payload_type] * 50
