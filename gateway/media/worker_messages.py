"""What goes over the socket between the gateway and a media worker, each way.

Down: `Begin`, then commands, and how to log. Up: events, and once a second how the engine is; the
first of these says that the worker is up.
"""

from dataclasses import dataclass

from gateway.media.engine_config import EngineConfig
from gateway.media.load import EngineLoad
from gateway.media.messages import Command, Event
from gateway.media.wire import Wire

LOAD_EVERY = 1.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Begin:
    """What worker number `worker` has to know first; its log is to be as the gateway's."""

    config: EngineConfig
    worker: int = 0
    log_level: str = "info"
    log_format: str = "text"


@dataclass(frozen=True, slots=True)
class SetLogLevel:
    """Log from now on what is of this level or above."""

    level: str


Order = Begin | SetLogLevel | Command
Report = EngineLoad | Event

TO_WORKER: Wire[Order] = Wire(Order)
FROM_WORKER: Wire[Report] = Wire(Report)
