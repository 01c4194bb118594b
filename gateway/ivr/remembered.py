"""Things that are known for a while: a table with a size, whose entries grow old. No clock."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """At most `most` entries; the one that was put in first makes room for a new one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[Key, tuple[Value, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: Key, value: Value, until: float) -> None:
        """Know it until then, instead of what was known before."""
        self._entries.pop(key, None)
        self._entries[key] = (value, until)
        if len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def get(self, key: Key, now: float) -> Value | None:
        """What is known, if it is not too old."""
        value, until = self._entries.get(key, (None, now))
        if until > now:
            return value
        self._entries.pop(key, None)
        return None

    def pop(self, key: Key) -> None:
        """Know it no longer."""
        self._entries.pop(key, None)
