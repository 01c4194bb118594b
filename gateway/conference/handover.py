"""A moderator's place that came to us by accident, handed on to a person in the room.

Jicofo makes the first who comes an owner, a phone as well, and nobody else while that one stays.
Who comes by the web then has no moderator for as long as the phone does not hang up: so an owner
whose caller has no use for it makes the first of them another one (XEP-0045 section 10.3).

By accident it is only to a guest like everybody, and only while nobody in the room is a moderator:
else our login has made us one, or somebody has, and who else may be is not ours to say.
"""

import asyncio

import structlog

from gateway.conference.entering import Entry
from gateway.xmpp import room_orders
from gateway.xmpp.stanza import NoReply, StanzaError

log = structlog.get_logger(__name__)


class Handover:
    """Of the place in the room of `entry`; `look` at whatever is seen there, and `attend`."""

    def __init__(self, entry: Entry) -> None:
        login = entry.login
        self._connection = login.connection
        self._room = entry.room
        self._is_guest = login.installation.server.account is None and login.token() is None
        self._was_moderator = False
        self._is_accident = False
        self._asked_for: set[str] = set()
        self._due = asyncio.Event()
        self.look()

    def look(self) -> None:
        """Somebody may have come or gone, or have another role."""
        is_moderator = self._room.role == "moderator"
        if is_moderator and not self._was_moderator:
            self._is_accident = self._is_guest and not self._room.company.is_presided
        self._was_moderator = is_moderator
        if self._heir() is not None:
            self._due.set()

    async def attend(self) -> None:
        """Hand it on whenever that is due, without end."""
        while True:
            await self._due.wait()
            self._due.clear()
            heir = self._heir()
            if heir is None:
                continue
            self._asked_for.add(heir)  # once: who does not want to be one stays none
            try:
                await self._connection.request(self._room.jid, room_orders.make_owner(heir))
            except (StanzaError, NoReply) as error:
                log.warning("not made a moderator", jid=heir, error=str(error))
            else:
                log.info("made a moderator", jid=heir)

    def _heir(self) -> str | None:
        """Who is to have it, by its bare JID."""
        company = self._room.company
        if not (self._was_moderator and self._is_accident) or company.is_presided:
            return None
        return next((jid for jid in company.people if jid not in self._asked_for), None)
