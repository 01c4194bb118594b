"""What we say in a room by messages: chat, and that we are the dominant speaker.

What is more than the connection would send at once is not sent: late words answer nothing.
"""

import asyncio

import structlog

from gateway.conference.login import Login
from gateway.conference.room import Room
from gateway.sparse_lines import SparseLines
from gateway.xmpp.chat import chat
from gateway.xmpp.outgoing import MOST, PERIOD
from gateway.xmpp.rate_limit import RateLimit
from gateway.xmpp.speaker_stats import dominant_speaker

log = structlog.get_logger(__name__)

_TELL_EVERY = 60.0  # seconds: a phone may write as fast as it likes


class Sayings:
    """Our messages to `room` and its occupants, over the connection of `login`."""

    def __init__(self, login: Login, room: Room) -> None:
        self._login = login
        self._room = room
        self._rate = RateLimit(MOST["message"], PERIOD)
        self._unsaid = SparseLines(_TELL_EVERY)

    def chat(self, text: str, to: str | None) -> bool:
        """Write to everybody, or to one endpoint; False if nothing was sent."""
        is_nobody = to is not None and not self._room.company.has(to)
        if is_nobody or not text.strip() or not self._may_speak():
            return False
        room = self._room.jid
        self._login.connection.send(chat(room if to is None else f"{room}/{to}", text))
        return True

    def dominates(self, *, is_silent: bool) -> bool:
        """Tell the statistics that we are the dominant speaker; False if nothing was sent."""
        component = self._login.components.addresses.get("speakerstats")
        if component is None or not self._may_speak():
            return False
        message = dominant_speaker(component, self._room.jid, is_silent=is_silent)
        self._login.connection.send(message)
        return True

    def _may_speak(self) -> bool:
        if not self._room.entered:
            return False
        now = asyncio.get_running_loop().time()
        if self._rate.wait(now) > 0:
            untold = self._unsaid.count(now)
            if untold is not None:
                log.warning("message not sent: too many", times=untold)
            return False
        self._rate.take(now)
        return True
