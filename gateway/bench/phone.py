"""The benchmark's phones: payloads made beforehand, one every 20 ms; what comes is counted."""

import secrets
import socket
import struct
import time
from contextlib import suppress

from gateway.bench.keys import EventKeys
from gateway.bench.pacing import Pacing
from gateway.bench.punctuality import Punctuality
from gateway.media.messages import Address
from gateway.rtp.rtcp import SenderReport, SourceDescription, ntp_time

EVENTS = 101
"""The payload type of telephone-event."""

FRAME = 160
"""Units of the RTP clock in 20 ms."""

_MARKER = 0x80
_REPORT_EVERY = 250  # packets: five seconds
_HEADER = struct.Struct("!BBHII")
_READ = 2048
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@ll")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size)


class LoadPhone:
    """One phone on `host`, which says `payloads` of type `payload_type` over and over, beginning
    with number `at`; between them it presses `keys`. RTCP has the next port, as phones have it."""

    def __init__(
        self,
        host: str,
        payloads: list[bytes],
        *,
        payload_type: int,
        at: int,
        keys: EventKeys | None = None,
    ) -> None:
        self.received = 0
        self.sent = 0
        self.punctuality = Punctuality()
        self._payloads = payloads
        self._at = at % len(payloads)
        self._payload_type = payload_type
        self._keys = keys
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._rtp, self._rtcp = _pair(host)
        self._rtp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._remote: Address | None = None

    @property
    def address(self) -> Address:
        """Where it listens for RTP."""
        host, port = self._rtp.getsockname()
        return host, port

    def connect(self, remote: Address, pacing: Pacing) -> None:
        """Know where the other side is, and read what it sends."""
        self._rtp.connect(remote)
        self._rtcp.connect((remote[0], remote[1] + 1))
        pacing.read(self._rtp.fileno(), self._receive)
        pacing.read(self._rtcp.fileno(), self._receive_reports)

    def speak(self) -> None:
        """Send the next packet, and a report from time to time."""
        pressed = self._keys.next_frame() if self._keys is not None else None
        if pressed is None:
            payload, since, second = self._payloads[self._at], 0, self._payload_type
        else:
            (payload, since), second = pressed, EVENTS
            second |= _MARKER if since == 0 else 0
        timestamp = (self._timestamp - since) & 0xFFFFFFFF
        header = _HEADER.pack(0x80, second, self._sequence, timestamp, self._ssrc)
        self._rtp.send(header + payload)
        self._at = (self._at + 1) % len(self._payloads)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        self.sent += 1
        if self.sent % _REPORT_EVERY == 1:
            self._report()

    def close(self) -> None:
        """Hang up."""
        self._rtp.close()
        self._rtcp.close()

    def _report(self) -> None:
        octets = self.sent * FRAME
        now = ntp_time(time.time())
        report = SenderReport(self._ssrc, now, self._timestamp, self.sent, octets)
        name = SourceDescription(self._ssrc, "phone")
        with suppress(ConnectionRefusedError):  # not everybody has a port for it
            self._rtcp.send(report.serialize() + name.serialize())

    def _receive(self) -> None:
        data, ancillary, _, _ = self._rtp.recvmsg(_READ, _ANCILLARY)
        self.received += 1
        if ancillary:  # when it came, not when this process found the time to look
            seconds, nanoseconds = _TIMESPEC.unpack(ancillary[0][2])
            self.punctuality.arrived(seconds + nanoseconds * 1e-9, int.from_bytes(data[4:8]))

    def _receive_reports(self) -> None:
        with suppress(ConnectionRefusedError):
            self._rtcp.recv(_READ)


def _pair(host: str) -> tuple[socket.socket, socket.socket]:
    """An even port and the next, both free."""
    while True:
        rtp, rtcp = _datagrams(), _datagrams()
        rtp.bind((host, 0))
        port = rtp.getsockname()[1]
        try:
            if port % 2 == 0:
                rtcp.bind((host, port + 1))
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()


def _datagrams() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 18)
    return made
