"""How the room sees us during one stay: our presence, sent again when it has changed.

Servers may throttle who sends more than four presences a second, so that changes that follow
closely are told at once.
"""

import asyncio
from dataclasses import replace

from gateway.conference.floor import Floor
from gateway.xmpp.connection import Connection
from gateway.xmpp.own_presence import OwnPresence

PRESENCE_INTERVAL = 0.34  # seconds between our presences: four a second, with the join, pass


class Appearance:
    """`presence` is what the room was told when we came, and from then on what it is to be told."""

    def __init__(self, presence: OwnPresence, connection: Connection) -> None:
        self.presence = presence
        self._connection = connection
        self._changed = asyncio.Event()
        self._told_hand()

    def is_known_as(self, display_name: str, status: str | None) -> None:
        """Show a name, and a word on the call, or none."""
        self._show(replace(self.presence, display_name=display_name, status=status))

    def has_floor(self, floor: Floor, *, is_silent: bool) -> None:
        """Show whether we are silent, and our hand."""
        self._show(replace(self.presence, muted=is_silent, hand_raised_at=floor.hand_raised_at))

    async def publish(self) -> None:
        """Send our presence when it has changed, once for changes that follow closely."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._connection.send(self.presence.update())
            self._told_hand()
            await asyncio.sleep(PRESENCE_INTERVAL)

    def _told_hand(self) -> None:
        is_up = self.presence.hand_raised_at is not None
        self.presence = replace(self.presence, hand_is_shown=is_up)

    def _show(self, presence: OwnPresence) -> None:
        if presence != self.presence:
            self.presence = presence
            self._changed.set()
