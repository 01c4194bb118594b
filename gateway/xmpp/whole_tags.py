"""Octets for an XML parser, held back until the tag they belong to is complete.

Expat (since 2.6, and older ones with its security fixes, as in Debian 12) does not look again at a
token that was cut until much more has come. A stanza whose end was in the next segment would wait
for the stanza after it: for a call, that is the offer it lives on. Python can switch that off from
3.11.9 on only.
"""

_MOST = 1 << 20  # octets held at most: the parser may have them then, and say what it thinks


class WholeTags:
    """Passes on what ends with a tag."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What can be parsed now, with `data`."""
        data = self._held + data
        is_cut = b"<" in data and len(data) <= _MOST
        end = data.rfind(b">") + 1 if is_cut else len(data)
        self._held = data[end:]
        return data[:end]

    def reset(self) -> None:
        """Begin anew, with another stream."""
        self._held = b""
