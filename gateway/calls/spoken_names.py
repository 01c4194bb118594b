"""What callers have said for their names: in memory, until others know that they have left."""

import asyncio
from typing import Protocol

from gateway.ivr.phrasebook import Speech

LINGERS = 10.0
"""Seconds after the end of a call: the conference tells of it a moment later."""


class Guest(Protocol):
    """Somebody in a room (`gateway.conference.participant.Participant`)."""

    @property
    def seen_as(self) -> tuple[str, str]:
        """Its room and its endpoint id there, as soon as others may see it."""
        ...


class SpokenNames:
    """The names of the callers of this gateway, by call. `close` it."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[Guest, Speech]] = {}
        self._ending: dict[str, asyncio.TimerHandle] = {}

    def keep(self, call: str, guest: Guest, name: Speech) -> None:
        """A call, who it is in its room, and what it has said."""
        if name:
            self._names[call] = guest, name

    def ended(self, call: str) -> None:
        """The call is over: its name is forgotten soon."""
        if call in self._names:
            loop = asyncio.get_running_loop()
            self._ending[call] = loop.call_later(LINGERS, self._forget, call)

    def close(self) -> None:
        """Forget them all."""
        for call, timer in list(self._ending.items()):
            timer.cancel()
            self._forget(call)

    def _forget(self, call: str) -> None:
        del self._names[call], self._ending[call]

    def of(self, room: str, endpoint: str) -> Speech:
        """What somebody in a room has said; empty for nothing, and if it is no caller of ours."""
        found = (name for guest, name in self._names.values() if guest.seen_as == (room, endpoint))
        return next(found, ())
