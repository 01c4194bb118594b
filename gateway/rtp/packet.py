"""RTP packets (RFC 3550 section 5.1) and their header extensions (RFC 8285).

Parsing is on the hot path (every packet of every call), hence named tuples and a single struct.
"""

import struct
from typing import NamedTuple

from gateway.errors import RtpError

HEADER_SIZE = 12
LARGEST = 2048
"""Octets of a datagram that is read, of RTP or of RTCP: more than an Ethernet has."""
MAX_SEQUENCE = 0xFFFF
MAX_TIMESTAMP = 0xFFFFFFFF

_HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
_NO_EXTENSION = (0, b"")
_PLAIN, _EXTENDED = 0x80, 0x90  # the first octet of most packets: nothing, or one thing, optional
_ONE_WORD = b"\x00\x01"  # the length of an extension that states a level and no more
_ONE_BYTE_PROFILE = 0xBEDE
_TWO_BYTE_PROFILE = 0x1000
_MOST_ONE_BYTE = 14
_new = tuple.__new__


class RtpPacket(NamedTuple):
    """One packet. `extension` is the header extension's profile and data, (0, b"") if none."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    extension: tuple[int, bytes] = _NO_EXTENSION

    @classmethod
    def parse(cls, data: bytes) -> "RtpPacket":
        """Read a packet; RtpError if it is not one."""
        if len(data) < HEADER_SIZE:
            raise RtpError("shorter than an RTP header")
        first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
        if first == _PLAIN:
            payload, extension = data[HEADER_SIZE:], _NO_EXTENSION
        elif first == _EXTENDED and len(data) >= 20 and data[14:16] == _ONE_WORD:
            payload, extension = data[20:], (data[12] << 8 | data[13], data[16:20])
        else:
            payload, extension = _unusual(first, data)
        fields = (second & 0x7F, sequence, timestamp, ssrc, payload, second > 0x7F, extension)
        return _new(cls, fields)  # what the class itself would do, by way of two more calls

    def serialize(self) -> bytes:
        """The packet as octets, with its header extension if it has one."""
        second = self.payload_type | (0x80 if self.marker else 0)
        profile, data = self.extension
        header = _HEADER.pack(
            0x90 if data else 0x80, second, self.sequence, self.timestamp, self.ssrc
        )
        if not data:
            return header + self.payload
        return header + _EXTENSION.pack(profile, len(data) // 4) + data + self.payload


def _unusual(first: int, data: bytes) -> tuple[bytes, tuple[int, bytes]]:
    """The payload and the extension of a packet whose header starts with any octet."""
    if first >> 6 != 2:
        raise RtpError("not RTP version 2")
    size = len(data)
    start, end, extension = HEADER_SIZE + 4 * (first & 0x0F), size, _NO_EXTENSION
    if first & 0x10:
        if size < start + 4:
            raise RtpError("header extension cut off")
        profile, words = _EXTENSION.unpack_from(data, start)
        begin = start + 4
        start = begin + 4 * words
        extension = (profile, data[begin:start])
    if first & 0x20:
        end -= data[-1]
        if data[-1] == 0:
            raise RtpError("padding of no length")
    if start > end:
        raise RtpError("longer header or padding than the packet")
    return data[start:end], extension


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram on a multiplexed port is RTCP (RFC 5761 section 4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def pack_extensions(elements: dict[int, bytes]) -> tuple[int, bytes]:
    """Header-extension elements by id (1..255), of 1..16 octets each: in the one-byte form, unless
    an id above 14 needs the other."""
    if max(elements, default=0) > _MOST_ONE_BYTE:
        packed = b"".join(bytes([number, len(data)]) + data for number, data in elements.items())
        return _TWO_BYTE_PROFILE, packed + bytes(-len(packed) % 4)
    packed = b"".join(
        bytes([number << 4 | len(data) - 1]) + data for number, data in elements.items()
    )
    return _ONE_BYTE_PROFILE, packed + bytes(-len(packed) % 4)


def unpack_extensions(extension: tuple[int, bytes]) -> dict[int, bytes]:
    """The elements of a header extension by id, in either form; damaged ones end the list."""
    profile, data = extension
    if profile == _ONE_BYTE_PROFILE:
        return _unpack_one_byte(data)
    if profile & 0xFFF0 == _TWO_BYTE_PROFILE:
        return _unpack_two_byte(data)
    return {}


def _unpack_one_byte(data: bytes) -> dict[int, bytes]:
    elements, at = {}, 0
    while at < len(data):
        number, length = data[at] >> 4, (data[at] & 0x0F) + 1
        if number == 15:  # reserved: stop (RFC 8285 section 4.2)
            break
        if data[at] == 0:  # padding
            at += 1
            continue
        elements[number] = data[at + 1 : at + 1 + length]
        at += 1 + length
    return elements


def _unpack_two_byte(data: bytes) -> dict[int, bytes]:
    elements, at = {}, 0
    while at + 1 < len(data):
        if data[at] == 0:  # padding
            at += 1
            continue
        elements[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return elements


def audio_level(packet: RtpPacket, number: int) -> int | None:
    """The level a sender states in extension `number`: 0 (loud) to 127 (RFC 6464), if it does."""
    profile, data = packet.extension
    if profile == _ONE_BYTE_PROFILE and data and data[0] == number << 4:
        return data[1] & 0x7F  # the usual case: the level is the first element
    element = unpack_extensions(packet.extension).get(number)
    return element[0] & 0x7F if element else None
