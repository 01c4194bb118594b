"""Redundant audio (RFC 2198): a packet repeats what the ones before it said.

The last block of a payload is the packet's own, those before it are older. No IO and no clock.
"""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from gateway.errors import RtpError
from gateway.rtp.packet import RtpPacket
from gateway.rtp.sequence import distance

MAX_OFFSET = (1 << 14) - 1
"""Clock units a repeated block may be older than its packet (section 3)."""

MAX_LENGTH = (1 << 10) - 1
"""Octets a repeated block may have."""

_MOST_BLOCKS = 9
_REMEMBERED = 64  # packets whose repetitions are known; they come within a few


class Block(NamedTuple):
    """A part of a RED payload; `offset` is in clock units before the packet's timestamp."""

    payload_type: int
    offset: int
    payload: bytes


def parse(payload: bytes) -> list[Block]:
    """The blocks, oldest first, the packet's own last. RtpError: this is no RED."""
    headers: list[tuple[int, int, int]] = []
    at = 0
    while at < len(payload) and payload[at] & 0x80:
        if len(headers) == _MOST_BLOCKS:
            raise RtpError("too many blocks in RED")
        if len(payload) < at + 4:
            raise RtpError("RED header cut off")
        bits = int.from_bytes(payload[at + 1 : at + 4])
        headers.append((payload[at] & 0x7F, bits >> 10, bits & MAX_LENGTH))
        at += 4
    if at >= len(payload):
        raise RtpError("RED without a block of its own")
    own = payload[at]
    at += 1
    blocks = []
    for payload_type, offset, length in headers:
        blocks.append(Block(payload_type, offset, payload[at : at + length]))
        at += length
    if at > len(payload):
        raise RtpError("RED block cut off")
    return [*blocks, Block(own, 0, payload[at:])]


def serialize(blocks: Sequence[Block]) -> bytes:
    """The payload of these blocks, in the order of `parse`. ValueError: one does not fit."""
    headers = b""
    for payload_type, offset, payload in blocks[:-1]:
        if not 0 <= offset <= MAX_OFFSET or len(payload) > MAX_LENGTH:
            raise ValueError("block too old or too long for RED")
        bits = offset << 10 | len(payload)
        headers += bytes([0x80 | payload_type]) + bits.to_bytes(3)
    own = bytes([blocks[-1].payload_type])
    return headers + own + b"".join(block.payload for block in blocks)


class RedSender:
    """Makes RED of the payloads of one stream, whose own payload type is `payload_type`.

    `distance` is how many packets back are repeated.
    """

    def __init__(self, payload_type: int) -> None:
        self.distance = 1
        self._payload_type = payload_type
        self._said: deque[tuple[int, bytes]] = deque(maxlen=2)  # timestamp and payload

    def payload(self, payload: bytes, timestamp: int) -> bytes | None:
        """RED for the packet at `timestamp`; None if there is nothing to repeat.

        What does not fit, being too old or too long, is left out.
        """
        repeated = [
            Block(self._payload_type, distance(timestamp, then, 32), said)
            for then, said in list(self._said)[-self.distance :]
        ]
        self._said.append((timestamp, payload))
        fitting = [
            block
            for block in repeated
            if 0 < block.offset <= MAX_OFFSET and len(block.payload) <= MAX_LENGTH
        ]
        if not fitting:
            return None
        return serialize([*fitting, Block(self._payload_type, 0, payload)])

    def pause(self) -> None:
        """What comes next follows a silence, and is not for repeating what was before it."""
        self._said.clear()


class RedReceiver:
    """Takes the packets of one source apart, and knows which of them it has had already."""

    def __init__(self) -> None:
        self.recovered = 0  # packets that came in a later one first, or only
        self.damaged = 0
        self._known: deque[int] = deque(maxlen=_REMEMBERED)  # timestamps

    def unpack(self, packet: RtpPacket, red_type: int, payload_type: int) -> list[RtpPacket]:
        """The packets in a packet that are new, oldest first, as if each had come by itself.

        A repeated one gets the sequence number it must have had. Only a packet that others
        preceded is searched for them: what was said before we listened is nobody's loss.
        """
        if packet.payload_type != red_type:
            return self._own(packet)
        try:
            *repeated, own = parse(packet.payload)
        except RtpError:
            self.damaged += 1
            return []
        if own.payload_type != payload_type:
            self.damaged += 1
            return []
        found = []
        for back, block in zip(range(len(repeated), 0, -1), repeated, strict=True):
            timestamp = (packet.timestamp - block.offset) & 0xFFFFFFFF
            if block.payload_type != payload_type or not block.payload or not block.offset:
                continue
            if not self._known or timestamp in self._known:
                continue
            if distance(timestamp, self._known[0], 32) < 0:
                continue
            self._known.append(timestamp)
            self.recovered += 1
            found.append(
                packet._replace(
                    payload_type=payload_type,
                    sequence=(packet.sequence - back) & 0xFFFF,
                    timestamp=timestamp,
                    payload=block.payload,
                    marker=False,
                )
            )
        whole = packet._replace(payload_type=payload_type, payload=own.payload)
        return [*found, *self._own(whole)]

    def _own(self, packet: RtpPacket) -> list[RtpPacket]:
        """The packet itself, unless a later one has brought it already."""
        if packet.timestamp in self._known:
            return []
        self._known.append(packet.timestamp)
        return [packet]


def without_redundancy(packet: RtpPacket) -> RtpPacket:
    """A RED packet as one who has not negotiated RED gets it. RtpError: it is no RED."""
    own = parse(packet.payload)[-1]
    return packet._replace(payload_type=own.payload_type, payload=own.payload)
