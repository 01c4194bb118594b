"""Call-IDs that mean something here, and what is seen of a message before it is read.

Whoever floods us sends messages of no call of ours. To find that out costs a hundredth of reading
them.
"""

import re
from collections import Counter

_CALL_ID = re.compile(
    rb"^(?:call-id|i)[ \t]*:(?:[ \t]|\r?\n[ \t])*([^\n]*)", re.IGNORECASE | re.MULTILINE
)


class CallIds:
    """The Call-IDs of transactions and dialogs that are there; each may be that of several."""

    def __init__(self) -> None:
        self._uses: Counter[str] = Counter()

    def __contains__(self, call_id: str) -> bool:
        return call_id in self._uses

    def add(self, call_id: str) -> None:
        self._uses[call_id] += 1

    def remove(self, call_id: str) -> None:
        """Take back one `add`."""
        self._uses[call_id] -= 1
        if not self._uses[call_id]:
            del self._uses[call_id]


def find_method(data: bytes) -> str:
    """What a message begins with: the method of a request, the version in a response."""
    return data.lstrip(b"\r\n").partition(b" ")[0].decode("utf-8", "surrogateescape")


def find_call_id(data: bytes) -> str:
    """The Call-ID of a message as `parse_message` would find it; empty if there is none.

    A header that is folded amid its value, which is one word (RFC 3261 25.1), is not understood.
    """
    found = _CALL_ID.search(data)
    if found is None:
        return ""
    return found[1].decode("utf-8", "surrogateescape").replace("\r", " ").strip()
