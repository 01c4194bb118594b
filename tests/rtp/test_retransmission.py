"""Packets asked for, and sent again: each often enough, and never too often."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.rtp.retransmission import LossWatch, SendCache


def test_a_packet_is_sent_again_twice_and_not_at_once() -> None:
    cache = SendCache()
    cache.sent(7, b"seven")
    times = [1.0, 1.001, 1.1, 1.2]
    assert [cache.requested([7], now) for now in times] == [[b"seven"], [], [b"seven"], []]


def test_what_is_older_than_a_second_is_gone() -> None:
    cache = SendCache()
    for number in range(60):
        cache.sent((0xFFF0 + number) & 0xFFFF, b"%d" % number)
    assert cache.requested([0xFFF0, 0xFFF0 + 9], 2.0) == []
    assert cache.requested([0xFFF0 + 10, 43], 2.0) == [b"10", b"59"]


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(0.0, 0.05)), max_size=400))
def test_no_more_than_is_sent_anyway_is_sent_again(wanted: list[tuple[int, float]]) -> None:
    cache, now, sent, again = SendCache(), 0.0, 0, []
    for sequence, pause in wanted:
        now += pause
        while sent * 0.02 <= now:
            cache.sent(sent & 0xFFFF, b"%d" % sent)
            sent += 1
        again += [(now, data) for data in cache.requested([sequence], now)]
    for at, _ in again:
        assert sum(at <= other < at + 1.0 for other, _ in again) <= 50
    for data in {data for _, data in again}:
        assert sum(data == other for _, other in again) <= 2


def test_a_gap_is_named_once() -> None:
    watch = LossWatch()
    named = [watch.missing(n & 0xFFFF) for n in (0xFFFD, 0xFFFE, 0x10001, 0xFFFF, 0x10002, 0x10002)]
    assert named == [(), (), (0xFFFF, 0), (), (), ()]


def test_an_outage_is_not_asked_for_and_a_new_beginning_is_none() -> None:
    watch = LossWatch()
    assert [watch.missing(n) for n in (100, 110, 120, 50_000, 50_002)] == [
        (),
        (),
        (),
        (),
        (50_001,),
    ]
