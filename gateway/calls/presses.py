"""One press is one digit, whichever ways it comes. Pure.

Some phones send a press as telephone-event and in an INFO as well, some participants of the
conference as telephone-event and by Jingle. Two presses of the same key that
come by different ways within a moment are one.
"""

from collections import deque
from enum import Enum, auto

MOMENT = 1.5  # seconds between the same press by two ways: an INFO may be repeated by SIP

_MOST = 64


class Way(Enum):
    """How a digit comes."""

    RTP = auto()  # RFC 4733
    INFO = auto()
    JINGLE = auto()  # XEP-0181: from the conference


class Presses:
    """The digits of one who presses: by RTP, or by the `other` way."""

    def __init__(self, other: Way = Way.INFO) -> None:
        self._unmatched: dict[Way, deque[tuple[str, float]]] = {Way.RTP: deque(), other: deque()}

    def is_new(self, digit: str, way: Way, now: float) -> bool:
        """Whether this is a press that has not come by the other way already."""
        (other,) = (each for each in self._unmatched if each is not way)
        waiting = self._unmatched[other]
        while waiting and now - waiting[0][1] > MOMENT:
            waiting.popleft()
        for pressed in waiting:
            if pressed[0] == digit:
                waiting.remove(pressed)
                return False
        mine = self._unmatched[way]
        mine.append((digit, now))
        if len(mine) > _MOST:
            mine.popleft()
        return True
