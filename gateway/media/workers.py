"""The media engine in processes of their own, one a core: `gateway.media.engine_port.Engine`.

A call is carried by one worker. What a worker had is lost with it, for its calls alone, and another
takes its place.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import structlog

from gateway.errors import MediaError, RemoteProtocolError
from gateway.media.load import EngineLoad
from gateway.media.messages import (
    CallReport,
    Close,
    Closed,
    Command,
    EngineLost,
    Event,
    Failed,
    OpenPhone,
)
from gateway.media.placement import Placement
from gateway.media.restarts import Restarts
from gateway.media.worker_messages import Begin, Report, SetLogLevel
from gateway.media.worker_process import WorkerProcess

log = structlog.get_logger(__name__)

_START_WITHIN = 30.0  # seconds


@dataclass(slots=True, eq=False)
class _Seat:
    """One worker and its successors. `past` is what those before this one have counted."""

    number: int
    begin: Begin
    load: EngineLoad = field(default_factory=EngineLoad)
    past: EngineLoad = field(default_factory=EngineLoad)
    process: WorkerProcess | None = None
    up: asyncio.Event = field(default_factory=asyncio.Event)


class MediaWorkers:
    """A worker for each `Begin`; `emit` is called with every event."""

    def __init__(self, begins: tuple[Begin, ...], emit: Callable[[Event], None]) -> None:
        now = time.monotonic()
        self._emit = emit
        self._placement = Placement(len(begins))
        self._closing: set[str] = set()
        self._seats = [
            _Seat(number, begin, EngineLoad(down_since=now)) for number, begin in enumerate(begins)
        ]
        self._keeping: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Return when all are up. MediaError if they do not come up."""
        for seat in self._seats:
            task = asyncio.create_task(self._keep(seat), name=f"media worker {seat.number}")
            self._keeping.add(task)
        try:
            async with asyncio.timeout(_START_WITHIN):
                for seat in self._seats:
                    await seat.up.wait()
        except TimeoutError as error:
            await self.close()
            raise MediaError("the media workers do not start") from error

    async def close(self) -> None:
        """Close every call and end every process."""
        self._closing.update(self._placement)
        for task in self._keeping:
            task.cancel()
        if self._keeping:
            await asyncio.wait(self._keeping)
        self._keeping.clear()

    @property
    def calls(self) -> int:
        """How many calls have something in a worker."""
        return len(self._placement)

    @property
    def loads(self) -> tuple[EngineLoad, ...]:
        """How each worker is, as it told within the last second."""
        return tuple(
            replace(seat.load.after(seat.past), calls=self._placement.calls_at(seat.number))
            for seat in self._seats
        )

    @property
    def pids(self) -> tuple[int | None, ...]:
        """The process of each worker, None while it has none."""
        return tuple(seat.process.pid if seat.process else None for seat in self._seats)

    def execute(self, command: Command) -> None:
        """Pass a command on to the worker that has the call; see `MediaEngine.execute`."""
        if isinstance(command, OpenPhone):
            self._open(command)
            return
        worker = self._placement.place_of(command.call)
        if isinstance(command, Close):
            self._close(command, worker)
        elif worker is not None:
            self._send(worker, command)
        else:
            log.debug("command for a call that is gone", command=type(command).__name__)

    def set_log_level(self, level: str) -> None:
        """Have workers log what is of this level or above, those that are to come as well."""
        for seat in self._seats:
            seat.begin = replace(seat.begin, log_level=level)
            if seat.process is not None:
                seat.process.send(SetLogLevel(level))

    def _open(self, command: OpenPhone) -> None:
        if self._placement.place_of(command.call) is not None:
            raise ValueError(f"call {command.call} is open already")
        worker = self._placement.place(command.call, command.room)
        if worker is None:
            self._emit(Failed(command.call, OpenPhone.__name__, "no media worker is up"))
            return
        log.debug("call placed", call=command.call, worker=worker)
        self._send(worker, command)

    def _close(self, command: Close, worker: int | None) -> None:
        if worker is None:
            self._emit(Closed(command.call, CallReport()))
            return
        self._closing.add(command.call)
        self._send(worker, command)

    def _send(self, worker: int, command: Command) -> None:
        process = self._seats[worker].process
        if process is not None:
            process.send(command)

    # A worker's life.

    async def _keep(self, seat: _Seat) -> None:
        """Have a worker there, and another whenever one has died, without end."""
        restarts = Restarts()
        while True:
            began = time.monotonic()
            process = WorkerProcess(seat.begin)
            try:
                async with process:
                    seat.process = process
                    try:
                        async for report in process.reports():
                            self._told(seat, report)
                    finally:
                        self._lost(seat)
                log.error("media worker died", worker=seat.number, status=process.status)
            except (OSError, RemoteProtocolError) as error:
                log.error("media worker failed", worker=seat.number, reason=str(error))
            except Exception:  # a mistake of ours ends the calls of one worker, not of all
                log.exception("media worker failed", worker=seat.number)
            await asyncio.sleep(restarts.wait(time.monotonic() - began))

    def _told(self, seat: _Seat, report: Report) -> None:
        if isinstance(report, EngineLoad):
            seat.load = report
            self._placement.told(seat.number, report.stress)
            if not seat.up.is_set():
                log.info("media worker up", worker=seat.number)
                seat.up.set()
            return
        if isinstance(report, Closed):
            self._placement.ended(report.call)
            self._closing.discard(report.call)
        self._emit(report)

    def _lost(self, seat: _Seat) -> None:
        """Whatever its calls wait for will not come."""
        counted = seat.load.after(seat.past)
        seat.past = EngineLoad(deaths=1).after(counted)
        seat.load = EngineLoad(down_since=time.monotonic())
        seat.process = None
        seat.up.clear()
        for call in self._placement.lost(seat.number):
            if call in self._closing:
                self._closing.discard(call)
                self._emit(Closed(call, CallReport()))
            else:
                self._emit(EngineLost(call, f"media worker {seat.number} died"))
