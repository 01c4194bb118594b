"""The address that others see us at behind a NAT, as a STUN server tells it (RFC 8489).

It is asked once a minute: some lines get another address every day. Only the address counts: the
NAT has to pass on the ports of SIP and RTP as they are. IPv4 only, since IPv6 has no such NATs.
"""

import asyncio
import contextlib
import ipaddress
import socket
import struct
from types import TracebackType
from typing import Any, Self

import structlog
from aioice import stun

log = structlog.get_logger(__name__)

_REPETITIONS = (0.5, 1.0, 2.0)  # seconds to wait for an answer (section 6.2.1), a few times only
_EVERY, _AGAIN = 60.0, 10.0  # seconds between questions, and after one that was not answered

# No NAT lies between us and these: they reach us at our own address.
_NEAR = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
    )
)


class BindingRequest:
    """One question to a STUN server, and what of its answers is one."""

    def __init__(self) -> None:
        request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        self._transaction = request.transaction_id
        self.octets = bytes(request)

    def answer(self, data: bytes) -> str | None:
        """The address of ours that an answer names; None: it is none, or names nothing of use."""
        try:
            message = stun.parse_message(data)
        except (ValueError, KeyError, struct.error):  # aioice's words for damage
            return None
        if message.transaction_id != self._transaction:
            return None
        if message.message_class is not stun.Class.RESPONSE:
            return None
        for name in ("XOR-MAPPED-ADDRESS", "MAPPED-ADDRESS"):
            if name in message.attributes:
                return _usable(message.attributes[name][0])
        return None


class ExternalAddress:
    """Kept known between `async with` and its end; `local_host` is where it asks from.

    `host` is None until a server has told it. One that no longer answers leaves the last.
    """

    def __init__(self, server: tuple[str, int], local_host: str = "0.0.0.0") -> None:
        self.host: str | None = None
        self._server = server
        self._local_host = local_host
        self._asking: asyncio.Task[None] | None = None
        self._is_failing = False

    def towards(self, remote_host: str) -> str | None:
        """The address to tell a peer, None if it reaches us at our own."""
        if self.host is None or ":" in remote_host:
            return None
        remote = ipaddress.ip_address(remote_host)
        return None if any(remote in network for network in _NEAR) else self.host

    async def __aenter__(self) -> Self:
        await self._ask()
        self._asking = asyncio.create_task(self._keep_asking(), name="external address")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait((self._asking,))

    async def _keep_asking(self) -> None:
        while True:
            await asyncio.sleep(_AGAIN if self._is_failing else _EVERY)
            await self._ask()

    async def _ask(self) -> None:
        try:
            host = await mapped_host(self._server, self._local_host)
        except (OSError, UnicodeError) as error:  # the second: a name that cannot be one
            if not self._is_failing:
                log.warning("external address not told", server=self._name, error=str(error))
            self._is_failing = True
            return
        if host != self.host or self._is_failing:
            log.info("external address", host=host, before=self.host, server=self._name)
        self.host, self._is_failing = host, False

    @property
    def _name(self) -> str:
        return "{}:{}".format(*self._server)


async def mapped_host(server: tuple[str, int], local_host: str) -> str:
    """The address that a STUN server sees us at. OSError: it is not there, or does not say."""
    loop = asyncio.get_running_loop()
    host, port = server
    found = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    request = BindingRequest()
    told: asyncio.Future[str] = loop.create_future()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Listener(request, told),
        local_addr=(local_host, 0),
        remote_addr=(str(found[0][4][0]), port),
    )
    try:
        for seconds in _REPETITIONS:
            transport.sendto(request.octets)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(told), seconds)
    finally:
        told.cancel()
        transport.close()
    raise TimeoutError("no answer")


class _Listener(asyncio.DatagramProtocol):
    """Waits at a connected socket: only the server is heard there."""

    def __init__(self, request: BindingRequest, told: asyncio.Future[str]) -> None:
        self._request = request
        self._told = told

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        host = self._request.answer(data)
        if host is not None and not self._told.done():
            self._told.set_result(host)

    def error_received(self, exc: Exception) -> None:
        if not self._told.done():
            self._told.set_exception(exc)


def _usable(host: str) -> str | None:
    address = ipaddress.ip_address(host)
    useless = address.version != 4 or address.is_unspecified or address.is_multicast
    return None if useless else host
