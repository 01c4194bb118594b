"""One press is one digit, whichever ways it comes. Pure.

Some phones send a press as telephone-event and in an INFO as well, or let its tone be heard; some
participants of the conference as telephone-event and by Jingle. Presses of the same key that come
by different ways within a moment are one; by the same way they are several.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from gateway.sparse_lines import SparseLines

MOMENT = 1.5  # seconds between the same press by two ways: an INFO may be repeated by SIP

_MOST = 64


class Way(Enum):
    """How a digit comes."""

    RTP = auto()  # RFC 4733
    TONE = auto()  # ITU-T Q.23
    INFO = auto()
    JINGLE = auto()  # XEP-0181: from the conference


@dataclass(slots=True)
class _Press:
    digit: str
    at: float
    ways: set[Way]


class Presses:
    """The digits of one who presses; `lines` are those about them in the log."""

    def __init__(self) -> None:
        self._lately: deque[_Press] = deque(maxlen=_MOST)
        self.lines = SparseLines.one_a_second()

    def is_new(self, digit: str, way: Way, now: float) -> bool:
        """Whether this is a press that has not come by another way already."""
        while self._lately and now - self._lately[0].at > MOMENT:
            self._lately.popleft()
        for press in self._lately:
            if press.digit == digit and way not in press.ways:
                press.ways.add(way)
                return False
        self._lately.append(_Press(digit, now, {way}))
        return True
