"""The UDP ports phones send to: an even one for RTP and the next for RTCP (RFC 3550 section 11).

RTP is read when it is asked for, RTCP as it comes.
"""

import asyncio
import errno
import ipaddress
import math
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from gateway.errors import MediaError
from gateway.media.messages import Address
from gateway.rtp.datagrams import DatagramSocket

Receive = Callable[[bytes, Address, float], None]
"""Takes a datagram, where it came from, and when by the monotonic clock."""

REST = 10.0
"""Seconds before a port is used again."""

_WHY = "the port range is too small, or another program (ss -lnup shows which) has ports of it"


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
            raise MediaError(f"no RTP port is free: {_WHY}")
        return self._free.popleft()[0]

    def give_back(self, port: int, now: float) -> None:
        """The opposite of `take`."""
        self._free.append((port, now + REST))


class _Receiver(asyncio.DatagramProtocol):
    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data:
            self._receive(data, (addr[0], addr[1]), time.monotonic())

    def error_received(self, exc: Exception) -> None:
        """The phone's port is closed: its silence will tell."""


_Pair = tuple[DatagramSocket, asyncio.DatagramTransport]
"""Of RTP and of RTCP."""


class PhoneSockets:
    """The sockets of one phone: a pair on each of some hosts, with the same ports on all."""

    def __init__(
        self, pairs: Mapping[str, _Pair], port: int, ports: PortRange, receive_rtp: Receive
    ) -> None:
        self._pairs = {_version(host): pair for host, pair in pairs.items()}
        self._ports = ports
        self._receive_rtp = receive_rtp
        self._is_closed = False
        self.unsendable = 0
        self.address: Address = (next(iter(pairs)), port)

    @classmethod
    async def open(
        cls, hosts: Sequence[str], ports: PortRange, receive_rtp: Receive, receive_rtcp: Receive
    ) -> "PhoneSockets":
        """Bind the next free ports on `hosts`, of which at most one is of each IP version.
        MediaError: there are none, or that is not what is wrong."""
        loop = asyncio.get_running_loop()
        for _ in range(len(ports) or 1):
            port = ports.take(loop.time())
            try:
                bound = _bind(hosts, port)
            except OSError as error:
                ports.give_back(port, loop.time())
                if error.errno == errno.EADDRINUSE:
                    continue  # somebody else has it: try the next
                # All others would fail as well, and rest then: calls would find none for a while.
                raise MediaError(f"{_no_port(hosts)}: {error.strerror}") from error
            pairs = {}
            for host, (rtp, rtcp_socket) in bound.items():
                rtcp, _ = await loop.create_datagram_endpoint(
                    lambda: _Receiver(receive_rtcp), sock=rtcp_socket
                )
                pairs[host] = (DatagramSocket(rtp), rtcp)
            return cls(pairs, port, ports, receive_rtp)
        raise MediaError(f"{_no_port(hosts)}: {_WHY}")

    def read(self) -> None:
        """Take what has come to the RTP port since the last time."""
        for rtp, _ in self._pairs.values():
            for datagram in rtp.read():
                self._receive_rtp(*datagram)

    def send_rtp(self, packet: bytes, destination: Address) -> None:
        """Send from the RTP port."""
        self._send(0, packet, destination)

    def send_rtcp(self, packet: bytes, destination: Address) -> None:
        """Send from the RTCP port."""
        self._send(1, packet, destination)

    def _send(self, which: int, packet: bytes, destination: Address) -> None:
        if self._is_closed:
            return
        try:
            self._pairs[_version(destination[0])][which].sendto(packet, destination)
        except (OSError, ValueError, KeyError):
            # An address that cannot be reached, e.g. of an IP version we have no host of.
            self.unsendable += 1

    def close(self) -> None:
        """Give the ports back."""
        if not self._is_closed:
            self._is_closed = True
            for rtp, rtcp in self._pairs.values():
                rtp.close()
                rtcp.close()
            self._ports.give_back(self.address[1], asyncio.get_running_loop().time())


@lru_cache(1024)
def _version(host: str) -> int:
    """The IP version of an address. ValueError: it is none, and is not to be looked up."""
    return ipaddress.ip_address(host).version


def _no_port(hosts: Sequence[str]) -> str:
    return f"no RTP port can be opened on {' and '.join(hosts)}"


def _bind(hosts: Sequence[str], port: int) -> dict[str, list[socket.socket]]:
    bound: dict[str, list[socket.socket]] = {host: [] for host in hosts}
    try:
        for host, pair in bound.items():
            family = socket.AF_INET6 if _version(host) == 6 else socket.AF_INET
            for number in (port, port + 1):
                made = socket.socket(family, socket.SOCK_DGRAM)
                pair.append(made)
                made.setblocking(False)
                if family == socket.AF_INET6:  # or it would have the port of IPv4 as well
                    made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                made.bind((host, number))
    except OSError:
        for made in chain.from_iterable(bound.values()):
            made.close()
        raise
    return bound
