"""A configuration that has been edited is read when somebody says so: what holds from then on, what
from the next start on, and what would keep the gateway from starting. [io]"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from gateway.config.configuration import Config, load_usable
from gateway.errors import ConfigError
from gateway.reloading import Reloading

log = structlog.get_logger(__name__)


def watch_configuration(
    file: Path | None, running: Config, set_log_level: Callable[[str], None]
) -> Reloading:
    """Reads it when told to. The level of the log is taken up; all else stays as in `running`."""
    log_level = running.log.level

    async def take_up() -> None:
        nonlocal log_level
        try:
            written = await asyncio.to_thread(load_usable, file)
        except ConfigError as error:
            log.error(
                "the configuration cannot be used, the former stays",
                problems=error.problems,
                remedy="mend it before the gateway is started again, which would fail",
            )
            return
        if written.log.level != log_level:
            log_level = written.log.level
            set_log_level(log_level)
            log.warning("level of the log", is_now=log_level)
        if sections := _changed(running, written):
            log.warning(
                "what is new in the configuration holds from the next start on",
                sections=sections,
                remedy="start the gateway anew; on SIGTERM it lets the calls there are go on",
            )
        else:
            log.info("nothing else is new in the configuration")

    return Reloading(take_up, name="configuration")


def _changed(running: Config, written: Config) -> list[str]:
    """The sections that a start would be needed for."""
    same = {"log": running.log.model_copy(update={"level": written.log.level})}
    here = running.model_copy(update=same)
    return [name for name in Config.model_fields if getattr(here, name) != getattr(written, name)]
