"""ICE (RFC 8445) towards a videobridge: aioice's agent with addresses of our choosing.

aioice gathers on every interface but loopback and queues what it receives; here the operator may
name the addresses (loopback included), and data goes straight to a callback: once a pair is
nominated, past aioice, which then sees STUN only. The private names this leans on are held by
`tests/webrtc/test_ice.py`; aioice is pinned.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import aioice
from aioice.ice import StunProtocol

Receive = Callable[[bytes], None]


class IceError(Exception):
    """No connection could be made, or there is none to send on."""


class IceConnection(aioice.Connection):
    """The controlled agent of one bridge connection.

    `addresses` are the local ones to use, all interfaces' if empty. `receive` gets every datagram
    that is not STUN.
    """

    def __init__(self, addresses: tuple[str, ...], receive: Receive) -> None:
        super().__init__(ice_controlling=False)
        self._addresses = addresses
        self._receive = receive

    async def gather(self) -> tuple[aioice.Candidate, ...]:
        """Open a socket on each address. IceError: none could be opened."""
        # aioice loses sockets that are being opened when it is cancelled: let it finish.
        gathering = asyncio.ensure_future(self._gather())
        try:
            await asyncio.shield(gathering)
        except asyncio.CancelledError:
            await asyncio.wait((gathering,))
            raise
        if not self._local_candidates:
            raise IceError(f"no local address to use of {self._addresses or 'all interfaces'}")
        return tuple(self._local_candidates)

    async def _gather(self) -> None:
        if self._addresses:
            self._local_candidates_start = True
            usable = [address for address in self._addresses if _is_ours(address)]
            self._local_candidates = await self.get_component_candidates(1, usable)
            self._local_candidates_end = True
        else:
            await self.gather_candidates()

    async def establish(self, ufrag: str, pwd: str) -> None:
        """Check pairs until the bridge has nominated one. IceError: all have failed."""
        self.remote_username, self.remote_password = ufrag, pwd
        try:
            await self.connect()
        except ConnectionError as error:
            raise IceError(str(error)) from error
        for protocol in self._protocols:
            # A TURN allocation is no socket: what it receives goes through `data_received`.
            set_protocol = getattr(protocol.transport, "set_protocol", None)
            if set_protocol is not None:
                set_protocol(_Demultiplexer(protocol, self._receive))

    def transmit(self, datagram: bytes) -> None:
        """Send on the nominated pair. IceError: there is none."""
        pair = self._nominated.get(1)
        if pair is None:
            raise IceError("not connected")
        pair.protocol.transport.sendto(datagram, pair.remote_addr)

    async def lost(self) -> None:
        """Return once the bridge has withdrawn its consent (RFC 7675) or the agent is closed."""
        while await self.get_event() is not None:
            return

    def data_received(self, data: bytes, component: int) -> None:
        """What aioice took for data while no pair was nominated yet: DTLS may be early."""
        self._receive(data)


def _is_ours(address: str) -> bool:
    """Whether a socket can be bound there; a failed attempt in the event loop would leak."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


class _Demultiplexer(asyncio.DatagramProtocol):
    """Tells STUN from the rest by the first octet (RFC 7983 section 7)."""

    def __init__(self, stun: StunProtocol, receive: Receive) -> None:
        self._stun = stun
        self._receive = receive

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data and data[0] > 3:
            self._receive(data)
        else:
            self._stun.datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._stun.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stun.connection_lost(exc)
