"""How calls sound on bad networks, listened to and judged; `tests.quality.table` has all of it."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import gateway.lab
from audiocodecs.frames import Samples
from gateway.lab.voice import read_audio
from gateway.lab.weather import Weather
from gateway.media.messages import CallReport, Payload
from tests.quality import chain
from tests.quality.chain import FRAME, RATE, Arrived, Journey, travel
from tests.quality.score import judge, pesq, through_g711
from tests.quality.speech import VOICES, is_available, spoken
from tests.quality.table import hour, journeys, made

VOICE = Path(gateway.lab.__file__).parent / "voices" / "caller.wav"
HEARD_LATER = 0.060  # what the network and the packet itself take

measured = [
    pytest.mark.soak,
    pytest.mark.skipif(find_spec("pesq") is None, reason="PESQ is not installed (extra: quality)"),
    pytest.mark.skipif(not is_available(), reason="espeak-ng is not installed"),
]


@pytest.fixture(scope="module")
def words() -> Samples:
    whole = read_audio(VOICE, RATE)
    return whole[: len(whole) // FRAME * FRAME]


@pytest.fixture(scope="module")
def clean(words: Samples) -> Arrived:
    """A call over a good network."""
    return travel(words, Journey())


def as_heard(samples: Samples) -> Arrived:
    return Arrived(samples, 0.0, 1.0, CallReport(), CallReport())


def test_ears_find_the_delay_and_a_hole_wherever_it_is(words: Samples) -> None:
    late = np.concatenate((np.zeros(960, np.int16), words))
    score = judge(words, as_heard(late))
    assert score.delays == pytest.approx([(0.120 - HEARD_LATER) * 1000] * len(score.delays))
    assert (score.growth, score.silence) == (0, 0)
    loud = int(np.argmax(np.convolve(np.abs(words.astype(float)), np.ones(3200), "same")))
    late[960 + loud - 800 : 960 + loud + 800] = 0
    assert 80 <= judge(words, as_heard(late)).silence <= 210


def test_a_call_through_two_gateways_is_heard_whole_and_the_same_every_time(
    words: Samples, clean: Arrived
) -> None:
    assert np.array_equal(clean.samples, travel(words, Journey()).samples)
    score = judge(words, clean)
    assert score.gap == 0
    assert score.silence <= 10  # of a frame in which a pitch period was cut out, a dip may be left
    assert clean.far.from_bridge.packets > len(words) // FRAME // 2  # Opus was crossed


def above_4_khz(samples: Samples) -> float:
    """The energy there, of samples at 16 kHz."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float)))
    return float(np.sum(spectrum[len(spectrum) * 21 // 40 :] ** 2)) / len(samples)


@pytest.mark.parametrize("codec", [chain.PHONE_G722, chain.PHONE_OPUS])
def test_phones_that_are_wide_band_hear_each_other_so(codec: Payload) -> None:
    words = read_audio(VOICE, 16000)
    arrived = travel(words[: len(words) // 320 * 320], Journey(codec))
    assert above_4_khz(arrived.samples) > 0.2 * above_4_khz(words)
    assert arrived.far.from_bridge.is_wide


@pytest.mark.parametrize("leg", ["phone_leg", "to_bridge", "from_bridge"])
def test_the_weather_of_each_leg_is_felt_by_the_gateway_behind_it(words: Samples, leg: str) -> None:
    arrived = travel(words, Journey(**{leg: Weather(loss=0.1, burst=2.0)}, seed=2))
    lost = {"near": arrived.near.from_phone.lost, "far": arrived.far.from_bridge.lost}
    behind, other = ("near", "far") if leg == "phone_leg" else ("far", "near")
    assert lost[behind] > 3
    assert lost[other] == 0


def test_what_is_reported_of_a_call_is_what_the_weather_did(words: Samples, clean: Arrived) -> None:
    rough = travel(words, Journey(phone_leg=Weather(loss=0.15, burst=3.0), seed=4))
    before, after = clean.near.from_phone, rough.near.from_phone
    assert (before.losses.missing, before.concealment) == (0, 0.0)
    assert after.losses.missing == after.lost > 20
    assert after.losses.burst_ratio > 1.5
    assert before.mos_cq is not None and after.mos_cq is not None
    assert after.mos_cq < before.mos_cq - 0.5
    assert 2000 < before.talk < 8000
    assert before.level is not None and -40 < before.level < -10
    # What the far gateway hears of the bridge states the same levels.
    assert clean.far.from_bridge.level == pytest.approx(before.level, abs=1.0)


class TestListening:
    """Line 7 and 8 of what the engine has to show, by PESQ (ITU-T P.862.1), narrow-band."""

    pytestmark = measured

    def test_a_clean_call_is_nearly_as_good_as_its_codec_at_the_phone(self) -> None:
        alone = np.mean(
            [pesq(spoken(v, RATE), through_g711(spoken(v, RATE)), RATE) for v in VOICES]
        )
        assert made(journeys()["clean"]).mos >= alone - 0.35

    @pytest.mark.parametrize(
        ("journey", "least"),
        [
            ("loss 3%, from bridge", 3.6),
            ("loss 3%, to bridge", 3.6),
            ("loss 3%, phone leg", 3.2),
            ("loss 10% in bursts of 2, from bridge", 2.7),
            ("loss 10% in bursts of 2, to bridge", 2.7),
            ("loss 10% in bursts of 2, phone leg", 2.3),
        ],
    )
    def test_lost_packets_cost_no_more_than_they_must(self, journey: str, least: float) -> None:
        assert made(journeys()[journey]).mos >= least

    def test_what_packets_repeat_of_each_other_is_heard(self) -> None:
        told = journeys()
        concealed = made(told["loss 10%, to bridge, no FEC"]).mos
        assert made(told["loss 10%, to bridge"]).mos >= concealed + 0.3

    @pytest.mark.parametrize(
        "journey", ["clean", "loss 3%, phone leg", "loss 10%, phone leg", "loss 10%, to bridge"]
    )
    def test_what_is_told_of_a_call_is_near_what_is_heard(self, journey: str) -> None:
        row = made(journeys()[journey])
        assert row.told == pytest.approx(row.mos, abs=0.75)

    @pytest.mark.parametrize(
        "change",
        [
            chain.another_ssrc,
            chain.another_payload_type,
            chain.another_time,
        ],
    )
    def test_a_stream_that_starts_anew_leaves_no_hole(self, change: chain.Change) -> None:
        row = made(Journey(change=change))
        assert row.silence <= 60
        assert row.growth <= 40

    @pytest.mark.parametrize("skew", [200.0, -200.0])
    def test_wrong_clocks_make_no_delay_in_an_hour(self, skew: float) -> None:
        row = hour(skew)
        assert -30 <= row.growth <= 20  # in the first seconds delay shrinks to what is needed
        assert row.silence <= 60
