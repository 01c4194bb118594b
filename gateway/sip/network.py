"""The sockets of a user agent: its listeners, and which of them serves whom."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import CannotListen
from gateway.sip.flow import Flow, HostPort, Transmission, is_ipv6, literal_address
from gateway.sip.header_values import format_host
from gateway.sip.tcp import TcpListener
from gateway.sip.tcp_connection import TcpLimits
from gateway.sip.tls import Certificates
from gateway.sip.udp import UdpListener

_MAX_REMEMBERED = 1024  # peers whose route is known
_REMEMBERED = 10.0  # seconds; routes and our addresses change while we run
WILDCARDS = ("0.0.0.0", "::")
"""Hosts that stand for all addresses of an IP version."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: "udp", "tcp" or "tls", a literal address, a port (0 for any)."""

    transport: str
    host: str
    port: int = 5060

    def __str__(self) -> str:
        return f"{self.transport}:{format_host(self.host)}:{self.port}"


class Sockets:
    """Opens and closes listeners, sends by them, and knows under which address each is reached.

    `advertised_host` is stated to peers instead of a listener's own address, as behind a NAT, but
    not if it is an address of another IP version than theirs; without it what `external_host` says
    of a peer's, if it says anything.
    """

    def __init__(
        self,
        *,
        advertised_host: str | None,
        limits: TcpLimits,
        certificates: Certificates | None = None,
        is_stranger: Callable[[Flow], bool] = lambda flow: False,
        on_message: Callable[[bytes, Flow], None],
        on_failed: Callable[[Transmission, bool], None],
        on_unreachable: Callable[[HostPort], None],
        external_host: Callable[[str], str | None] = lambda remote_host: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.listeners: list[UdpListener | TcpListener] = []
        self._advertised_host = advertised_host
        self._external_host = external_host
        self._limits = limits
        self._certificates = certificates
        self._is_stranger = is_stranger
        self._on_message = on_message
        self._on_failed = on_failed
        self._on_unreachable = on_unreachable
        self._clock = clock
        # Which address of ours a peer sees, and until when that is believed.
        self._local_hosts: dict[str, tuple[str, float]] = {}

    async def open(self, listen: Listen) -> None:
        """Open one listener; CannotListen if the address is not to be had."""
        try:
            await self._open(listen)
        except OSError as error:
            raise CannotListen(str(listen), error) from error

    async def _open(self, listen: Listen) -> None:
        if listen.transport == "udp":
            udp = UdpListener(
                (listen.host, listen.port),
                on_message=self._on_message,
                on_unreachable=self._on_unreachable,
            )
            self.listeners.append(udp)
            return
        if listen.transport == "tls" and self._certificates is None:
            raise OSError(f"{listen} needs a certificate")
        tcp = TcpListener(
            self._limits,
            on_message=self._on_message,
            on_failed=self._on_failed,
            certificates=self._certificates if listen.transport == "tls" else None,
            is_stranger=self._is_stranger,
        )
        await tcp.listen((listen.host, listen.port))
        self.listeners.append(tcp)

    async def close(self) -> None:
        """Close all listeners and connections."""
        while self.listeners:
            listener = self.listeners.pop()
            if isinstance(listener, TcpListener):
                await listener.close()
            else:
                listener.close()

    def send(self, transmission: Transmission) -> bool:
        """Send a message; False if that is not possible. Later failures go to `on_failed`."""
        flow = transmission.flow
        for listener in self.listeners:
            if listener.transport == flow.transport and listener.address == flow.listener:
                if isinstance(listener, UdpListener):
                    return listener.send(transmission.data, flow.remote)
                return listener.send(transmission)
        return False

    def flow_to(self, transport: str, remote: HostPort, server_name: str = "") -> Flow | None:
        """The flow to a peer over the listener of the transport and address family.

        Of several it is the one on the address that the system would send from.
        """
        listeners = [
            listener.address
            for listener in self.listeners
            if listener.transport == transport
            and is_ipv6(listener.address[0]) == is_ipv6(remote[0])
        ]
        if len(listeners) > 1:
            from_ = (self.local_host(remote[0]), *WILDCARDS)
            listeners.sort(key=lambda address: address[0] not in from_)
        return Flow(transport, listeners[0], remote, server_name=server_name) if listeners else None

    def advertised(self, flow: Flow) -> HostPort:
        """What to state in Via and Contact so that a peer can reach us. Over TLS it verifies that
        host if it connects anew (RFC 5922 section 7.1)."""
        name = self._certificates.name if self._certificates and flow.transport == "tls" else None
        return name or self.address(flow), flow.listener[1]

    def address(self, flow: Flow) -> str:
        """The address at which a peer can reach us."""
        if self._advertised_host is not None and is_for(self._advertised_host, flow.remote[0]):
            return self._advertised_host
        external = self._external_host(flow.remote[0])
        if external is not None:
            return external
        host, _ = flow.listener
        return self.local_host(flow.remote[0]) if host in WILDCARDS else host

    def local_host(self, remote_host: str) -> str:
        """The address the system would send from to a host; nothing is sent to find out."""
        now = self._clock()
        host, until = self._local_hosts.get(remote_host, ("", now))
        if until <= now:
            try:
                host = _address_towards(remote_host)
            except OSError:
                return "::1" if is_ipv6(remote_host) else "127.0.0.1"
            if len(self._local_hosts) >= _MAX_REMEMBERED:
                self._local_hosts.clear()
            self._local_hosts[remote_host] = host, now + _REMEMBERED
        return host


def _address_towards(remote_host: str) -> str:
    family = socket.AF_INET6 if is_ipv6(remote_host) else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((remote_host, 9))
        return str(probe.getsockname()[0])


def is_for(host: str, remote_host: str) -> bool:
    """Whether a host of ours can be told to a peer: a name, or an address of its IP version."""
    own, remote = literal_address(host), literal_address(remote_host)
    return own is None or remote is None or own.version == remote.version
