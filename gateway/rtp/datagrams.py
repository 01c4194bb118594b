"""A UDP socket that is read when it suits, and not whenever something comes. [io]

What is played every 20 ms need not be read sooner, and being woken for a packet costs several
times what reading it does. When a packet came is known all the same: the kernel notes it.
"""

import socket
import struct
import time
from contextlib import suppress

from gateway.rtp.packet import LARGEST
from gateway.rtp.rtp_filter import drop_rtp, take_rtp

_AT_ONCE = 256  # datagrams; what else a flood brings waits, and is lost when the kernel has no room
_BUFFER = 1 << 20  # octets in the kernel, if it lets us: a stall of a second with twenty talkers
_STAMPED = 35  # SO_TIMESTAMPNS of Linux, both the option and the note: Python has no name for it
_TIMESPEC = struct.Struct("@ll")
_NOTES = socket.CMSG_SPACE(_TIMESPEC.size)
_SET = 0.1  # seconds between the system's clock and ours, from reading to reading: it was set


Datagram = tuple[bytes, tuple[str, int], float]
"""What has come, where from, and when by the monotonic clock, in seconds."""


def try_address(host: str) -> None:
    """OSError: no socket can be bound there; it is no address of this machine, for instance."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as tried:
        tried.bind((host, 0))


class DatagramSocket:
    """Owns `sock`, which is bound: `close` it."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        with suppress(OSError):  # another system: then it came when it was read
            sock.setsockopt(socket.SOL_SOCKET, _STAMPED, 1)
        self._since = -time.time() + time.monotonic()  # from the kernel's clock to ours

    @property
    def address(self) -> tuple[str, int]:
        """Where it is bound. OSError: it is closed."""
        host, port, *_ = self._socket.getsockname()
        return host, port

    def read(self) -> list[Datagram]:
        """What has come since the last time, in order; empty datagrams are left out."""
        read: list[Datagram] = []
        # Ours is read last: who is held up between the two takes what came for a little later than
        # it came, and never for sent before it was.
        kernels, now = time.time(), time.monotonic()
        before, self._since = self._since, now - kernels
        since = self._since if abs(self._since - before) < _SET else None
        receive = self._socket.recvmsg
        try:
            for _ in range(_AT_ONCE):
                data, notes, _, source = receive(LARGEST, _NOTES)
                arrival = now
                for level, kind, note in notes:
                    if kind == _STAMPED and level == socket.SOL_SOCKET and since is not None:
                        seconds, nanoseconds = _TIMESPEC.unpack(note)
                        arrival = min(seconds + nanoseconds * 1e-9 + since, now)
                if data:
                    read.append((data, source[:2], arrival))
        except OSError:
            pass  # nothing more is there; or it is closed, and nothing will be
        return read

    def want_rtp(self, wanted: bool) -> None:
        """Whether RTP is to come; if it is not, one packet now and then does all the same."""
        (take_rtp if wanted else drop_rtp)(self._socket)

    def sendto(self, data: bytes, destination: tuple[str, int]) -> None:
        """Send to an address, which is no name. OSError: it cannot be sent, or not now."""
        self._socket.sendto(data, destination)

    def close(self) -> None:
        """Give the port back; more than once does no harm."""
        self._socket.close()
