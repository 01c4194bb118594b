"""The dial-in services in a process of their own, which can be killed.

`python -m tests.ivr.pin_service FILE` prints where they are, and serves until its standard input
ends.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from gateway import logs
from gateway.ivr import dial_in_http, dial_in_request
from gateway.ivr.dial_in import DialIn, DialInConfig
from gateway.ivr.dial_in_http import DialInHttpConfig
from gateway.ivr.pin_policy import PinPolicy

MUC = "conference.meet.example.org"
POLICY = PinPolicy(digits=9, odds=9_000, most_rooms=100_000)
"""100,000 PINs of 9 digits, and not one more: by default there would be 9,000."""
_ROOT = Path(__file__).parents[2]
_NO_LIMIT = (1_000_000, 1e-6)


class PinService(NamedTuple):
    """One that runs."""

    url: str
    process: asyncio.subprocess.Process

    async def kill(self) -> None:
        """By SIGKILL: nothing is finished, nothing is closed."""
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def pin_service(file: Path) -> AsyncIterator[PinService]:
    """One over a file; it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.ivr.pin_service", str(file)),
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().strip()
        assert url, "it does not start"
        yield PinService(url, process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _serve(file: Path) -> None:
    logs.configure("error")
    # One test asks for all rooms: there are no limits for it.
    dial_in_request.NEW_ROOMS = dial_in_request.ALL_NEW_ROOMS = _NO_LIMIT
    dial_in_http.MOST_CONNECTIONS = 2_000
    http = DialInHttpConfig(("127.0.0.1", 0), requests_a_minute=60_000_000)
    config = DialInConfig(file, http, POLICY)
    async with DialIn(config, lambda room: room if room.endswith(f"@{MUC}") else None) as dial_in:
        print(dial_in.server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
