"""One press is one digit: as telephone-event on a bad link, as a late INFO, as a tone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audiocodecs.dtmf import DtmfReceiver
from audiocodecs.frames import Samples, silence
from audiocodecs.tones import dtmf
from gateway.calls.presses import Presses, Way
from gateway.rtp.telephone_event import DIGITS, TelephoneEventReceiver
from gateway.sip.dtmf_info import DTMF_RELAY, parse_digit
from tests.helpers.examples import at_most
from tests.helpers.link import Link
from tests.rtp.test_telephone_event import dialled

RATE = 8000
BETWEEN = 0.2  # seconds from one key to the next: 100 ms pressed, 100 ms released

Arrival = tuple[float, str]


def by_rtp(keys: str, seed: int) -> list[Arrival]:
    """A third doubled, reordered by up to 50 ms, a tenth lost, never all of a press."""
    receiver, heard = TelephoneEventReceiver(RATE), []
    carried = Link(duplicate=0.3, jitter=0.05, seed=seed).carry(dialled(keys))
    for number, (time, packet) in enumerate(carried):
        heard += [(time, press.digit) for press in receiver.expire(time)]
        if number % 10 != seed % 10:
            heard += [(time, press.digit) for press in receiver.receive(packet, time)]
    end = len(keys) * BETWEEN + 0.5
    return heard + [(end, press.digit) for press in receiver.expire(end)]


def by_info(keys: str, delays: list[float]) -> list[Arrival]:
    """One after the other, each as late as the phone and SIP's retransmissions make it."""
    arrivals: list[Arrival] = []
    for number, (key, delay) in enumerate(zip(keys, delays, strict=False)):
        digit = parse_digit(DTMF_RELAY, f"Signal={key}\r\nDuration=100\r\n".encode())
        assert digit is not None
        at = max(number * BETWEEN + delay, arrivals[-1][0] if arrivals else 0.0)
        arrivals.append((at, digit.digit))
    return arrivals


def by_tone(keys: str) -> list[Arrival]:
    parts = [part for key in keys for part in (dtmf(key, 0.1, rate=RATE), silence(RATE // 10))]
    line: Samples = np.concatenate((*parts, silence(RATE // 10)))
    receiver = DtmfReceiver(RATE)
    return [
        (number * 0.02, press.digit)
        for number, frame in enumerate(line.reshape(-1, RATE // 50))
        for press in receiver.receive(frame)
    ]


@given(
    keys=st.text(DIGITS, max_size=12),
    ways=st.sets(st.sampled_from([Way.RTP, Way.INFO, Way.TONE]), min_size=1),
    delays=st.lists(st.floats(0.0, 0.7), min_size=12, max_size=12),
    seed=st.integers(0, 999),
)
@at_most(40)
def test_one_press_is_one_digit_whatever_mixture_arrives(
    keys: str, ways: set[Way], delays: list[float], seed: int
) -> None:
    arrivals: list[tuple[float, str, Way]] = []
    for way, by_way in (
        (Way.RTP, by_rtp(keys, seed)),
        (Way.INFO, by_info(keys, delays)),
        (Way.TONE, by_tone(keys)),
    ):
        arrivals += [(at, digit, way) for at, digit in by_way if way in ways]
    arrivals.sort(key=lambda arrival: arrival[0])
    presses = Presses()
    counted = [digit for at, digit, way in arrivals if presses.is_new(digit, way, at)]
    assert sorted(counted) == sorted(keys)
    if len(ways) == 1:
        assert "".join(counted) == keys
