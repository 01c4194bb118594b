"""What the gateway needs of a media engine, wherever it runs."""

from typing import Protocol

from gateway.media.load import EngineLoad
from gateway.media.messages import Command


class Engine(Protocol):
    """Carries out commands between `start` and `close`; its events come another way."""

    async def start(self) -> None:
        """Be ready for calls. MediaError if that is not possible."""

    async def close(self) -> None:
        """Close every call and stop."""

    def execute(self, command: Command) -> None:
        """Carry out a command; never waits."""

    def set_log_level(self, level: str) -> None:
        """Have processes of its own log what is of this level or above."""

    @property
    def calls(self) -> int:
        """How many calls have something here."""

    @property
    def loads(self) -> tuple[EngineLoad, ...]:
        """How each of its processes is."""
