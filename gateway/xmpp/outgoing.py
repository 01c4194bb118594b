"""What one participant sends, in order and no faster than Jitsi's Prosody module likes.

`mod_rate_limit` counts presences (4 a second), IQs (10, answers included) and messages (3) of each
session, and lets hardly anything through for a minute when there are more. No IO and no clock: time
comes in as `now`.
"""

from collections import deque
from collections.abc import Iterable
from xml.etree.ElementTree import Element

from gateway.xmpp.element import local_name
from gateway.xmpp.rate_limit import RateLimit

PERIOD = 1.1  # seconds; on the way stanzas may draw closer to each other
MOST = {"iq": 10, "message": 3, "presence": 4}  # a farewell comes after what it waits for
MAX_COURTESIES = 50  # that wait

_Lane = deque[tuple[int, Element]]


class Outgoing:
    """Stanzas that wait for their turn.

    One never overtakes another of its kind, but an IQ overtakes presences that have to wait: the
    focus wants its answers within 15 s. A farewell overtakes nothing: who has left a room has
    nothing more to say there. Courtesies, such as answers to those who have no say, go
    when nothing else of their kind waits; of many that wait the newest are left out.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {kind: deque() for kind in MOST}
        self._courtesies: dict[str, _Lane] = {kind: deque() for kind in MOST}
        self._limits = {kind: RateLimit(most, PERIOD) for kind, most in MOST.items()}
        self._number = 0

    def put(self, stanza: Element) -> None:
        """One more."""
        self._put(self._lanes, stanza)

    def put_courtesy(self, stanza: Element) -> None:
        """One more, which may come late or never."""
        if len(self._courtesies[local_name(stanza)]) < MAX_COURTESIES:
            self._put(self._courtesies, stanza)

    def due(self, now: float) -> list[Element]:
        """Those to be sent now."""
        due: list[tuple[int, Element]] = []
        for kind, limit in self._limits.items():
            for lane in self._waiting(kind):
                while lane and limit.wait(now) == 0 and not self._is_held(lane[0]):
                    limit.take(now)
                    due.append(lane.popleft())
        return _in_order(due)

    def wait(self, now: float) -> float | None:
        """Seconds until the next is due, None if there is none."""
        waits = [
            limit.wait(now)
            for kind, limit in self._limits.items()
            for lane in self._waiting(kind)
            if lane and not self._is_held(lane[0])
        ]
        return min(waits, default=None)

    def rest(self) -> list[Element]:
        """All that still wait, at the end: then there is nothing left that could be slowed down."""
        lanes = self._waiting(*MOST)
        rest = _in_order(each for lane in lanes for each in lane)
        for lane in lanes:
            lane.clear()
        return rest

    def _waiting(self, *kinds: str) -> list[_Lane]:
        """What waits of these kinds; courtesies go last."""
        return [lanes[kind] for kind in kinds for lanes in (self._lanes, self._courtesies)]

    def _is_held(self, first: tuple[int, Element]) -> bool:
        """Whether this is a farewell, and something that was put before it still waits."""
        number, stanza = first
        is_farewell = local_name(stanza) == "presence" and stanza.get("type") == "unavailable"
        return is_farewell and any(lane and lane[0][0] < number for lane in self._waiting(*MOST))

    def _put(self, lanes: dict[str, _Lane], stanza: Element) -> None:
        self._number += 1
        lanes[local_name(stanza)].append((self._number, stanza))


def _in_order(numbered: Iterable[tuple[int, Element]]) -> list[Element]:
    return [stanza for _, stanza in sorted(numbered, key=lambda each: each[0])]
