"""The codecs of the phone leg, each from frames to payloads and back."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.frames import Samples, silence
from audiocodecs.opus import OpusEncoder
from audiocodecs.tones import tone
from gateway.media.decoding import phone_decoder
from gateway.media.descriptions import Payload
from gateway.media.encoding import integer_parameters, phone_encoder
from gateway.media.playout import Playout
from gateway.rtp.packet import RtpPacket
from tests.helpers.distortion import fitted
from tests.helpers.examples import at_most
from tests.helpers.listening import share_of
from tests.helpers.voices import speech

PCMU, PCMA = Payload(0, "PCMU", 8000), Payload(8, "PCMA", 8000)
G722 = Payload(9, "G722", 8000)
OPUS = Payload(111, "OPUS", 48000, 2, "useinbandfec=1")
ALL = (PCMU, PCMA, G722, OPUS)


def payloads_of(payload: Payload, samples: Samples, *, milliseconds: int = 20) -> list[bytes]:
    encoder = phone_encoder(payload)
    size = encoder.rate * milliseconds // 1000
    return [encoder.encode(samples[at : at + size]) for at in range(0, len(samples), size)]


def packets_of(payload: Payload, payloads: list[bytes]) -> list[RtpPacket]:
    """Numbered as the codec's RTP clock has it; 20 ms each."""
    step = payload.clock_rate // 50
    return [
        RtpPacket(payload.payload_type, number, 1000 + number * step, 5, each)
        for number, each in enumerate(payloads)
    ]


@pytest.mark.parametrize(
    ("payload", "rate", "clean"),
    [(PCMU, 8000, 35), (PCMA, 8000, 35), (G722, 16000, 40), (OPUS, 16000, 15)],
    ids=lambda value: value.encoding if isinstance(value, Payload) else "",
)
def test_a_tone_there_and_back_is_clean(payload: Payload, rate: int, clean: float) -> None:
    encoder, decoder = phone_encoder(payload), phone_decoder(payload)
    assert encoder.rate == decoder.rate == rate
    spoken = tone([1000.0], 1.0, rate=rate)
    heard = np.concatenate([decoder.decode(each) for each in payloads_of(payload, spoken)])
    assert len(heard) == len(spoken)
    amplitude, ratio = fitted(heard[rate // 4 : -rate // 4], 1000.0, rate)
    assert ratio > clean
    assert amplitude == pytest.approx(32767 * 10 ** (-16 / 20), rel=0.1)


@pytest.mark.parametrize("payload", [G722, OPUS], ids=lambda payload: payload.encoding)
def test_wide_band_codecs_carry_what_g711_cannot(payload: Payload) -> None:
    decoder = phone_decoder(payload)
    spoken = tone([5500.0], 1.0, rate=16000)
    heard = np.concatenate([decoder.decode(each) for each in payloads_of(payload, spoken)])
    assert share_of(5500.0, heard[4000:12000], 16000) > 0.9


@pytest.mark.parametrize("payload", ALL, ids=lambda payload: payload.encoding)
def test_playout_goes_by_the_rtp_clock_of_the_codec(payload: Payload) -> None:
    """A second of packets is a second of sound, though G.722's clock is half its rate."""
    decoder = phone_decoder(payload)
    playout = Playout(decoder, payload.clock_rate)
    spoken = tone([440.0], 2.0, rate=decoder.rate)
    packets = packets_of(payload, payloads_of(payload, spoken))
    frames = []
    for number, packet in enumerate(packets):
        playout.put(packet, number * 0.02)
        frames.append(playout.pull(number * 0.02 + 0.001))
    assert {len(frame) for frame in frames} == {decoder.rate // 50}
    heard = np.concatenate(frames[5:])
    assert share_of(440.0, heard, decoder.rate) > 0.95
    assert (playout.concealed, playout.late, playout.discarded) == (0.0, 0, 0)
    assert 0.0 < playout.delay < 0.1


@pytest.mark.parametrize("payload", [G722, OPUS], ids=lambda payload: payload.encoding)
def test_lost_packets_are_filled(payload: Payload) -> None:
    decoder = phone_decoder(payload)
    playout = Playout(decoder, payload.clock_rate)
    voice = [150.0, 300.0, 450.0, 600.0, 900.0, 1200.0, 1800.0, 2500.0]
    spoken = tone(voice, 2.0, rate=decoder.rate)
    frames = []
    for number, packet in enumerate(packets_of(payload, payloads_of(payload, spoken))):
        if number % 10 != 7:
            playout.put(packet, number * 0.02)
        frames.append(playout.pull(number * 0.02 + 0.001))
    loudness = [float(np.mean(frame.astype(np.float64) ** 2)) for frame in frames[10:-10]]
    assert min(loudness) > 0.3 * np.mean(loudness)
    assert playout.concealed == pytest.approx(10 * 0.02, abs=0.021)


def test_an_opus_phone_that_stops_sending_in_silence_loses_nothing() -> None:
    encoder = OpusEncoder(16000)
    encoder.set_dtx(True)
    spoken = np.concatenate(
        (tone([440.0], 0.5, rate=16000), silence(40000), tone([440.0], 0.5, rate=16000))
    )
    payloads = [encoder.encode(spoken[at : at + 320]) for at in range(0, len(spoken), 320)]
    sent = [(number, each) for number, each in enumerate(payloads) if len(each) > 2]
    assert max(after - before for (before, _), (after, _) in pairwise(sent)) >= 10  # it did
    playout = Playout(phone_decoder(OPUS), OPUS.clock_rate)
    packets = {
        number: RtpPacket(111, sequence, number * 960, 5, each)
        for sequence, (number, each) in enumerate(sent)
    }
    frames = []
    for number in range(len(payloads) + 10):
        if number in packets:
            playout.put(packets[number], number * 0.02)
        frames.append(playout.pull(number * 0.02 + 0.001))
    assert playout.concealed == 0.0
    heard = np.concatenate(frames)
    assert share_of(440.0, heard[-10000:], 16000) > 0.9
    assert np.abs(heard[24000:40000]).max() < 200


@pytest.mark.parametrize("milliseconds", [10, 20, 40, 60])
def test_an_opus_packet_may_be_as_long_as_was_agreed(milliseconds: int) -> None:
    decoder = phone_decoder(OPUS)
    (payload, *_) = payloads_of(OPUS, tone([440.0], 0.12, rate=16000), milliseconds=milliseconds)
    assert decoder.duration(payload) == 16 * milliseconds


# --- what an Opus phone asks for -----------------------------------------------------------------


def size_of(parameters: str, *, loss: float = 0.2) -> float:
    """Octets of a second of noise-like speech."""
    encoder = phone_encoder(Payload(111, "OPUS", 48000, 2, parameters))
    encoder.set_loss(loss)
    wave = np.random.default_rng(1).normal(0, 3000, 16000).astype(np.int16)
    return sum(len(encoder.encode(wave[at : at + 320])) for at in range(0, 16000, 320))


def test_a_phone_that_limits_the_bit_rate_is_heeded() -> None:
    assert size_of("maxaveragebitrate=12000") < 0.6 * size_of("")
    assert size_of("MaxAverageBitrate = 12000 ; stereo=0") == size_of("maxaveragebitrate=12000")
    assert size_of("maxaveragebitrate=510000") == size_of("")
    assert size_of("maxaveragebitrate=1") == size_of("maxaveragebitrate=6000")


def recovered(parameters: str) -> float:
    """How like the frame that was lost is what the next packet says of it."""
    encoder = phone_encoder(Payload(111, "OPUS", 48000, 2, parameters))
    encoder.set_loss(0.25)
    spoken = np.concatenate((tone([500.0], 0.8, rate=16000), tone([1100.0], 0.8, rate=16000)))
    payloads = [encoder.encode(spoken[at : at + 320]) for at in range(0, len(spoken), 320)]
    lost = 41  # the second frame after the change of pitch
    decoder, truth = phone_decoder(OPUS), phone_decoder(OPUS)
    for payload in payloads[:lost]:
        decoder.decode(payload)
        truth.decode(payload)
    made = decoder.recover(payloads[lost + 1], 320).astype(np.float64)
    wanted = truth.decode(payloads[lost]).astype(np.float64)
    return float(made @ wanted / np.sqrt((made @ made + 1) * (wanted @ wanted)))


def test_a_phone_that_reads_fec_gets_it_and_another_does_not() -> None:
    assert recovered("useinbandfec=1") > 0.85
    assert recovered("useinbandfec=0") < 0.7
    assert recovered("") < 0.7


def test_a_phone_that_plays_narrow_band_is_sent_no_more() -> None:
    encoder = phone_encoder(Payload(111, "OPUS", 48000, 2, "maxplaybackrate=8000"))
    decoder = phone_decoder(OPUS)
    spoken = tone([1000.0, 6000.0], 1.0, rate=16000)
    pieces = [spoken[at : at + 320] for at in range(0, 16000, 320)]
    heard = np.concatenate([decoder.decode(encoder.encode(piece)) for piece in pieces])[4000:]
    assert share_of(1000.0, heard, 16000) > 0.9
    assert share_of(6000.0, heard, 16000) < 0.01


@at_most(30)
@given(st.text(max_size=60))
def test_no_parameters_are_too_odd(parameters: str) -> None:
    assert all(value >= 0 for value in integer_parameters(parameters).values())
    encoder = phone_encoder(Payload(111, "OPUS", 48000, 2, parameters))
    assert encoder.encode(silence(320))


def test_the_g722_packet_after_a_gap_helps_to_fill_it_and_is_decoded_once() -> None:
    spoken = speech(4, rate=16000, level=-22.0)
    payloads = payloads_of(G722, spoken)
    helped, alone = phone_decoder(G722), phone_decoder(G722)
    errors = np.zeros(2)
    for number, payload in enumerate(payloads[:-1]):
        if number % 7 == 6:
            truth = spoken[number * 320 : (number + 1) * 320].astype(float)
            filled = helped.recover(payloads[number + 1], 320), alone.conceal(320)
            errors += [float(np.sum((each - truth) ** 2)) for each in filled]
        else:
            heard, plain = helped.decode(payload), alone.decode(payload)
            assert heard[160:].tolist() == plain[160:].tolist()
    assert errors[0] < 0.92 * errors[1]
