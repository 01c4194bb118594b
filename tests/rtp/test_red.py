"""RED: any bytes are a payload or an error, what is sent is what is read, losses are made good."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RtpError
from gateway.rtp.packet import RtpPacket
from gateway.rtp.red import (
    MAX_LENGTH,
    MAX_OFFSET,
    Block,
    RedReceiver,
    RedSender,
    parse,
    serialize,
    without_redundancy,
)

RED, OPUS = 112, 111
TYPES = st.integers(0, 127)
REPEATED = st.builds(
    Block, TYPES, st.integers(0, MAX_OFFSET), st.binary(max_size=60) | st.just(b"x" * MAX_LENGTH)
)
OWN = st.builds(Block, TYPES, st.just(0), st.binary(max_size=60))


def test_the_layout_is_that_of_the_rfc() -> None:
    payload = serialize([Block(111, 960, b"ab"), Block(111, 0, b"cde")])
    assert payload.hex() == "ef" + f"{960 << 10 | 2:06x}" + "6f" + b"abcde".hex()


@given(st.lists(REPEATED, max_size=9), OWN)
def test_what_is_written_is_read(repeated: list[Block], own: Block) -> None:
    assert parse(serialize([*repeated, own])) == [*repeated, own]


@given(st.binary(max_size=80))
def test_any_bytes_are_a_payload_or_an_error(data: bytes) -> None:
    try:
        blocks = parse(data)
    except RtpError:
        return
    assert serialize(blocks) == data


@given(st.binary(max_size=80))
def test_damage_is_counted_and_nothing_else(data: bytes) -> None:
    receiver = RedReceiver()
    got = receiver.unpack(RtpPacket(RED, 1, 960, 7, data), RED, OPUS)
    assert len(got) + receiver.damaged == 1


@pytest.mark.parametrize("block", [Block(1, MAX_OFFSET + 1, b""), Block(1, 1, b"x" * 1024)])
def test_what_does_not_fit_cannot_be_written(block: Block) -> None:
    with pytest.raises(ValueError, match="RED"):
        serialize([block, Block(1, 0, b"")])


def stream(count: int, *, start: int = 0, back: int = 1) -> list[RtpPacket]:
    """Packets as a sender makes them; the payload names the packet. Numbers may wrap."""
    sender = RedSender(OPUS)
    sender.distance = back
    packets = []
    for number in range(count):
        timestamp = (start * 960 + number * 960) & 0xFFFFFFFF
        plain = b"packet %d" % number
        red = sender.payload(plain, timestamp)
        packets.append(
            RtpPacket(
                OPUS if red is None else RED,
                (start + number) & 0xFFFF,
                timestamp,
                7,
                plain if red is None else red,
            )
        )
    return packets


def received(packets: list[RtpPacket]) -> list[RtpPacket]:
    receiver = RedReceiver()
    return [part for packet in packets for part in receiver.unpack(packet, RED, OPUS)]


def test_the_first_packet_has_nothing_to_repeat_and_is_plain() -> None:
    assert [packet.payload_type for packet in stream(3)] == [OPUS, RED, RED]


@given(
    st.integers(0, 1 << 32),
    st.sets(st.integers(1, 39)),
    st.integers(1, 2),
    st.integers(0, 1 << 32),
)
def test_a_run_no_longer_than_the_distance_is_made_good(
    start: int, lost: set[int], back: int, seed: int
) -> None:
    sent = stream(42, start=start, back=back)
    kept = [packet for number, packet in enumerate(sent) if number not in lost]
    # The network may also double packets, and swap neighbours.
    dice = random.Random(seed)
    arrived = [packet for packet in kept for _ in range(dice.choice((1, 1, 2)))]
    for at in range(1, len(arrived) - 1):
        if dice.random() < 0.2 and at > 1:
            arrived[at], arrived[at + 1] = arrived[at + 1], arrived[at]
    got = received(arrived)
    helpers = range(1, back + 1)
    unhelped = {n for n in lost if all(n + ahead in lost or n + ahead > 41 for ahead in helpers)}
    by_payload = {packet.payload: packet for packet in got}
    assert len(by_payload) == len(got), "something came twice"
    assert set(by_payload) == {b"packet %d" % n for n in range(42) if n not in unhelped}
    for number in set(range(42)) - unhelped:
        packet = by_payload[b"packet %d" % number]
        assert packet.payload_type == OPUS
        assert packet.sequence == (start + number) & 0xFFFF
        assert packet.timestamp == (start + number) * 960 & 0xFFFFFFFF


def test_a_block_that_is_too_old_or_too_long_is_left_out() -> None:
    sender = RedSender(OPUS)
    sender.distance = 2
    assert sender.payload(b"a", 0) is None
    assert sender.payload(b"b", MAX_OFFSET + 1) is None
    assert sender.payload(b"c" * 1024, 2 * MAX_OFFSET) is not None  # repeats b
    assert sender.payload(b"d", 2 * MAX_OFFSET + 960) is None  # c is too long, b too old
    sender.pause()
    assert sender.payload(b"e", 2 * MAX_OFFSET + 1920) is None


def test_what_was_said_before_the_first_packet_heard_is_not_missed() -> None:
    assert [packet.payload for packet in received(stream(5)[2:])] == [
        b"packet 2",
        b"packet 3",
        b"packet 4",
    ]


def test_who_has_not_negotiated_it_gets_the_packet_itself() -> None:
    plain = without_redundancy(stream(2)[1])
    assert (plain.payload_type, plain.payload, plain.sequence) == (OPUS, b"packet 1", 1)
