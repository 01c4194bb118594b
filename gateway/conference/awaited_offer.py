"""The session that the focus owes us: how long its offer may take, and what follows if it does not
come."""

import asyncio
from collections.abc import Callable, Coroutine

from gateway.conference.departure import Departed
from gateway.conference.recovery import MediaRecovery, offer_due
from gateway.conference.room import Room
from gateway.xmpp.connection import Connection
from gateway.xmpp.jingle import Reason

FIRST_OFFER_PATIENCE = 30.0  # seconds an offer may take while others are in the room
OFFER_PATIENCE = 10.0  # seconds a new offer may take after the focus' own fault
RESTART_PATIENCE = 20.0  # seconds it may take after we asked for one, answer included

Spawn = Callable[[Coroutine[None, None, None]], asyncio.Task[None]]


class AwaitedOffer:
    """An offer that is due in `room`. In place of one that does not come in time we come anew:
    what `spawn` has run raises `Departed` then."""

    def __init__(
        self, room: Room, connection: Connection, recovery: MediaRecovery, spawn: Spawn
    ) -> None:
        self._room = room
        self._connection = connection
        self._recovery = recovery
        self._spawn = spawn
        self._waiting: asyncio.Task[None] | None = None

    @property
    def is_due(self) -> bool:
        """Whether one is waited for."""
        return self._waiting is not None

    def within(self, seconds: float) -> None:
        """It is due from now on, and may take so long."""
        self.no_more()
        self._waiting = self._spawn(self._come_anew_after(seconds))

    def after_end(self, reason: Reason | None) -> None:
        """The focus has ended the session that there was; whether another is due depends on why."""
        if offer_due(reason):
            self.within(OFFER_PATIENCE)
        elif self._room.alone:
            self.no_more()
        else:
            self.within(FIRST_OFFER_PATIENCE)

    def no_more(self) -> None:
        """It has come, or none is due."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    async def _come_anew_after(self, seconds: float) -> None:
        await self._pass(seconds)
        if not self._room.bridge_available:
            more = self._recovery.bridge_patience()
            await self._pass(more)
            seconds += more
        raise Departed.without_media(f"no session within {seconds:g} s", rejoin=True)

    async def _pass(self, seconds: float) -> None:
        """Let that time pass, and again if nothing could come at its end."""
        await asyncio.sleep(seconds)
        while not self._connection.is_up:
            # Who comes anew now leaves behind somebody who has already been let in; and what was
            # sent meanwhile, to have a session, goes out when the stream resumes.
            await self._connection.until_up()
            await asyncio.sleep(seconds)
