import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RtpError
from gateway.rtp.rtcp import (
    GenericNack,
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    SourceDescription,
    ntp_time,
    parse_compound,
)

word = st.integers(0, 0xFFFFFFFF)
numbers = st.lists(st.integers(0, 0xFFFF), max_size=64).map(tuple)
blocks = st.builds(
    ReportBlock,
    ssrc=word,
    fraction_lost=st.integers(0, 255),
    lost=st.integers(-0x800000, 0x7FFFFF),
    highest_sequence=word,
    jitter=word,
    last_report=word,
    delay=word,
)
some_blocks = st.lists(blocks, max_size=31).map(tuple)
compound = st.lists(
    st.one_of(
        st.builds(SenderReport, word, st.integers(0, 2**64 - 1), word, word, word, some_blocks),
        st.builds(ReceiverReport, word, some_blocks),
        st.builds(SourceDescription, word, st.text("abc@0", max_size=40)),
        st.builds(Goodbye, st.lists(word, max_size=31).map(tuple)),
        st.builds(GenericNack, word, word, numbers),
    ),
    max_size=2,
)


@given(packets=compound)
def test_a_compound_survives(packets) -> None:
    assert parse_compound(b"".join(packet.serialize() for packet in packets)) == packets


@given(data=st.binary(max_size=120))
def test_no_datagram_does_worse_than_an_rtp_error(data: bytes) -> None:
    with contextlib.suppress(RtpError):
        parse_compound(data)


def test_unknown_packets_and_padding_are_passed_over() -> None:
    unknown = bytes([0x80, 204, 0, 1]) + bytes(4)
    padded = bytes([0xA0, 203, 0, 1, 0, 0, 0, 4])
    assert parse_compound(unknown + padded) == [Goodbye(())]


def test_a_bitmask_names_the_packets_after_the_first() -> None:
    data = bytes.fromhex("81cd0003 00000001 00000002 fffe 8003".replace(" ", ""))
    assert parse_compound(data) == [GenericNack(1, 2, (0xFFFE, 0xFFFF, 0x0000, 0x000E))]


def test_one_who_misses_everything_is_taken_at_its_word_for_a_few_seconds() -> None:
    item = bytes.fromhex("0001ffff")
    (nack,) = parse_compound(bytes.fromhex("81cd01f2") + bytes(8) + item * 496)
    assert isinstance(nack, GenericNack)
    assert len(nack.sequences) == 64 * 17


def test_what_is_larger_than_a_datagram_on_a_network_is_not_read() -> None:
    parse_compound(Goodbye(()).serialize() * 512)
    with pytest.raises(RtpError):
        parse_compound(Goodbye(()).serialize() * 513)


@pytest.mark.parametrize("data", ["80", "80c8ffff", "40c80000", "80c80000", "81c90001 00000001"])
def test_what_is_cut_off_is_refused(data: str) -> None:
    with pytest.raises(RtpError):
        parse_compound(bytes.fromhex(data.replace(" ", "")))


def test_the_ntp_time_counts_from_1900() -> None:
    assert ntp_time(0.0) >> 32 == 2_208_988_800
    assert ntp_time(0.5) & 0xFFFFFFFF == 1 << 31
