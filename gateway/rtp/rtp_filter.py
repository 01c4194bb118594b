"""A filter that has the kernel drop RTP before it costs anything (classic BPF, Linux). [io]

Of a socket that gets RTP, RTCP, DTLS and STUN (RFC 7983) it lets pass all but RTP, and of that one
packet in `PASSED`, taken by chance.
"""

import ctypes
import socket
import struct
from contextlib import suppress

PASSED = 64

_ATTACH, _DETACH = 26, 27  # SO_ATTACH_FILTER, SO_DETACH_FILTER
_HEADER = 8  # octets of UDP that stand before what is sent
_RANDOM = 0xFFFFF000 + 56  # where the kernel has a random number to read
_OCTET, _WORD, _AND, _RETURN = 0x30, 0x20, 0x54, 0x06
_IS, _AT_LEAST = 0x15, 0x35
_PASS = 10  # the instruction that lets it pass; before it is the one that does not

# Code, how many instructions to leave out if it is true and if it is not, operand.
_PROGRAM = (
    (_OCTET, 0, 0, _HEADER),
    (_AT_LEAST, 0, _PASS - 2, 128),  # 128 to 191 is RTP or RTCP
    (_AT_LEAST, _PASS - 3, 0, 192),
    (_OCTET, 0, 0, _HEADER + 1),
    (_AT_LEAST, 0, 1, 192),  # 192 to 223 is RTCP (RFC 5761 section 4)
    (_AT_LEAST, 0, _PASS - 6, 224),
    (_WORD, 0, 0, _RANDOM),
    (_AND, 0, 0, PASSED - 1),
    (_IS, _PASS - 9, 0, 0),
    (_RETURN, 0, 0, 0),
    (_RETURN, 0, 0, 0xFFFFFFFF),
)


def drop_rtp(sock: socket.socket) -> None:
    """Let hardly any RTP come to a UDP socket; on a system that has no such filter all comes."""
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _PROGRAM)
    kept = ctypes.create_string_buffer(program)  # until the kernel has copied it
    with suppress(OSError):
        sock.setsockopt(
            socket.SOL_SOCKET, _ATTACH, struct.pack("HP", len(_PROGRAM), ctypes.addressof(kept))
        )


def take_rtp(sock: socket.socket) -> None:
    """Undo that."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _DETACH, 0)
