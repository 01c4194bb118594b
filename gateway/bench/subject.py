"""The process under test: a media engine with its loop as in production, moved by a pipe.

What comes through the pipe are the engine's commands and `Measure`; what goes back are its events
and snapshots.
"""

import asyncio
import contextlib
import cProfile
import gc
import io
import os
import pstats
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import uvloop

from audiocodecs.frames import Samples
from gateway import logs, system_limits
from gateway.bench.floor import UnitCosts, unit_costs
from gateway.bench.machine import core_time
from gateway.bench.measurement import Snapshot
from gateway.ivr.texts import PACKS
from gateway.media.engine import EngineConfig, MediaEngine
from gateway.media.load import EngineLoad
from gateway.media.messages import CallReport, Command, Event

_PAGE = os.sysconf("SC_PAGE_SIZE")
_FLOOR_FRAMES = 5000  # of each kind
_SHOWN = 40  # functions of a profile


@dataclass(frozen=True, slots=True)
class SubjectConfig:
    """Which engine ("engine" or "aiortc") runs how, on which core of the machine."""

    engine: str
    host: str
    complexity: int
    core: int | None


@dataclass(frozen=True, slots=True)
class Measure:
    """Ask for a snapshot."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Begin to profile, or end it; `Stopped` tells what was found."""

    on: bool


@dataclass(frozen=True, slots=True)
class MeasureFloor:
    """Ask for what libopus and SRTP alone cost here and now, see `gateway.bench.floor`.

    It is asked of the process under test, after the window and under the same load on the other
    core: cores that share their arithmetic are slower then.
    """

    speech: tuple[Samples, ...]
    payloads: tuple[tuple[bytes, ...], ...]
    rate: int
    complexity: int
    streams: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Close everything and end; answered by the profile, which is empty if there is none."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The last word of the subject."""

    profile: str


Order = Command | Measure | MeasureFloor | Profile | Stop
Answer = Event | Snapshot | UnitCosts | Stopped


class Subject(Protocol):
    """What is measured: the engine, or what it is compared with."""

    @property
    def load(self) -> EngineLoad: ...

    def execute(self, command: Command) -> None: ...

    def report(self, call: str) -> CallReport: ...

    async def close(self) -> None: ...


def main(pipe: Connection, config: SubjectConfig) -> None:
    """The process, from its first to its last instruction."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who measures ends this process
    logs.configure("error")
    system_limits.allow_many_files()
    if config.core is not None:
        os.sched_setaffinity(0, {config.core})
    uvloop.run(_serve(pipe, config))


async def _serve(pipe: Connection, config: SubjectConfig) -> None:
    loop = asyncio.get_running_loop()
    subject = _subject(pipe, config)
    calls: dict[str, None] = {}
    stopping = asyncio.Event()
    profile = cProfile.Profile(time.thread_time)

    def receive() -> None:
        try:
            order: Order = pipe.recv()
        except EOFError:  # who measures is gone
            loop.remove_reader(pipe.fileno())
            stopping.set()
            return
        match order:
            case Measure():
                pipe.send(_snapshot(subject, calls, config.core))
            case MeasureFloor():
                pipe.send(_floor(order))
            case Profile(on=True):
                profile.enable()
            case Profile():
                profile.disable()
            case Stop():
                loop.remove_reader(pipe.fileno())
                stopping.set()
            case _:
                calls[order.call] = None
                subject.execute(order)

    gc.collect()
    gc.freeze()  # as the gateway itself does
    loop.add_reader(pipe.fileno(), receive)
    os.set_blocking(pipe.fileno(), True)  # uvloop changes that; a message is read as a whole
    await stopping.wait()
    await subject.close()
    with contextlib.suppress(OSError):
        pipe.send(Stopped(_text(profile)))


def _subject(pipe: Connection, config: SubjectConfig) -> Subject:
    if config.engine == "aiortc":
        from gateway.bench.plain_aiortc import PlainAiortc  # noqa: PLC0415 - costs memory

        return PlainAiortc(config.host, pipe.send)
    engine = EngineConfig(
        phone_hosts=(config.host,),
        bridge_addresses=(config.host,),
        complexity=config.complexity,
        recordings=(str(PACKS),),
    )
    return MediaEngine(engine, pipe.send)


def _snapshot(subject: Subject, calls: Iterable[str], core: int | None) -> Snapshot:
    reports = [subject.report(call) for call in calls]
    load = subject.load
    return Snapshot(
        at=time.monotonic(),
        cpu=time.process_time(),
        memory=int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE,
        lateness=load.lateness,
        skipped=load.skipped,
        concealed=sum(
            report.from_phone.concealed + report.from_bridge.concealed for report in reports
        ),
        core=core_time(core),
    )


def _floor(order: MeasureFloor) -> UnitCosts:
    return unit_costs(
        order.speech,
        order.payloads,
        rate=order.rate,
        complexity=order.complexity,
        streams=order.streams,
        rounds=max(10, _FLOOR_FRAMES // order.streams),
    )


def _text(profile: cProfile.Profile) -> str:
    if not profile.getstats():
        return ""
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(_SHOWN)
    return text.getvalue()
