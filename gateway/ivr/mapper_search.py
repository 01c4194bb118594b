"""Asking conference mappers one after the other until one knows. No IO and no clock.

A mapper that does not answer, or answers nonsense, is asked again, as often as it is configured;
then the next one is asked. That nobody knows is only certain when everybody has answered.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

from gateway.errors import RemoteProtocolError
from gateway.ivr.conference_mapping import ConferenceMapping

PAUSE = 0.3  # seconds before a mapper is asked again


@dataclass(frozen=True, slots=True)
class Mapper:
    """A conference mapper of somebody's: how long it may take (seconds), and how often more it is
    asked if that was of no use. `token` is sent as a bearer token. One that `gives_pins` is asked
    for the PINs of rooms as well, not only for the rooms of PINs."""

    url: str
    timeout: float = 3.0
    retries: int = 1
    token: str | None = field(default=None, repr=False)
    gives_pins: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask this mapper, `pause` seconds from now."""

    mapper: Mapper
    pause: float = 0.0


class MapperSearch:
    """One question to all mappers: `next` says whom to ask; tell what came by `answered` or
    `failed`, until there is a `found` or nobody is left."""

    def __init__(self, mappers: Iterable[Mapper]) -> None:
        self.found: ConferenceMapping | None = None
        self.failures: list[str] = []
        """Why each attempt that was of no use was so, for the log: without PINs and rooms."""
        self.is_certain = True
        """Whether every mapper that was asked has answered in the end."""
        self._asks = _asks(mappers)
        self._asked: Ask | None = None
        self._has_answered = True

    def next(self) -> Ask | None:
        """Whom to ask now; None if there is nothing more to ask."""
        if self.found is not None:
            return None
        for ask in self._asks:
            is_again = self._asked is not None and ask.mapper is self._asked.mapper
            if is_again and self._has_answered:
                continue
            if not is_again:
                self.is_certain &= self._has_answered
            self._asked, self._has_answered = ask, False
            return ask
        self.is_certain &= self._has_answered
        return None

    def failed(self, reason: str) -> None:
        """It could not be reached, or did not answer in time."""
        assert self._asked is not None
        self.failures.append(f"{self._asked.mapper.url}: {reason}")

    def answered(self, status: int, body: bytes) -> None:
        """It answered, whatever that is worth. 404 says as well that there is no such room."""
        if status == HTTPStatus.NOT_FOUND:
            self._has_answered = True
        elif status != HTTPStatus.OK:
            self.failed(f"answered {status}")
        else:
            try:
                mapping = ConferenceMapping.parse(body)
            except RemoteProtocolError as error:
                self.failed(str(error))
            else:
                self._has_answered = True
                self.found = mapping if mapping.room is not None else None


def _asks(mappers: Iterable[Mapper]) -> Iterator[Ask]:
    for mapper in mappers:
        yield Ask(mapper)
        for _ in range(mapper.retries):
            yield Ask(mapper, PAUSE)
