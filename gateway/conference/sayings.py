"""What we say in a room by messages: chat, and that we are the dominant speaker.

Servers may throttle who sends more than three messages a second: what is too much is not sent.
"""

import asyncio
from collections import deque

import structlog

from gateway.conference.login import Login
from gateway.conference.room import Room
from gateway.xmpp.chat import chat
from gateway.xmpp.speaker_stats import dominant_speaker

log = structlog.get_logger(__name__)

MAX_MESSAGES = 3  # in one second


class Pace:
    """At most `limit` in `period` seconds, wherever the period begins. Pure."""

    def __init__(self, limit: int, period: float) -> None:
        self._times: deque[float] = deque(maxlen=limit)
        self._period = period

    def allows(self, now: float) -> bool:
        """Whether one more may go now; if so it counts as gone."""
        full = len(self._times) == self._times.maxlen
        if full and now - self._times[0] < self._period:
            return False
        self._times.append(now)
        return True


class Sayings:
    """Our messages to `room` and its occupants, over the connection of `login`."""

    def __init__(self, login: Login, room: Room) -> None:
        self._login = login
        self._room = room
        self._pace = Pace(MAX_MESSAGES, 1.0)

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
        allowed = self._pace.allows(asyncio.get_running_loop().time())
        if not allowed:
            log.warning("message not sent: too many")
        return allowed
