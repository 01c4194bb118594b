"""PINs that an operator has written down are read anew when somebody says so. [io]"""

import asyncio
from collections.abc import Callable

import structlog

from gateway.errors import ConfigError
from gateway.ivr.fixed_pins import FixedPin
from gateway.reloading import Reloading

log = structlog.get_logger(__name__)

Pins = tuple[FixedPin, ...]


def watch_pins(read: Callable[[], Pins], use: Callable[[Pins], None]) -> Reloading:
    """Has PINs `read` when told to and `use`d from then on; `read` may raise ConfigError, the
    former then stay."""

    async def take_up() -> None:
        try:
            pins = await asyncio.to_thread(read)  # thousands would stall all calls
        except ConfigError as error:
            log.error("PINs cannot be used, the former stay", problems=error.problems)
        else:
            use(pins)
            log.info("PINs taken up", pins=len(pins))

    return Reloading(take_up, name="PINs")
