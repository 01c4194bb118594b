"""What playout counts of what was missing: how much, and how it lay."""

import pytest

from audiocodecs.g711 import PCMU
from audiocodecs.tones import tone
from gateway.media.decoding import G711Decoder
from gateway.media.playout import Playout
from gateway.rtp.packet import RtpPacket

VOICE = PCMU.encode(tone([440.0], 0.02, rate=8000))


def played(*, missing: frozenset[int] = frozenset(), paused: int = 0) -> Playout:
    """Five seconds of packets; before the hundredth the source pauses for so many frames."""
    playout = Playout(G711Decoder(PCMU), 8000)
    sent = {number + paused * (number >= 100): number for number in range(250)}
    for frame in range(250 + paused):
        number = sent.get(frame)
        if number is not None and number not in missing:
            playout.put(RtpPacket(0, number, frame * 160, 7, VOICE), frame * 0.02)
        playout.pull(frame * 0.02 + 0.005)
    return playout


def test_an_outage_is_as_long_as_it_was_however_long() -> None:
    playout = played(missing=frozenset(range(100, 175)))
    assert playout.longest_gap == pytest.approx(1.5, abs=0.04)  # a frame or two is caught up
    pattern = playout.losses.pattern()
    assert (pattern.missing, pattern.runs, pattern.bursts) == (75, 1, 1)


def test_single_losses_lie_in_gaps_and_neighbours_are_bursts() -> None:
    pattern = played(missing=frozenset({50, 80, 82, 120})).losses.pattern()
    assert (pattern.missing, pattern.runs) == (4, 4)
    assert (pattern.bursts, pattern.burst_packets, pattern.burst_missing) == (1, 3, 2)


def test_a_pause_of_the_source_is_no_loss() -> None:
    playout = played(paused=100)
    assert playout.longest_gap == 0
    assert playout.losses.pattern().missing == 0
