"""When who goes on waiting is told so again: at growing intervals, until that is over. Pure."""

from dataclasses import dataclass

from gateway.conference import events as conference

INTERVALS = (30.0, 60.0, 120.0, 240.0)
"""Seconds between one time and the next; after the last of them it stays at that."""


@dataclass(frozen=True, slots=True)
class Repair:
    """There is company, and no audio: it `was_heard` and is gone, or has not come yet."""

    was_heard: bool


Wait = conference.Waiting | conference.Alone | Repair


class Reminder:
    """What one caller waits for, and when it is due to be told again."""

    def __init__(self) -> None:
        self._wait: Wait | None = None
        self._told = 0
        self.due: float | None = None

    def follow(self, wait: Wait | None, now: float) -> bool:
        """That is what the caller waits for now; whether that is another wait, or none any more."""
        if wait == self._wait:
            return False
        self._wait, self._told = wait, 0
        self.due = None if wait is None else now + INTERVALS[0]
        return True

    def take(self, now: float) -> Wait | None:
        """What is to be told again now, if anything is."""
        if self._wait is None or self.due is None or now < self.due:
            return None
        self._told += 1
        self.due = now + INTERVALS[min(self._told, len(INTERVALS) - 1)]
        return self._wait
