"""SIPp as a subprocess, and the channel by which its calls report and are told to go on.

SIPp would have its calls wait for so many milliseconds. Ours wait for a command instead (SIPp's
third-party call control): `<sendCmd>` reports how far a call has come, `<recvCmd/>` waits until
the runner lets it go on. Nothing depends on how fast a machine is.
"""

import asyncio
import contextlib
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

SCENARIOS = Path(__file__).parent / "scenarios"
HOST = "127.0.0.1"
HOSTS = (HOST, "::1")
"""One of each IP version: where SIPp may be."""
_END = b"\x1b"  # of a command
_PATIENCE = 60  # seconds until SIPp stops by itself


class ScenarioFailed(AssertionError):
    """What went wrong, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def is_installed() -> bool:
    """Whether there is a SIPp."""
    return shutil.which("sipp") is not None


@dataclass(frozen=True, slots=True)
class Report:
    """A call has come as far as `event`; `media` is the port the gateway's SDP names."""

    caller: str
    event: str
    media: int | None
    call_id: str

    @classmethod
    def parse(cls, command: bytes) -> "Report | None":
        """Read a `<sendCmd>`; None for what SIPp says on its own, about calls it gives up."""
        lines = command.decode().splitlines()
        fields = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        if "report" not in fields:
            return None
        media = fields.get("media", "")
        return cls(
            caller=fields["caller"],
            event=fields["report"],
            media=int(media) if media.isdigit() else None,
            call_id=fields["call-id"],
        )


class Sipp:
    """One run of SIPp: as many calls as there are `rows` of fields, `rate` of them a second.

    Without a `remote` SIPp is called instead, at `address`; it is at `host`, at a `port` that is
    free, or this one, and says that its media are at `media_host`, or there as well. `async with`
    it; `on_report` is told of every report.
    """

    def __init__(
        self,
        file: str,
        rows: Sequence[Sequence[str | int]],
        remote: tuple[str, int] | None,
        *,
        transport: str,
        host: str = HOST,
        port: int = 0,
        media_host: str | None = None,
        rate: int = 10,
        options: Sequence[str | int] = (),
        on_report: Callable[[Report], None] = lambda report: None,
    ) -> None:
        self.address = (host, port or free_port())
        self._media_host = media_host or host
        self._file = SCENARIOS / file
        self._rows = rows
        self._remote = remote
        self._transport = transport
        self._rate = rate
        self._options = options
        self._on_report = on_report
        self._reports: list[Report] = []
        self._writers: dict[str, asyncio.StreamWriter] = {}  # by Call-ID
        self._change = asyncio.Condition()
        self._stack = contextlib.AsyncExitStack()
        self._process: asyncio.subprocess.Process
        self._folder: Path

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sipp-")))
            twin = await asyncio.start_server(self._listen, HOST, 0)
            stack.callback(twin.close)
            self._process = await self._start(twin.sockets[0].getsockname()[1])
            stack.push_async_callback(self._stop)
            if self._remote is None:
                await self._listens()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _listens(self) -> None:
        """Return when there is somebody at our address."""
        kind = socket.SOCK_DGRAM if self._transport == "udp" else socket.SOCK_STREAM
        while self._process.returncode is None:
            family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
            with socket.socket(family, kind) as probe:
                try:
                    probe.bind(self.address)
                except OSError:
                    return
            await asyncio.sleep(0.02)
        await self._fail("SIPp ended before it listened")

    def awaits(self, event: str) -> bool:
        """Whether the scenario reports an event."""
        return f"Report: {event}\n" in self._file.read_text()

    async def reported(self, event: str) -> None:
        """Return when all calls have come that far; ScenarioFailed if SIPp ends before."""

        def all_come() -> bool:
            return sum(report.event == event for report in self._reports) == len(self._rows)

        await self._come(all_come, f"all calls were {event}")

    async def _come(self, condition: Callable[[], bool], what: str) -> None:
        ended = asyncio.create_task(self._process.wait())
        come = asyncio.create_task(self._reported(condition))
        try:
            await asyncio.wait((ended, come), return_when=asyncio.FIRST_COMPLETED)
            if not come.done():
                await self._fail(f"SIPp ended before {what}")
        finally:
            for task in (ended, come):
                task.cancel()
            await asyncio.gather(ended, come, return_exceptions=True)

    async def has_reported(self, caller: str, event: str, times: int = 1) -> None:
        """Return when one call has come that far; ScenarioFailed if SIPp ends before."""

        def has_come() -> bool:
            reports = [(report.caller, report.event) for report in self._reports]
            return reports.count((caller, event)) >= times

        await self._come(has_come, f"{caller} was {event}")

    def go(self, *callers: str, order: str = "on") -> None:
        """Let the calls that wait for it go on: those of some callers, or all.

        Where SIPp has ended, `succeeded` says why.
        """
        last = {report.caller: report for report in self._reports}
        for caller, report in last.items():
            if not callers or caller in callers:
                command = f"Call-ID: {report.call_id}\r\nGo: {order}\r\n\r\n".encode() + _END
                writer = self._writers[report.call_id]
                if not writer.is_closing():
                    writer.write(command)

    async def give_up(self, what: str) -> NoReturn:
        """End SIPp and say what it found wrong."""
        await self._stop()
        await self._fail(what)

    async def succeeded(self) -> None:
        """Return when SIPp has ended; ScenarioFailed if any call of it failed."""
        if await self._process.wait() != 0:
            await self._fail(f"SIPp ended with code {self._process.returncode}")

    async def _reported(self, condition: Callable[[], bool]) -> None:
        async with self._change:
            await self._change.wait_for(condition)

    async def _start(self, twin: int) -> asyncio.subprocess.Process:
        fields = self._folder / "calls.csv"
        lines = [";".join(map(str, row)) for row in self._rows]
        fields.write_text("\n".join(["SEQUENTIAL", *lines, ""]))
        has_commands = "<sendCmd>" in self._file.read_text()
        arguments = [
            *("-sf", self._file, "-inf", fields, "-m", len(self._rows), "-r", self._rate),
            *("-i", self.address[0], "-p", self.address[1], "-mi", self._media_host),
            *("-ci", HOST, "-t", f"{self._transport[0]}1"),
            *(("-3pcc", f"{HOST}:{twin}") if has_commands else ()),
            *("-trace_err", "-error_file", self._folder / "errors.log", "-nostdin"),
            *("-timeout", _PATIENCE, "-timeout_error", *self._options),
            *((host_port(*self._remote),) if self._remote is not None else ()),
        ]
        return await asyncio.create_subprocess_exec(
            "sipp",
            *map(str, arguments),
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def _stop(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def _fail(self, what: str) -> NoReturn:
        await self._process.wait()
        log = self._folder / "errors.log"
        details = log.read_text(errors="replace").splitlines() if log.exists() else []
        raise ScenarioFailed([what, *(f"  {line}" for line in details[:40])])

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                report = Report.parse(await reader.readuntil(_END))
                if report is not None:
                    await self._take(report, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _take(self, report: Report, writer: asyncio.StreamWriter) -> None:
        self._writers[report.call_id] = writer
        self._on_report(report)
        async with self._change:
            self._reports.append(report)
            self._change.notify_all()


def host_port(host: str, port: int) -> str:
    """As in a URI: IPv6 addresses in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def free_port() -> int:
    """A port that UDP and TCP have free on both hosts."""
    while True:
        with contextlib.ExitStack() as stack:
            port = 0
            with contextlib.suppress(OSError):
                for host in HOSTS:
                    family = socket.AF_INET6 if ":" in host else socket.AF_INET
                    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        probe = stack.enter_context(socket.socket(family, kind))
                        probe.bind((host, port))
                        port = probe.getsockname()[1]
                return port
