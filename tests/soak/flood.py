"""Whoever floods the gateway, in a process of its own: `python -m tests.soak.flood ORDER`.

The order is a `Flood` as JSON. What came back is printed as JSON at the end.
"""

import asyncio
import json
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

_BATCHES = 100  # a second
_OPEN = 400  # connections a flood of them has at a time
_CALL = (
    b"%(method)s sip:%(number)d@%(host)b SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP %(host)b:%(port)d;branch=z9hG4bK%(number)d;rport\r\n"
    b'From: "Mallory" <sip:mallory@%(host)b>;tag=%(number)d\r\n'
    b"To: <sip:%(number)d@%(host)b>\r\nCall-ID: flood-%(number)d\r\nCSeq: 1 %(method)s\r\n"
    b"Contact: <sip:mallory@%(host)b:%(port)d>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


@dataclass(frozen=True, slots=True)
class Flood:
    """`kind` of what is sent from `source` to `target`, `rate` a second for some `seconds`.

    It is a method; "malformed", "responses"; "tcp" or "tls": connections that are opened, say a
    little, and are left so.
    """

    kind: str
    source: str
    target: tuple[str, int]
    rate: int
    seconds: float

    async def run(self) -> "Outcome":
        """Flood, and listen; from a process of its own."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.soak.flood", json.dumps(asdict(self))),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            told, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return Outcome(**json.loads(told))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How much was sent within how many seconds, and what was heard, by its first line."""

    sent: int
    seconds: float
    heard: dict[str, int]

    def __str__(self) -> str:
        rate = self.sent / self.seconds
        return f"{self.sent} sent, {rate:.0f} a second; heard {self.heard or 'nothing'}"


def message(kind: str, host: str, port: int, number: int) -> bytes:
    """One datagram of a flood."""
    method = {"malformed": "INVITE", "responses": "BYE"}.get(kind, kind).encode()
    fields = {b"method": method, b"host": host.encode(), b"port": port, b"number": number}
    whole = _CALL % fields
    if kind == "malformed":
        return whole.replace(b"\r\n", b"\n\r" if number % 2 else b"\r\n:", number % 7 + 1)
    if kind == "responses":
        return b"SIP/2.0 200 OK\r\n" + whole.partition(b"\r\n")[2]
    return whole


def send_datagrams(flood: Flood) -> Outcome:
    """Send at an even pace and count what comes back."""
    heard: Counter[str] = Counter()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((flood.source, 0))
        stranger.setblocking(False)
        port = stranger.getsockname()[1]

        def send(number: int) -> None:
            with suppress(OSError):  # the other side's buffer is full
                stranger.sendto(message(flood.kind, flood.source, port, number), flood.target)

        def listen() -> None:
            with suppress(BlockingIOError):
                while True:
                    heard[first_line(stranger.recv(65_535))] += 1

        sent, seconds = at_pace(flood, send, listen)
        time.sleep(0.5)
        listen()
    return Outcome(sent, seconds, heard)


def open_connections(flood: Flood) -> Outcome:
    """Open connections, say half a message or half a handshake, and let them be."""
    heard: Counter[str] = Counter()
    opened: list[socket.socket] = []

    def send(number: int) -> None:
        if len(opened) >= _OPEN:
            opened.pop(0).close()
        stranger = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        stranger.bind((flood.source, 0))
        stranger.setblocking(False)
        opened.append(stranger)
        stranger.connect_ex(flood.target)

    said: set[socket.socket] = set()

    def listen() -> None:
        for stranger in opened:
            with suppress(OSError):
                if stranger not in said:
                    stranger.send(
                        _hello() if flood.kind == "tls" else b"INVITE sip:a@b SIP/2.0\r\n"
                    )
                    said.add(stranger)
                if data := stranger.recv(4096):
                    heard[first_line(data)] += 1
        said.intersection_update(opened)

    sent, seconds = at_pace(flood, send, listen)
    for stranger in opened:
        stranger.close()
    return Outcome(sent, seconds, heard)


def _hello() -> bytes:
    """The beginning of a TLS handshake, too little for an answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing).do_handshake()
    return outgoing.read()[:64]


def first_line(data: bytes) -> str:
    """What an answer begins with."""
    return data[:64].partition(b"\r\n")[0].decode("ascii", "replace")


def at_pace(
    flood: Flood, send: Callable[[int], None], listen: Callable[[], None]
) -> tuple[int, float]:
    """Send in small batches; how many were sent, and in how many seconds."""
    begun, number = time.monotonic(), 0
    while (elapsed := time.monotonic() - begun) < flood.seconds:
        # What a busy machine made us miss is not made up for at once: that would be another flood.
        wanted = min(int(elapsed * flood.rate), number + 4 * flood.rate // _BATCHES + 1)
        for each in range(number, wanted):
            send(each)
        number = max(number, wanted)
        listen()
        time.sleep(1 / _BATCHES)
    return number, elapsed


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    flood = Flood(**{**order, "target": tuple(order["target"])})
    act = open_connections if flood.kind in ("tcp", "tls") else send_datagrams
    print(json.dumps(asdict(act(flood))))
