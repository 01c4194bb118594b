"""`sip-gateway run`: one gateway in this process, until it is told to end. [io]"""

import asyncio
import gc
import os
import signal
from pathlib import Path

import structlog
import uvloop

from gateway import logs, system_limits
from gateway.app import Gateway
from gateway.config.configuration import Config
from gateway.config.jigasi_environment import not_understood
from gateway.config.summary import DIALLING
from gateway.config_watch import watch_configuration
from gateway.control.snapshot import Phase
from gateway.errors import ConfigError
from gateway.ivr.pin_database import PinsUnavailable

log = structlog.get_logger(__name__)


def serve(config: Config, file: Path | None) -> None:
    """Return when it has ended; `file` is where its configuration is from.

    CannotListen, MediaError, ConfigError: it cannot start; OSError: the system does not let it.
    """
    system_limits.check_threads()
    files = system_limits.allow_many_files()
    logs.configure(config.log.level, config.log.format)
    _warn(config, files)
    try:
        uvloop.run(live(config, file))
    except PinsUnavailable as error:
        raise ConfigError([f"dial_in.database: {error}"]) from error


def _warn(config: Config, files: int) -> None:
    """Of what does not keep it from starting, and will be missed."""
    for variable in not_understood(os.environ):
        log.warning("a variable of Jigasi's means nothing here", variable=variable)
    wanted = system_limits.files_wanted(config.sip.max_calls)
    if files < wanted:
        remedy = f"allow {wanted} (LimitNOFILE of systemd, ulimit -n), or lower max_calls in [sip]"
        log.warning("too few files may be open for max_calls", limit=files, remedy=remedy)
    if (calls := len(config.engine.port_pairs)) < config.sip.max_calls:
        remedy = "let last_port in [media] be larger, by two a call, or lower max_calls in [sip]"
        log.warning("too few RTP ports for max_calls", enough_for=calls, remedy=remedy)
    if config.dials_nobody:
        log.warning("nobody can be called from meetings", remedy=DIALLING)


async def live(config: Config, file: Path | None) -> None:
    """Obey signals meanwhile. While it starts any of those that end it does so at once."""
    loop = asyncio.get_running_loop()
    gateway = Gateway(config)
    life = asyncio.create_task(_life(gateway), name="gateway")
    is_terminated = is_stopped = False

    def stop() -> None:
        nonlocal is_stopped
        if not is_stopped and gateway.phase is not Phase.CLOSING:
            is_stopped = life.cancel()

    def terminate() -> None:
        nonlocal is_terminated
        if is_terminated or gateway.phase is Phase.STARTING:
            stop()
        is_terminated = True
        gateway.drain()

    def reload() -> None:
        gateway.reload()
        watch.reload()

    loop.add_signal_handler(signal.SIGTERM, terminate)
    loop.add_signal_handler(signal.SIGINT, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    watch = watch_configuration(file, config, gateway.set_log_level)
    try:
        await life
    except asyncio.CancelledError:
        if not is_stopped:
            raise
        if gateway.phase is Phase.STARTING:
            log.info("ended before it was up")
    finally:
        await watch.close()


async def _life(gateway: Gateway) -> None:
    async with gateway:
        # What is there now stays: looking through it again would stall the media for 70 ms.
        gc.collect()
        gc.freeze()
        await gateway.drained()
