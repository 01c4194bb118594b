"""SIP over UDP: one socket that is listened to and sent from (RFC 3261 18.1, 18.2)."""

import asyncio
import socket
from collections.abc import Callable

from gateway.sip.flow import Flow, HostPort, is_ipv6
from gateway.sip.message import MAX_MESSAGE_SIZE

_BURST = 16  # datagrams taken at once, before others on the loop have their turn
_RECEIVE_BUFFER = 1 << 20  # octets: a burst of requests must not be lost while the loop is busy

# Linux: report ICMP errors of an unconnected socket, with the address they are about. The socket
# module has names for the error queue but not for these.
_IP_RECVERR = 11
_IPV6_RECVERR = 25


class UdpListener:
    """A bound UDP socket. `close` it; nothing of it remains then."""

    transport = "udp"

    def __init__(
        self,
        address: HostPort,
        *,
        on_message: Callable[[bytes, Flow], None],
        on_unreachable: Callable[[HostPort], None],
    ) -> None:
        """Bind and listen; OSError if the address cannot be had."""
        family = socket.AF_INET6 if is_ipv6(address[0]) else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._configure(family)
            self._socket.bind(address)
        except OSError:
            self._socket.close()
            raise
        host, port = self._socket.getsockname()[:2]
        self.address: HostPort = (host, port)
        self._on_message = on_message
        self._on_unreachable = on_unreachable
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._read)

    def send(self, data: bytes, remote: HostPort) -> bool:
        """Send a datagram; False if the system would not take it."""
        for _ in range(2):  # the first attempt may only bring the error of an earlier datagram
            try:
                self._socket.sendto(data, remote)
            except BlockingIOError:
                return True  # lost as if on the way: SIP retransmits
            except OSError:
                continue
            return True
        return False

    def close(self) -> None:
        """Stop listening."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _configure(self, family: int) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)

    def _read(self) -> None:
        is_broken = self._read_datagrams()
        if self._read_errors() or is_broken:
            # uvloop stops watching a socket on which an error was pending.
            self._loop.remove_reader(self._socket)
            self._loop.add_reader(self._socket, self._read)

    def _read_datagrams(self) -> bool:
        """Take what has arrived; True if an error was in between."""
        for _ in range(_BURST):
            try:
                data, remote = self._socket.recvfrom(MAX_MESSAGE_SIZE + 1)
            except BlockingIOError:
                return False
            except OSError:
                return True
            self._on_message(data, Flow("udp", self.address, (remote[0], remote[1])))
        return False

    def _read_errors(self) -> bool:
        """Take the ICMP errors from the socket's error queue; True if there were any."""
        for count in range(_BURST):
            try:
                _, _, _, remote = self._socket.recvmsg(0, 0, socket.MSG_ERRQUEUE)
            except OSError:
                return count > 0
            self._on_unreachable((remote[0], remote[1]))
        return True
