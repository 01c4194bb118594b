"""What one participant sends, in order and no faster than Jitsi's Prosody module likes.

`mod_rate_limit` counts presences (4 a second), IQs (10, answers included) and messages (3) of each
session, and lets hardly anything through for a minute when there are more. No IO and no clock: time
comes in as `now`.
"""

from collections import deque
from xml.etree.ElementTree import Element

from gateway.xmpp.element import local_name
from gateway.xmpp.rate_limit import RateLimit

PERIOD = 1.1  # seconds; on the way stanzas may draw closer to each other
MOST = {"presence": 4, "iq": 10, "message": 3}


class Outgoing:
    """Stanzas that wait for their turn; one never overtakes another."""

    def __init__(self) -> None:
        self._waiting: deque[Element] = deque()
        self._limits = {name: RateLimit(most, PERIOD) for name, most in MOST.items()}

    def put(self, stanza: Element) -> None:
        """One more."""
        self._waiting.append(stanza)

    def due(self, now: float) -> list[Element]:
        """Those to be sent now."""
        due = []
        while self.wait(now) == 0:
            stanza = self._waiting.popleft()
            self._limits[local_name(stanza)].take(now)
            due.append(stanza)
        return due

    def wait(self, now: float) -> float | None:
        """Seconds until the next is due, None if there is none."""
        if not self._waiting:
            return None
        return self._limits[local_name(self._waiting[0])].wait(now)

    def rest(self) -> list[Element]:
        """All that still wait, at the end: then there is nothing left that could be slowed down."""
        rest = list(self._waiting)
        self._waiting.clear()
        return rest
