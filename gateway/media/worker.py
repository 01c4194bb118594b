"""A media worker: the program of a process that does nothing but carry calls.

`python -m gateway.media.worker FD`, where FD is its end of a socket pair. It obeys what comes there
and ends when that is closed; signals are for the gateway, which decides.
"""

import asyncio
import gc
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import structlog
import uvloop

from audiocodecs import opus
from gateway import logs
from gateway.media.engine import MediaEngine
from gateway.media.messages import Command, Failed
from gateway.media.priority import come_first
from gateway.media.wire import Incoming
from gateway.media.worker_messages import (
    FROM_WORKER,
    LOAD_EVERY,
    TO_WORKER,
    Begin,
    Order,
    Report,
    SetLogLevel,
)

log = structlog.get_logger(__name__)

_CHUNK = 65_536  # octets
_CLOSE_WITHIN = 3.0  # seconds for the calls that are left, when the gateway is gone
_WEIGHT = 0.5  # of the latest second in the share of a core


async def serve(end: socket.socket) -> None:
    """Obey until the socket is closed."""
    reader, writer = await asyncio.open_unix_connection(sock=end)
    orders = _orders(reader)
    begin = await anext(orders, None)
    if isinstance(begin, Begin):
        logs.configure(begin.log_level, begin.log_format)
        structlog.contextvars.bind_contextvars(worker=begin.worker)
        come_first()
        await _work(begin, orders, lambda report: writer.write(FROM_WORKER.serialize(report)))
    writer.close()


async def _orders(reader: asyncio.StreamReader) -> AsyncIterator[Order]:
    incoming = Incoming(TO_WORKER)
    while data := await reader.read(_CHUNK):
        for order in incoming.feed(data):
            yield order


async def _work(
    begin: Begin, orders: AsyncIterator[Order], report: Callable[[Report], None]
) -> None:
    engine = MediaEngine(begin.config, report)
    async with asyncio.TaskGroup() as beside:
        telling = beside.create_task(_tell_load(engine, report))
        async for order in orders:
            assert not isinstance(order, Begin), "it has begun"
            if isinstance(order, SetLogLevel):
                logs.set_level(order.level)
            else:
                _obey(engine, order, report)
        telling.cancel()
        async with asyncio.timeout(_CLOSE_WITHIN):
            await engine.close()


def _obey(engine: MediaEngine, order: Command, report: Callable[[Report], None]) -> None:
    # Whatever is begun for the call logs with its id, as it does in the gateway's own process.
    with structlog.contextvars.bound_contextvars(call=order.call):
        try:
            engine.execute(order)
        except Exception:  # a mistake of ours ends one call, not all
            log.exception("order failed", order=type(order).__name__)
            report(Failed(order.call, type(order).__name__, "internal error"))


async def _tell_load(engine: MediaEngine, report: Callable[[Report], None]) -> None:
    """Say how the engine is, at once and then every second, without end."""
    share, used, at = 0.0, time.process_time(), time.monotonic()
    while True:
        report(replace(engine.load, cpu_share=share))
        await asyncio.sleep(LOAD_EVERY)
        used_before, used, at_before, at = used, time.process_time(), at, time.monotonic()
        share += _WEIGHT * ((used - used_before) / (at - at_before) - share)


def main(fd: int) -> None:
    """Run in this process, with the socket of number `fd`."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    opus.version()  # finds libopus now rather than when somebody speaks
    # What is there now stays: looking through it again would stall the media.
    gc.collect()
    gc.freeze()
    uvloop.run(serve(socket.socket(fileno=fd)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
