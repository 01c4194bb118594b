"""What waits to be said to one caller: nothing important is lost, chatter is dropped. Pure.

One line is said at a time. Lines about the same topic take each other's place while they wait: what
is said about the microphone is how it is, not how it was.
"""

from dataclasses import dataclass
from enum import IntEnum

from gateway.ivr.phrasebook import Speech

_MOST_CHATTER = 3  # lines that wait
CHATTER_KEEPS = 6.0
"""Seconds after which chatter is no news any more."""


class Weight(IntEnum):
    """How much a line weighs; the heavier are said first."""

    CHATTER = 0  # who comes and goes: dropped by a key, with age, and if too much waits
    GUIDE = 1  # menus, and answers to keys: in their order, until a key says that it is enough
    NEWS = 2  # what the caller has to know: said to its end, whatever is pressed


@dataclass(frozen=True, slots=True)
class Line:
    """Something to be said. `topic` is what it is about; chatter may have none of its own."""

    speech: Speech
    topic: str
    weight: Weight = Weight.NEWS


@dataclass(frozen=True, slots=True)
class _Waiting:
    line: Line
    since: float


class SpeechQueue:
    """The lines for one caller. Their number is limited by that of topics."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}
        self._saying: Line | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said and nothing waits."""
        return self._saying is None and not self._waiting

    def put(self, line: Line, now: float) -> None:
        """Let a line be said when its time has come."""
        self._waiting.pop(line.topic, None)
        self._waiting[line.topic] = _Waiting(line, now)
        chatter = self._topics_of(Weight.CHATTER)
        for topic in chatter[:-_MOST_CHATTER]:
            del self._waiting[topic]

    def take(self, now: float) -> Line | None:
        """The line to be said now; None if something is being said, or nothing waits."""
        if self._saying is not None:
            return None
        for topic in self._topics_of(Weight.CHATTER):
            if now - self._waiting[topic].since > CHATTER_KEEPS:
                del self._waiting[topic]
        if not self._waiting:
            return None
        topic = max(self._waiting, key=lambda topic: self._waiting[topic].line.weight)  # the first
        self._saying = self._waiting.pop(topic).line
        return self._saying

    def played(self, now: float, *, complete: bool) -> None:
        """What was taken has been said, or has been broken off: news then wait again, first."""
        line, self._saying = self._saying, None
        if line is None or complete or line.weight is not Weight.NEWS:
            return
        if line.topic not in self._waiting:  # or there is newer news
            self._waiting = {line.topic: _Waiting(line, now), **self._waiting}

    def press(self) -> bool:
        """The caller presses a key: it has heard enough. Whether what is being said is to end."""
        for weight in (Weight.CHATTER, Weight.GUIDE):
            for topic in self._topics_of(weight):
                del self._waiting[topic]
        return self._saying is not None and self._saying.weight is not Weight.NEWS

    def drop(self, topic: str) -> bool:
        """What is about this is true no longer. Whether it is just being said, and is to end."""
        self._waiting.pop(topic, None)
        return self._saying is not None and self._saying.topic == topic

    def _topics_of(self, weight: Weight) -> list[str]:
        return [topic for topic, each in self._waiting.items() if each.line.weight is weight]
