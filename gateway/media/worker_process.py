"""A media worker seen from the gateway: a child process and the socket that leads there.

The gateway never waits for it: a worker that does not read what it is told, or says nothing for
long, is killed, and by that it is like one that died by itself.
"""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import structlog

from gateway.media.wire import Incoming
from gateway.media.worker_messages import FROM_WORKER, LOAD_EVERY, TO_WORKER, Begin, Order, Report

log = structlog.get_logger(__name__)

_SILENT_FOR = 5  # times LOAD_EVERY
_START_WITHIN = 20  # times LOAD_EVERY
_UNREAD = 16 << 20  # octets; a name that is spoken to a room full of callers is 3 MB
_CLOSE_WITHIN = 5.0  # seconds
_CHUNK = 65_536  # octets

# NumPy would have a thread a core in each of them; what there is to multiply is small.
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1"}


class WorkerProcess:
    """Runs between `async with` and its end; `reports` end when it is dead. OSError: no process."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._patience = _START_WITHIN
        self._is_up = False
        self._process: Process
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._watch: asyncio.Task[None]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status once it has ended, negative for a signal."""
        return self._process.returncode

    async def __aenter__(self) -> Self:
        ours, theirs = socket.socketpair()
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)
        path = os.pathsep.join(filter(None, sys.path))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "gateway.media.worker", str(theirs.fileno())),
                env={**_ENVIRONMENT, **os.environ, "PYTHONPATH": path},
                pass_fds=(theirs.fileno(),),
                stdin=DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal is the gateway's alone
            )
        except BaseException:
            self._writer.close()
            raise
        finally:
            theirs.close()
        self._watch = asyncio.create_task(self._until_silent())
        self.send(self._begin)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let it end, or make it: at once if it has not begun."""
        self._watch.cancel()
        self._writer.close()
        if not self._is_up and self._process.returncode is None:
            self._process.kill()
        try:
            async with asyncio.timeout(_CLOSE_WITHIN):
                await self._process.wait()
        except TimeoutError:
            self._kill("does not end")
            await self._process.wait()
        finally:
            if self._process.returncode is None:  # nobody waits for us any more
                self._process.kill()
                await self._process.wait()

    def send(self, order: Order) -> None:
        """Have it told, soon."""
        self._writer.write(TO_WORKER.serialize(order))
        if self._writer.transport.get_write_buffer_size() > _UNREAD:
            self._kill("does not read")

    async def reports(self) -> AsyncIterator[Report]:
        """What it says. RemoteProtocolError if that makes no sense."""
        incoming = Incoming(FROM_WORKER)
        while data := await self._read():
            self._patience, self._is_up = _SILENT_FOR, True
            for report in incoming.feed(data):
                yield report

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(_CHUNK)
        except ConnectionError:
            return b""

    async def _until_silent(self) -> None:
        # Counted and not measured: if it was we who stood still, what it said is read first.
        while self._patience > 0:
            self._patience -= 1
            await asyncio.sleep(LOAD_EVERY)
        self._kill("says nothing")

    def _kill(self, why: str) -> None:
        if self._process.returncode is None:
            log.error("media worker is killed", pid=self.pid, why=f"it {why}")
            self._process.kill()
        self._writer.transport.abort()
