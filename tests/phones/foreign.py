"""What every foreign phone has in common: a process that places one call, and what it reports.

A driver (`pyvoip.pyvoip`, `baresip.baresip`) is an async context manager that starts its phone,
dials, and gives a `ForeignCall`; when it is left, nothing of the phone is left.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from audiocodecs.frames import Samples
from gateway.lab.voice import write_audio

HOST = "127.0.0.1"
RATE = 8000

PATIENCE = 20.0  # seconds for what has to come about; how long it takes is not judged
_LONGEST = 90  # seconds a phone can speak: longer than any test
_TO_QUIT = 5.0  # seconds a phone has to end by itself

Event = Mapping[str, Any]


class User(NamedTuple):
    """As whom a phone registers."""

    name: str
    password: str


class Refused(Exception):
    """The phone says its call was not answered; `status` is the final response it has seen."""

    def __init__(self, status: int) -> None:
        super().__init__(f"refused with {status}")
        self.status = status


class ForeignCall(Protocol):
    """A call of a foreign phone."""

    async def answered(self) -> None:
        """Return when the phone says it is answered. Refused: it was not."""

    async def hang_up(self) -> None:
        """Let the phone end the call, or give it up."""

    async def ended(self) -> str:
        """Return when the call is over for the phone; what it says about that."""

    def recording(self) -> Samples:
        """What the phone has heard so far, 8 kHz."""


class Journal:
    """What a phone has reported, in order; somebody can wait for what has not come yet."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._news = asyncio.Event()
        self._is_closed = False

    def add(self, event: Event) -> None:
        """The phone reports something."""
        self._events.append(event)
        self._news.set()

    def close(self) -> None:
        """The phone will report nothing any more."""
        self._is_closed = True
        self._news.set()

    def all(self, key: str, *values: str) -> list[Event]:
        """The events so far that have one of `values` under `key`."""
        return [event for event in self._events if event.get(key) in values]

    async def next(self, key: str, *values: str, after: int = 0, within: float = PATIENCE) -> Event:
        """The first such event there is or will be; `after` so many others of them."""
        try:
            async with asyncio.timeout(within):
                while len(found := self.all(key, *values)) <= after:
                    if self._is_closed:
                        raise AssertionError(f"the phone ended before {values}: {self._events}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {values} among {self._events}") from None
        return found[after]


@asynccontextmanager
async def running(
    *command: str | Path, transcript: Path, stdout: int | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that should have ended by itself soon after the block; what it wrote is kept.

    If the block fails, the `transcript` is printed for whoever reads about it.
    """
    with transcript.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=output if stdout is None else stdout,
            stderr=output,
        )
    try:
        yield process
    except BaseException:
        _show(transcript)
        raise
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(_TO_QUIT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def _show(transcript: Path) -> None:
    sys.stdout.write(transcript.read_text(errors="replace"))


def write_speech(path: Path, says: Samples) -> None:
    """What a phone says, over and over, as a WAV file that outlasts the test."""
    times = -(-_LONGEST * RATE // len(says))
    write_audio(path, np.tile(says, times), RATE)


def read_recording(path: Path, *, header: int = 0) -> Samples:
    """16-bit samples of a file that still grows."""
    data = path.read_bytes()[header:]
    return np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int16)
