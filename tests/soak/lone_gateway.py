"""A gateway in a process of its own, so that its memory and its time are its alone.

`python -m tests.soak.lone_gateway` reads its configuration, a line of JSON, from its standard
input. Each line after that is answered with a `Look`; when the input ends, so does the gateway.
With SOAK_PROFILE its profile is written to that file.
"""

import asyncio
import cProfile
import gc
import json
import os
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvloop

from gateway import logs
from gateway.app import Gateway
from gateway.config.configuration import parse
from tests.behaviour.stage import left_over


@dataclass(frozen=True, slots=True)
class Look:
    """How a gateway is: `memory` in octets, `cpu` in seconds since its start, both its own.

    `remains` are its sockets and tasks; `addresses` are by transport.
    """

    addresses: dict[str, tuple[str, int]]
    calls: int
    transactions: int
    remains: int
    memory: int
    cpu: float
    counters: dict[str, int]
    responses: int


class LoneGateway:
    """One with these configuration tables; `async with` it."""

    def __init__(self, tables: dict[str, Any]) -> None:
        self._tables = tables
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.soak.lone_gateway"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await self._say(self._tables)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(30):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise

    async def look(self) -> Look:
        """How it is now."""
        await self._say("look")
        assert self._process.stdout is not None
        return Look(**json.loads(await self._process.stdout.readline()))

    async def _say(self, what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        await self._process.stdin.drain()


def _look(gateway: Gateway) -> Look:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Look(
        addresses={each.transport: (each.host, each.port) for each in gateway.sip_addresses},
        calls=gateway.call_count,
        transactions=gateway.user_agent.transaction_count,
        remains=left_over(),
        memory=pages * os.sysconf("SC_PAGE_SIZE"),
        cpu=used.ru_utime + used.ru_stime,
        counters=asdict(gateway.user_agent.counters),
        responses=sum(gateway.user_agent.responses_sent.values()),
    )


async def _serve() -> None:
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    async with Gateway(parse(json.loads(await reader.readline()))) as gateway:
        while await reader.readline():
            print(json.dumps(asdict(_look(gateway))), flush=True)


def main() -> None:
    """Serve until nobody wants it any more."""
    logs.configure("warning")
    profile = cProfile.Profile() if "SOAK_PROFILE" in os.environ else None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if profile is None:
            runner.run(_serve())
        else:
            profile.runcall(runner.run, _serve())
            profile.dump_stats(os.environ["SOAK_PROFILE"])


if __name__ == "__main__":
    main()
