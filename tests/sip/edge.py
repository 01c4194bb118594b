"""What the tests with real sockets share: a peer made of a plain socket, and what was left open."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Self

from sipmessage import URI, Address

from gateway.sip.admission import Admit
from gateway.sip.core import StackConfig
from gateway.sip.message import Message, Request, Response, parse_message
from gateway.sip.network import Listen
from gateway.sip.tcp_connection import TcpLimits
from gateway.sip.timers import Timers
from gateway.sip.tls import TlsConfig
from gateway.sip.user_agent import UserAgent, UserAgentConfig
from tests.sip.wire import accept_everybody

FAST = Timers(t1=0.01, t2=0.04, t4=0.05)
"""64*T1 is 0.64 s."""

ROOM = Address(URI("sip", "127.0.0.1", user="room"))


def open_sockets() -> int:
    """How many sockets this process has open."""
    count = 0
    for descriptor in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:")
        except OSError:
            continue  # that of listdir itself
    return count


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Afterwards there are no more tasks and sockets than before, and nothing went wrong unseen."""
    loop = asyncio.get_running_loop()
    faults: list[str] = []
    loop.set_exception_handler(lambda _, context: faults.append(repr(context)))
    await asyncio.sleep(0)
    sockets, tasks = open_sockets(), asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    current = asyncio.current_task()  # that of a fixture's end
    assert {task for task in asyncio.all_tasks() - tasks if task is not current} == set()
    assert open_sockets() == sockets
    assert faults == []


async def eventually(is_so: Callable[[], bool], *, within: float = 3.0) -> None:
    """Wait until something is so; the time is only an upper bound."""
    async with asyncio.timeout(within):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def assert_nothing_remains(agent: UserAgent) -> None:
    """When 64*T1 have passed; we do not wait for that, but tell the stack that it is so late."""
    assert agent.call_count == 0
    patience = agent._config.stack.timers.transaction
    agent._stack.handle_timer(asyncio.get_running_loop().time() + patience)
    assert agent.transaction_count == 0
    assert agent._stack.next_timer() is None
    agent._stack.messages_to_send()  # a last repetition, if an ACK is still on its way


def new_agent(
    *transports: str,
    host: str = "127.0.0.1",
    timers: Timers = FAST,
    admit: Admit = accept_everybody,
    tcp: TcpLimits | None = None,
    tls: TlsConfig | None = None,
    advertised_host: str | None = None,
    max_sessions: int = 100,
) -> UserAgent:
    """A user agent on free ports."""
    return UserAgent(
        UserAgentConfig(
            listen=tuple(Listen(transport, host, 0) for transport in transports or ("udp",)),
            stack=StackConfig(timers=timers, max_sessions=max_sessions),
            tcp=tcp or TcpLimits(),
            tls=tls,
            advertised_host=advertised_host,
            farewell=1.0,
        ),
        admit,
    )


def uri_of(agent: UserAgent, transport: str = "udp", user: str = "room") -> str:
    """How to call a user agent."""
    (listen,) = (one for one in agent.listening if one.transport == transport)
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    parameter = "" if transport == "udp" else f";transport={transport}"
    return f"sip:{user}@{host}:{listen.port}{parameter}"


class UdpPeer:
    """A peer that is only a socket."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address: tuple[str, int] = self.socket.getsockname()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes, agent: UserAgent) -> None:
        (listen,) = (one for one in agent.listening if one.transport == "udp")
        self.socket.sendto(data, (listen.host, listen.port))

    async def receive(self) -> Message:
        async with asyncio.timeout(3):
            return parse_message(await asyncio.get_running_loop().sock_recv(self.socket, 65535))

    async def receive_response(self, status: int) -> Response:
        """The next response of a status; others are passed over."""
        while True:
            message = await self.receive()
            if isinstance(message, Response) and message.status == status:
                return message

    async def receive_request(self, method: str) -> Request:
        while True:
            message = await self.receive()
            if isinstance(message, Request) and message.method == method:
                return message


class TcpPeer:
    """A peer that is only a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.address: tuple[str, int] = writer.get_extra_info("sockname")

    @classmethod
    @asynccontextmanager
    async def connect(cls, host: str, port: int) -> AsyncIterator[Self]:
        peer = cls(*await asyncio.open_connection(host, port))
        try:
            yield peer
        finally:
            await peer.close()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):  # the other end was quicker
            await self.writer.wait_closed()

    async def receive(self) -> Message:
        async with asyncio.timeout(3):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = parse_message(head).headers.content_length or 0
            return parse_message(head + await self.reader.readexactly(length))

    async def receive_response(self, status: int) -> Response:
        while True:
            message = await self.receive()
            if isinstance(message, Response) and message.status == status:
                return message

    async def is_closed(self) -> bool:
        """Waits until the other end closes."""
        async with asyncio.timeout(3):
            with suppress(OSError):
                while await self.reader.read(4096):
                    pass
            return True
