"""Playout in simulated time: whatever the network does, what comes in time is heard once, in order.

The packets of `Counting` hold their number; a frame of it is as loud as its number, too soft to be
voice, so that cuts show which packets they are of.
"""

import random
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audiocodecs.frames import Samples, silence
from audiocodecs.opus import OpusEncoder
from gateway.media.decoding import OpusStreamDecoder
from gateway.media.playout import Playout
from gateway.rtp.jitter_buffer import FRAME
from gateway.rtp.packet import RtpPacket
from tests.helpers.examples import at_most
from tests.helpers.link import Link
from tests.helpers.listening import share_of
from tests.helpers.voices import speech, vowel

RATE = 8000
SIZE = 160
MAX_DELAY = 0.200
Arrivals = list[tuple[float, RtpPacket]]


class Counting:
    """A codec whose payload is a number; it notes what it is asked to decode."""

    rate = RATE
    recovers = False

    def __init__(self, frames: float = 1) -> None:
        self.decoded: list[int] = []
        self.concealed = 0
        self._size = round(frames * SIZE)

    def duration(self, payload: bytes) -> int:
        return self._size

    def decode(self, payload: bytes) -> Samples:
        self.decoded.append(int(payload))
        return np.full(self._size, 1 + int(payload) % 50, np.int16)

    def recover(self, next_payload: bytes, count: int) -> Samples:
        return silence(count)

    def conceal(self, count: int) -> Samples:
        self.concealed += 1
        return silence(count)


@dataclass
class Listener:
    """Ticks every 20 ms as the engine does, and keeps what it hears."""

    playout: Playout
    phase: float = 0.007
    delays: list[float] = field(default_factory=list)
    frames: list[Samples] = field(default_factory=list)

    def hear(self, arrivals: Arrivals, *, until: float) -> Samples:
        waiting = deque(sorted(arrivals, key=lambda arrival: arrival[0]))
        while (now := len(self.frames) * FRAME + self.phase) < until:
            while waiting and waiting[0][0] <= now:
                at, packet = waiting.popleft()
                self.playout.put(packet, at)
            self.frames.append(self.playout.pull(now))
            self.delays.append(self.playout.delay)
        return np.concatenate(self.frames)


def packet(number: int, *, frames: float = 1, payload: bytes | None = None) -> RtpPacket:
    payload = str(number).encode() if payload is None else payload
    return RtpPacket(0, number & 0xFFFF, round(number * frames * SIZE) & 0xFFFFFFFF, 1, payload)


def sent(count: int, *, frames: float = 1, skew: float = 0.0) -> Arrivals:
    spacing = frames * FRAME * (1.0 + skew)
    return [(number * spacing, packet(number, frames=frames)) for number in range(count)]


def listen(arrivals: Arrivals, *, until: float, frames: float = 1) -> tuple[Listener, list[int]]:
    decoder = Counting(frames)
    listener = Listener(Playout(decoder, RATE, max_delay=MAX_DELAY))
    listener.hear(arrivals, until=until)
    return listener, decoder.decoded


@given(
    seed=st.integers(0, 10_000),
    loss=st.floats(0.0, 0.2),
    jitter=st.floats(0.0, 0.12),
    duplicate=st.floats(0.0, 0.2),
    stalls=st.lists(st.tuples(st.floats(1.0, 7.0), st.floats(0.0, 0.15)), max_size=3),
)
@example(seed=408, loss=0.125, jitter=0.109375, duplicate=0.125, stalls=[])  # a late repetition
@example(seed=4014, loss=0.0, jitter=0.09375, duplicate=0.0, stalls=[])  # it begins disordered
@at_most(40)
def test_what_comes_within_the_longest_delay_is_played_once_and_in_order(
    seed: int, loss: float, jitter: float, duplicate: float, stalls: list[tuple[float, float]]
) -> None:
    arrivals = Link(loss=loss, jitter=jitter, duplicate=duplicate, seed=seed).carry(sent(400))
    for begin, length in stalls:
        arrivals = [
            (begin + length if begin < at < begin + length else at, each) for at, each in arrivals
        ]
    listener, decoded = listen(arrivals, until=9.0)
    assert decoded == sorted(set(decoded))
    # What is not played was lost, or came when a later packet had been played already. Or it
    # waited when those before it were late for so long that they passed for a new time line.
    played_before = listener.playout.late
    missing = {each.sequence for _, each in arrivals} - set(decoded)
    assert len(missing) <= played_before + 2
    assert len(missing) <= 0.05 * len(arrivals) + 10  # after the first, few are slower than planned
    assert max(listener.delays) <= MAX_DELAY + 3 * FRAME


def drift(skew: float, seconds: float) -> None:
    """Listen to a sender whose clock is off; nothing is lost, and the delay stays what it was."""
    count = round(seconds / (3 * FRAME))
    listener, decoded = listen(
        sent(count, frames=3, skew=skew), until=count * 3 * FRAME * (1 + skew), frames=3
    )
    assert decoded == list(range(len(decoded)))
    assert len(decoded) >= count - 2
    assert listener.playout.decoder.concealed <= 6  # it slows down before anything is missing
    assert max(listener.delays) < 0.110  # 60 ms of them the packet itself
    assert abs(np.mean(listener.delays[500:3000]) - np.mean(listener.delays[-2500:])) < 0.010


@pytest.mark.parametrize("skew", [-1e-3, 1e-3])
def test_a_clock_that_is_far_off_makes_no_delay_grow(skew: float) -> None:
    drift(skew, 300.0)


@pytest.mark.soak
@pytest.mark.parametrize("skew", [-200e-6, 200e-6])
def test_a_clock_that_is_off_makes_no_delay_grow_in_an_hour(skew: float) -> None:
    drift(skew, 3600.0)


@pytest.mark.parametrize("length", [0.06, 0.10, 0.15])
def test_a_late_burst_costs_no_packet_and_its_delay_is_soon_given_back(length: float) -> None:
    arrivals = [(4.0 + length if 4.0 < at < 4.0 + length else at, each) for at, each in sent(1000)]
    listener, decoded = listen(arrivals, until=19.9)
    assert decoded[:950] == list(range(950))
    assert listener.playout.late == 0
    assert listener.delays[round((4.0 + length) / FRAME) + 1] >= length - 0.02
    assert max(listener.delays[-100:]) < 0.06


def test_the_target_has_grown_before_a_burst_is_over() -> None:
    burst = [(max(at, 4.2) if 4.0 < at < 4.2 else at, each) for at, each in sent(400)]
    listener, _ = listen([(at, each) for at, each in burst if at <= 4.2], until=4.22)
    assert listener.playout._buffer.target > 0.1


@pytest.mark.parametrize("leap", [-100_000, -4000, 2400, 6000, 100_000, 2**31 - 8000])
def test_after_a_leap_of_the_timestamps_sound_is_back_within_seven_frames(leap: int) -> None:
    leapt = [
        (at, each._replace(timestamp=each.timestamp + leap & 0xFFFFFFFF))
        if each.sequence >= 200
        else (at, each)
        for at, each in sent(400)
    ]
    listener, decoded = listen(leapt, until=8.3)
    assert {*range(198), *range(206, 400)} <= set(decoded)
    heard = [bool(frame.any()) for frame in listener.frames[200:400]]
    assert all(heard[8:])
    assert max(listener.delays[300:]) < 0.08


def test_a_pause_lasts_as_long_as_it_did_though_the_bridge_has_masked_it() -> None:
    after = [
        ((150 + n) * FRAME, RtpPacket(0, 50 + n, (150 + n) * SIZE, 1, b"%d" % (150 + n)))
        for n in range(50)
    ]
    listener, decoded = listen(sent(50) + after, until=4.2)
    assert decoded == [*range(50), *range(150, 200)]
    assert listener.playout.concealed == 0.0
    sounding = [number for number, frame in enumerate(listener.frames) if frame.any()]
    pause = max(np.diff(sounding))
    assert abs(pause - 101) <= 1


# With codecs that sound.


def opus_packets(samples: Samples, *, loss: float) -> list[RtpPacket]:
    encoder = OpusEncoder(8000)
    encoder.set_loss(loss)
    return [
        RtpPacket(0, n, n * 960, 1, encoder.encode(frame))
        for n, frame in enumerate(samples.reshape(-1, SIZE))
    ]


class Watching(OpusStreamDecoder):
    """Opus, and what was done for each missing frame."""

    def __init__(self) -> None:
        super().__init__(8000)
        self.done: list[str] = []

    def decode(self, payload: bytes) -> Samples:
        self.done.append("decode")
        return super().decode(payload)

    def recover(self, next_payload: bytes, count: int) -> Samples:
        self.done.append("recover")
        return super().recover(next_payload, count)

    def conceal(self, count: int) -> Samples:
        self.done.append("conceal")
        return super().conceal(count)


@pytest.mark.parametrize("frames", [1, 1.5, 1.25, 2.125])
def test_a_source_that_ends_amid_a_frame_is_at_its_end_as_well(frames: float) -> None:
    listener, _ = listen(sent(9, frames=frames), until=2.0, frames=frames)
    assert listener.playout.is_empty
    assert not listener.playout.is_sounding


def test_of_two_packets_lost_the_first_is_concealed_and_the_second_recovered() -> None:
    voice = speech(6, rate=RATE)
    dice = random.Random(3)
    packets = opus_packets(voice, loss=0.2)
    lost = {n for n in range(20, 290, 10) if dice.random() < 0.8} | {150, 151}
    decoder = Watching()
    listener = Listener(Playout(decoder, 48000))
    arrivals = [(p.sequence * FRAME, p) for p in packets if p.sequence not in lost]
    listener.hear(arrivals, until=6.2)
    after = decoder.done[decoder.done.index("decode") :]
    assert after[150:153] == ["conceal", "recover", "decode"]


def test_where_opus_loses_packets_playout_waits_for_their_fec() -> None:
    packets = opus_packets(speech(20, rate=RATE), loss=0.1)
    decoder = Watching()
    arrivals = Link(loss=0.05, seed=4).carry([(p.sequence * FRAME, p) for p in packets])
    listener = Listener(Playout(decoder, 48000))
    listener.hear(arrivals, until=19.9)
    second_half = decoder.done[500:]
    assert second_half.count("recover") > 5 * second_half.count("conceal")
    assert max(listener.delays[-100:]) < 0.075


def test_a_tone_stays_pure_while_a_delay_is_given_back() -> None:
    tone = vowel(20.0, rate=48000, pitch=200.0)[::6].copy()
    packets = opus_packets(tone, loss=0.0)
    decoder = Watching()
    times = [p.sequence * FRAME for p in packets]
    arrivals = [(4.15 if 4.0 < at < 4.15 else at, p) for at, p in zip(times, packets, strict=True)]
    listener = Listener(Playout(decoder, 48000))
    heard = listener.hear(arrivals, until=19.9)
    assert max(listener.delays[210:220]) > 0.12
    assert max(listener.delays[-100:]) < 0.07
    later = heard[5 * RATE : 19 * RATE]
    harmonics = sum(share_of(200.0 * k, later, RATE) for k in range(1, 17))
    assert harmonics > 0.98  # as without the burst: Opus' own noise
    steps = np.abs(np.diff(later.astype(np.int32))).max()
    assert steps < 1.2 * np.abs(np.diff(tone.astype(np.int32))).max()
