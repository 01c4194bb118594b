import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RtpError
from gateway.rtp.packet import (
    RtpPacket,
    audio_level,
    is_rtcp,
    pack_extensions,
    unpack_extensions,
)

packets = st.builds(
    RtpPacket,
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=300),
    marker=st.booleans(),
    extension=st.dictionaries(st.integers(1, 255), st.binary(min_size=1, max_size=16)).map(
        lambda elements: pack_extensions(elements) if elements else (0, b"")
    ),
)


@given(packet=packets)
def test_parsing_undoes_serializing(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.serialize()) == packet


@given(elements=st.dictionaries(st.integers(1, 255), st.binary(min_size=1, max_size=16)))
def test_extension_elements_survive(elements: dict[int, bytes]) -> None:
    profile, data = pack_extensions(elements)
    assert len(data) % 4 == 0
    assert unpack_extensions((profile, data)) == elements


@given(data=st.binary(max_size=64))
def test_no_datagram_does_worse_than_an_rtp_error(data: bytes) -> None:
    try:
        packet = RtpPacket.parse(data)
    except RtpError:
        return
    unpack_extensions(packet.extension)
    audio_level(packet, 1)


def test_padding_and_contributing_sources_are_taken_off() -> None:
    data = bytes.fromhex("b2000001000000020000000300000010 00000011".replace(" ", ""))
    data += bytes.fromhex("bede0001 10aa0000".replace(" ", "")) + b"voice" + b"\0\0\x03"
    packet = RtpPacket.parse(data)
    assert packet.payload == b"voice"
    assert unpack_extensions(packet.extension) == {1: b"\xaa"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80" * 11,
        b"\x40" + bytes(11),  # version 1
        b"\x9f" + bytes(11),  # extension cut off behind 15 contributing sources
        b"\x90" + bytes(11) + b"\xbe\xde\x00\x09",  # extension longer than the packet
        b"\xa0" + bytes(11) + b"\xff",  # padding longer than the packet
        b"\xa0" + bytes(11) + b"\x00",  # padding of no length
    ],
)
def test_what_is_cut_off_is_refused(data: bytes) -> None:
    with pytest.raises(RtpError):
        RtpPacket.parse(data)


def test_the_two_byte_form_is_read() -> None:
    assert unpack_extensions((0x1000, bytes.fromhex("0502abcd 00 0601ff 00"))) == {
        5: b"\xab\xcd",
        6: b"\xff",
    }


def test_the_audio_level_is_found_first_or_later() -> None:
    voiced = RtpPacket(111, 1, 2, 3, b"", extension=pack_extensions({1: b"\x9e"}))
    assert audio_level(voiced, 1) == 30
    behind = voiced._replace(extension=pack_extensions({5: b"\x00\x01", 1: b"\x1e"}))
    assert audio_level(behind, 1) == 30
    assert audio_level(behind, 7) is None


def test_rtcp_is_told_from_rtp_on_one_port() -> None:
    assert is_rtcp(bytes([0x80, 200]) + bytes(26))
    assert not is_rtcp(RtpPacket(111, 1, 2, 3, b"x", marker=True).serialize())
    assert not is_rtcp(b"\x80")
