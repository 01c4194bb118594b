import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.rtp.packet import RtpPacket
from gateway.rtp.telephone_event import DIGITS, TelephoneEventReceiver
from tests.helpers.link import Link


def press(digit: str, timestamp: int, *, updates: int = 5) -> list[RtpPacket]:
    """The packets of one key press: an update each 20 ms, then the end three times."""
    code = DIGITS.index(digit)
    lengths = [160 * (n + 1) for n in range(updates)]
    ends = [False] * updates + [True] * 3
    lengths += [160 * updates] * 3
    return [
        RtpPacket(
            101,
            n,
            timestamp,
            5,
            struct.pack("!BBH", code, (0x80 if end else 0) | 10, length),
            marker=n == 0,
        )
        for n, (end, length) in enumerate(zip(ends, lengths, strict=True))
    ]


def dialled(keys: str) -> list[tuple[float, RtpPacket]]:
    """Each key is pressed for 100 ms, then released for 100 ms."""
    packets = []
    for number, key in enumerate(keys):
        for n, packet in enumerate(press(key, 1600 * number)):
            packets.append((number * 0.2 + min(n, 5) * 0.02, packet))
    return packets


def received(arrivals: list[tuple[float, RtpPacket]]) -> str:
    receiver, digits = TelephoneEventReceiver(8000), ""
    for time, packet in arrivals:
        for finished in receiver.expire(time) + receiver.receive(packet, time):
            digits += finished.digit
    for finished in receiver.expire(arrivals[-1][0] + 1.0 if arrivals else 1.0):
        digits += finished.digit
    return digits


def test_every_key_is_known() -> None:
    assert received(dialled(DIGITS)) == DIGITS


def test_the_duration_is_that_of_the_press() -> None:
    receiver = TelephoneEventReceiver(8000)
    finished = [p for packet in press("7", 0) for p in receiver.receive(packet, 0.0)]
    assert [(p.digit, p.duration) for p in finished] == [("7", 0.1)]


@given(keys=st.text(DIGITS, max_size=12), seed=st.integers(0, 999))
@settings(deadline=None)
def test_one_press_is_one_digit_on_a_bad_link(keys: str, seed: int) -> None:
    """A third doubled, reordered by up to 50 ms, and a tenth lost, never all of a press."""
    link = Link(duplicate=0.3, jitter=0.05, seed=seed)
    arrivals = link.carry(dialled(keys))
    kept = [arrival for number, arrival in enumerate(arrivals) if number % 10 != seed % 10]
    assert received(kept) == keys


def test_a_press_whose_packets_are_stamped_one_by_one_is_one_digit() -> None:
    """As diago sends them where it plays something meanwhile."""
    arrivals = [
        (number * 0.2 + n * 0.02, packet._replace(timestamp=packet.timestamp + 160 * n))
        for number, key in enumerate("1155")
        for n, packet in enumerate(press(key, 1600 * number))
    ]
    assert received(arrivals) == "1155"
    for lost in range(8):
        kept = [arrival for n, arrival in enumerate(arrivals) if n % 8 != lost]
        assert received(kept) == "1155"


def test_a_press_whose_end_is_lost_ends_by_itself() -> None:
    receiver = TelephoneEventReceiver(8000)
    for packet in press("3", 0)[:4]:
        assert receiver.receive(packet, 0.0) == []
    assert receiver.expire(0.1) == []
    assert [p.digit for p in receiver.expire(0.3)] == ["3"]
    assert receiver.receive(press("3", 0)[-1], 0.4) == []


def test_the_next_press_ends_one_whose_end_is_lost() -> None:
    assert received([(0.0, p) for p in press("1", 0)[:3] + press("2", 1600)]) == "12"


def test_a_press_whose_end_is_lost_costs_no_later_one_of_a_phone_that_counts_anew() -> None:
    receiver = TelephoneEventReceiver(8000)
    for packet in press("1", 800_000)[:3]:
        receiver.receive(packet, 0.0)
    again = [p.digit for packet in press("2", 1600) for p in receiver.receive(packet, 0.3)]
    assert again == ["1", "2"]


def test_a_press_that_is_told_of_seldom_is_one_digit() -> None:
    receiver = TelephoneEventReceiver(8000)
    first, *_, last = press("1", 800_000)
    told = [p.digit for at in (0.0, 0.3) for p in receiver.receive((first, last)[at > 0], at)]
    assert told == ["1"]


def test_a_very_long_press_in_segments_is_one_digit() -> None:
    first = [
        RtpPacket(101, n, 0, 5, struct.pack("!BBH", 9, 10, 0xFFFF), marker=n == 0) for n in range(2)
    ]
    second = [
        RtpPacket(101, 2 + n, 0xFFFF, 5, struct.pack("!BBH", 9, 0x8A, 8000)) for n in range(3)
    ]
    receiver = TelephoneEventReceiver(8000)
    finished = [p for packet in first + second for p in receiver.receive(packet, 0.0)]
    assert [p.digit for p in finished] == ["9"]
    assert finished[0].duration > 9.0


@given(payload=st.binary(max_size=8), timestamp=st.integers(0, 0xFFFFFFFF))
def test_junk_is_passed_over(payload: bytes, timestamp: int) -> None:
    receiver = TelephoneEventReceiver(8000)
    receiver.receive(RtpPacket(101, 0, timestamp, 5, payload), 0.0)
    assert all(p.digit in DIGITS for p in receiver.expire(1.0))
