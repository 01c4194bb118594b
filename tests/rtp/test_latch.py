from hypothesis import given
from hypothesis import strategies as st

from gateway.rtp.latch import Latch
from gateway.rtp.packet import RtpPacket

SIGNALLED = ("192.0.2.7", 4000)
REAL = ("198.51.100.9", 31000)  # behind the NAT its SIP messages come through
STRANGER = ("203.0.113.5", 6000)


def latch() -> Latch:
    made = Latch("198.51.100.9")
    made.negotiated(SIGNALLED, frozenset({0, 101}))
    return made


def voice(sequence: int, *, ssrc: int = 1, payload_type: int = 0) -> RtpPacket:
    return RtpPacket(payload_type, sequence & 0xFFFF, 160 * sequence, ssrc, b"v")


def hear(what: Latch, source, numbers, *, at: float = 0.0, ssrc: int = 1) -> int:
    """Packets admitted out of a run from one source."""
    return sum(
        len(what.admit(voice(number, ssrc=ssrc), source, at + 0.02 * i))
        for i, number in enumerate(numbers)
    )


def test_media_goes_to_the_signalled_address_until_three_packets_came_from_another() -> None:
    made = latch()
    assert hear(made, REAL, [5, 6]) == 0
    assert made.destination == SIGNALLED
    assert hear(made, REAL, [7]) == 3  # none of those that proved it is wasted
    assert made.destination == REAL


def test_a_stranger_is_dropped_once_the_phone_is_known() -> None:
    made = latch()
    hear(made, REAL, range(3))
    assert hear(made, STRANGER, range(100, 200), ssrc=9) == 0
    assert (made.destination, made.strangers) == (REAL, 100)


def test_the_phone_wins_over_a_stranger_that_was_there_first() -> None:
    made = latch()
    hear(made, STRANGER, range(50), ssrc=9)
    assert made.destination == STRANGER
    assert hear(made, REAL, range(3)) == 3
    assert made.destination == REAL
    assert hear(made, STRANGER, range(50, 60), ssrc=9) == 0


def test_the_signalled_address_wins_over_its_neighbour() -> None:
    made = latch()
    hear(made, REAL, range(3))
    assert hear(made, SIGNALLED, range(3), ssrc=2) == 3
    assert hear(made, REAL, range(3, 9)) == 0


def test_packets_that_do_not_fit_together_prove_nothing() -> None:
    made = latch()
    assert hear(made, REAL, [1, 1000, 2000, 3000, 4000]) == 0
    for ssrc in range(5):
        assert not made.admit(voice(1, ssrc=ssrc), REAL, 0.0)
    assert not any(made.admit(voice(n, payload_type=8), REAL, 0.0) for n in range(5))
    assert made.destination == SIGNALLED


def test_a_little_reordering_does_not_keep_a_phone_waiting() -> None:
    assert hear(latch(), REAL, [2, 1, 4]) == 3


def test_a_silent_source_may_move_if_its_stream_goes_on() -> None:
    made = latch()
    hear(made, REAL, range(10))
    moved = ("203.0.113.80", 1024)
    assert hear(made, moved, range(10, 13), at=1.0) == 0
    assert hear(made, moved, range(120, 123), at=2.5) == 3
    assert made.destination == moved


def test_a_stream_that_goes_on_at_another_port_of_its_host_is_followed_soon() -> None:
    made = latch()
    hear(made, REAL, range(10))
    moved = (REAL[0], 31_008)
    beside = (REAL[0], 31_010)
    assert hear(made, beside, range(10, 40), at=0.2, ssrc=2) == 0
    # The last was heard at 0.18 s: what comes before 0.38 s is not believed.
    assert hear(made, moved, range(10, 110), at=0.2) == 91
    assert made.destination == moved
    assert hear(made, REAL, range(110, 120), at=2.2) == 0


def test_who_speaks_is_not_replaced_by_a_copy_from_another_port() -> None:
    made = latch()
    hear(made, REAL, range(10))
    for number in range(10, 200):
        at = 0.02 * number
        assert hear(made, REAL, [number], at=at) == 1
        assert hear(made, (REAL[0], 31_008), [number], at=at) == 0


def test_a_silent_source_is_not_replaced_by_another_stream() -> None:
    made = latch()
    hear(made, REAL, range(10))
    assert hear(made, STRANGER, range(10, 20), at=5.0, ssrc=2) == 0
    assert hear(made, STRANGER, range(30000, 30010), at=5.0) == 0


def test_a_new_answer_opens_the_latch_once_and_keeps_the_source_meanwhile() -> None:
    made = latch()
    hear(made, REAL, range(10))
    made.negotiated(SIGNALLED, frozenset({0}))
    assert made.destination == REAL
    elsewhere = ("203.0.113.80", 1024)
    assert hear(made, elsewhere, range(3), ssrc=4) == 3
    assert hear(made, STRANGER, range(3), ssrc=5) == 0


def test_a_source_that_goes_on_after_a_new_answer_is_safe_from_strangers_in_time() -> None:
    made = latch()
    hear(made, REAL, range(10))
    made.negotiated(SIGNALLED, frozenset({0}))
    assert hear(made, REAL, range(10, 310), at=60.0) == 300
    assert hear(made, STRANGER, range(50), at=66.0, ssrc=9) == 0
    assert made.destination == REAL


def test_a_source_that_is_silent_after_a_new_answer_may_move_whenever_it_speaks() -> None:
    made = latch()
    hear(made, REAL, range(10))
    made.negotiated(SIGNALLED, frozenset({0}))
    hear(made, REAL, range(10, 20), at=1.0)  # before it moves
    assert hear(made, ("203.0.113.80", 1024), range(3), at=30.0, ssrc=4) == 3


def test_a_new_signalled_address_is_sent_to_at_once() -> None:
    made = latch()
    hear(made, REAL, range(10))
    made.negotiated(("192.0.2.99", 5000), frozenset({0}))
    assert made.destination == ("192.0.2.99", 5000)


def test_a_source_that_is_still_heard_after_a_new_address_does_not_keep_out_the_new_one() -> None:
    elsewhere, its_nat = ("192.0.2.8", 4000), ("203.0.113.8", 5000)
    made = latch()
    hear(made, REAL, range(50))
    made.negotiated(elsewhere, frozenset({0}))
    assert hear(made, REAL, range(50, 56), at=1.0) == 6  # on its way, or a proxy that is slow
    assert hear(made, its_nat, range(900, 950), at=1.2, ssrc=2) == 50
    assert made.destination == its_nat
    assert hear(made, STRANGER, range(50), at=2.2, ssrc=3) == 0


def test_a_source_that_goes_on_after_a_new_address_is_safe_from_strangers_in_time() -> None:
    made = latch()
    hear(made, REAL, range(50))
    made.negotiated(("192.0.2.8", 4000), frozenset({0}))
    hear(made, REAL, range(50, 350), at=1.0)
    assert hear(made, STRANGER, range(50), at=7.0, ssrc=3) == 0
    assert made.destination == REAL


def test_the_same_source_may_change_its_stream() -> None:
    made = latch()
    hear(made, REAL, range(3))
    assert hear(made, REAL, range(500, 510), ssrc=77) == 10


def test_a_crowd_of_strangers_cannot_keep_the_phone_out() -> None:
    made = latch()
    for number in range(1000):
        made.admit(voice(1, ssrc=number), ("203.0.113.5", number), 0.0)
    assert hear(made, REAL, range(3)) == 3


@given(ports=st.lists(st.integers(1, 65535), max_size=200))
def test_watching_strangers_costs_a_bounded_amount(ports: list[int]) -> None:
    made = latch()
    for port in ports:
        made.admit(voice(port), ("203.0.113.5", port), 0.0)
    assert len(made._candidates) <= 8


def test_control_packets_are_taken_from_the_phone_only() -> None:
    made = latch()
    hear(made, REAL, range(3))
    assert made.is_from_peer(REAL[0])
    assert made.is_from_peer(SIGNALLED[0])
    assert not made.is_from_peer(STRANGER[0])


def test_an_authentic_packet_proves_its_source_alone_and_is_followed_anywhere() -> None:
    made = latch()
    hear(made, REAL, range(3))
    assert made.admit(voice(3), STRANGER, 0.1, is_authentic=True) == [(voice(3), 0.1)]
    assert made.destination == STRANGER
    assert made.admit(voice(2), REAL, 0.2, is_authentic=True) == [(voice(2), 0.2)]
    assert made.destination == STRANGER
    assert made.admit(voice(9, payload_type=96), REAL, 0.3, is_authentic=True) == []
    assert made.destination == STRANGER
