"""The events of a participant on their way to its call, however slowly that reads them.

Beyond `MAX_UNREAD` unread events, news of what others do is dropped, and of what is a state only
the last is kept: it is told once there is room.
"""

import asyncio

from gateway.conference.events import (
    ChatReceived,
    CompanyChanged,
    ConferenceDigit,
    DominantSpeaker,
    EncryptionChanged,
    Event,
    Knocked,
    OccupantJoined,
    OccupantLeft,
)

MAX_UNREAD = 1000

_NEWS = OccupantJoined | OccupantLeft | ChatReceived | DominantSpeaker | ConferenceDigit | Knocked
_STATES = CompanyChanged | EncryptionChanged


class EventQueue:
    """Events in order; None is put where no more will come."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._late: dict[type[Event], Event] = {}

    def put(self, event: Event | None) -> None:
        """Add an event, if it can be kept."""
        is_full = self._queue.qsize() >= MAX_UNREAD
        if is_full and isinstance(event, _STATES):
            self._late[type(event)] = event
        elif not (is_full and isinstance(event, _NEWS)):
            self._queue.put_nowait(event)

    async def get(self) -> Event | None:
        """The next event."""
        event = await self._queue.get()
        if self._queue.qsize() < MAX_UNREAD:
            for late in self._late.values():
                self._queue.put_nowait(late)
            self._late.clear()
        return event
