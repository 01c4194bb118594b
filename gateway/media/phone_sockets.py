"""The UDP ports phones send to: an even one for RTP and the next for RTCP (RFC 3550 section 11)."""

import asyncio
import math
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from gateway.errors import MediaError
from gateway.media.messages import Address

Receive = Callable[[bytes, Address], None]
REST = 10.0
"""Seconds before a port is used again."""

_BUFFER = 262_144  # octets in the kernel: a second of every codec, whatever stalls


class PortRange:
    """Even ports `first` to `last`; the one that has been free longest is taken next.

    One that is given back rests: what is still on its way to the last call, or is still sent
    because a BYE was lost, must not be heard in the next.
    """

    def __init__(self, first: int, last: int) -> None:
        even = range(first + first % 2, last, 2)
        self._free = deque((port, -math.inf) for port in even)  # with the time it is rested at

    def __len__(self) -> int:
        return len(self._free)

    def take(self, now: float) -> int:
        """A free even port. MediaError: all are in use, or have been a moment ago."""
        if not self._free or self._free[0][1] > now:
            raise MediaError("no RTP port is free: the port range is too small")
        return self._free.popleft()[0]

    def give_back(self, port: int, now: float) -> None:
        """The opposite of `take`."""
        self._free.append((port, now + REST))


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data:
            self._receive(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """The phone's port is closed: its silence will tell."""


class PhoneSockets:
    """The pair of sockets of one phone."""

    def __init__(
        self, rtp: asyncio.DatagramTransport, rtcp: asyncio.DatagramTransport, ports: PortRange
    ) -> None:
        self._rtp = rtp
        self._rtcp = rtcp
        self._ports = ports
        self.unsendable = 0
        host, port = rtp.get_extra_info("sockname")[:2]
        self.address: Address = (host, port)

    @classmethod
    async def open(
        cls, host: str, ports: PortRange, receive_rtp: Receive, receive_rtcp: Receive
    ) -> "PhoneSockets":
        """Bind the next free pair on `host`. MediaError: there is none."""
        loop = asyncio.get_running_loop()
        for _ in range(len(ports) or 1):
            port = ports.take(loop.time())
            try:
                rtp_socket, rtcp_socket = _bind_pair(host, port)
            except OSError:
                ports.give_back(port, loop.time())  # somebody else has it: try the next
                continue
            rtp, _ = await loop.create_datagram_endpoint(
                lambda: _Receiver(receive_rtp), sock=rtp_socket
            )
            rtcp, _ = await loop.create_datagram_endpoint(
                lambda: _Receiver(receive_rtcp), sock=rtcp_socket
            )
            return cls(rtp, rtcp, ports)
        raise MediaError(f"no RTP port can be opened on {host}")

    def send_rtp(self, packet: bytes, destination: Address) -> None:
        """Send from the RTP port."""
        self._send(self._rtp, packet, destination)

    def send_rtcp(self, packet: bytes, destination: Address) -> None:
        """Send from the RTCP port."""
        self._send(self._rtcp, packet, destination)

    def _send(
        self, transport: asyncio.DatagramTransport, packet: bytes, destination: Address
    ) -> None:
        if transport.is_closing():
            return
        try:
            transport.sendto(packet, destination)
        except (OSError, ValueError):
            # An address this socket cannot reach, e.g. of the other IP version.
            self.unsendable += 1

    def close(self) -> None:
        """Give the pair back."""
        if not self._rtp.is_closing():
            self._rtp.close()
            self._rtcp.close()
            self._ports.give_back(self.address[1], asyncio.get_running_loop().time())


def _bind_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound: list[socket.socket] = []
    try:
        for number in (port, port + 1):
            made = socket.socket(family, socket.SOCK_DGRAM)
            bound.append(made)
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            made.bind((host, number))
    except OSError:
        for made in bound:
            made.close()
        raise
    return bound[0], bound[1]
