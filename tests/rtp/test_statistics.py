import random

import pytest

from gateway.rtp.packet import RtpPacket
from gateway.rtp.rtcp import SenderReport, ntp_time
from gateway.rtp.statistics import Reception, round_trip


def packet(number: int, first: int = 0) -> RtpPacket:
    return RtpPacket(0, (first + number) & 0xFFFF, 160 * number & 0xFFFFFFFF, 7, bytes(160))


def heard(numbers, first: int = 0) -> Reception:
    reception = Reception(7, 8000)
    for number in numbers:
        reception.received(packet(number, first), number * 0.02)
    return reception


def test_loss_is_counted_across_the_wrap() -> None:
    reception = heard([n for n in range(100) if n % 10 != 3], first=65500)
    assert (reception.expected, reception.lost) == (100, 10)


def test_reordering_is_no_loss() -> None:
    order = list(range(100))
    random.Random(3).shuffle(order[10:20])
    assert heard([0, 2, 1, 4, 3, *range(5, 50)]).lost == 0


def test_a_report_covers_what_came_since_the_last() -> None:
    reception = heard(range(10))
    assert reception.report(0.0).fraction_lost == 0
    for number in (10, 13):
        reception.received(packet(number), number * 0.02)
    block = reception.report(0.0)
    assert (block.fraction_lost, block.lost) == (128, 2)
    assert reception.report(0.0).fraction_lost == 0


def test_a_single_far_off_sequence_number_changes_nothing() -> None:
    reception = heard(range(50))
    reception.received(packet(30_000), 1.0)
    reception.received(packet(50), 1.0)
    assert reception.lost == -1  # one packet more than the sender sent


def test_a_sender_that_starts_over_is_followed() -> None:
    reception = heard([*range(48), 49])
    for number in (30_000, 30_001, 30_002, 30_005):
        reception.received(packet(number), 1.0)
    assert reception.lost == 1 + 2


def test_jitter_is_the_mean_deviation_of_arrival() -> None:
    steady, shaken = Reception(7, 8000), Reception(7, 8000)
    for number in range(500):
        steady.received(packet(number), number * 0.02)
        shaken.received(packet(number), number * 0.02 + (0.01 if number % 2 else 0.0))
    assert steady.jitter == pytest.approx(0.0)
    assert shaken.jitter == pytest.approx(0.01, rel=0.01)
    assert shaken.report(0.0).jitter == pytest.approx(80, abs=1)


def test_a_pause_is_not_jitter() -> None:
    reception = heard(range(50))
    reception.received(packet(50), 60.0)
    assert reception.jitter == pytest.approx(0.0)


def test_the_round_trip_is_what_the_peer_did_not_hold() -> None:
    """Our report leaves at 100 s, arrives 40 ms later, is answered 2 s after, back in 40 ms."""
    peer = Reception(7, 8000)
    peer.received(packet(0), 0.0)
    peer.reported(SenderReport(7, ntp_time(100.0), 0, 1, 160), now=5.0)
    block = peer.report(now=7.0)
    assert round_trip(block, ntp_time(102.08)) == pytest.approx(0.08, abs=0.001)


def test_no_round_trip_is_known_before_a_sender_report() -> None:
    assert round_trip(heard(range(3)).report(1.0), ntp_time(9.0)) is None
