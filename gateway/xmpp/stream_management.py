"""Stream management (XEP-0198): both ends count stanzas, and keep those that may have been lost.

No IO and no clock. The counts are the same for a client and a server, so either end can be one of
these. Numbers are modulo 2^32 (section 4).
"""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element, integer

MAX_UNACKED = 1000  # stanzas; who leaves more than that unacknowledged will not resume either
DEFAULT_HIBERNATION = 60.0  # seconds, if the server does not say: Jitsi's setting

_MODULUS = 1 << 32
_LONGEST_HIBERNATION = 24 * 3600


@dataclass(frozen=True, slots=True)
class Enabled:
    """What the server answered to `<enable/>`: `id` is empty if the stream cannot be resumed.

    `hibernation` is for how many seconds the server keeps a stream whose transport is lost.
    """

    id: str
    hibernation: float

    @classmethod
    def parse(cls, enabled: Element) -> "Enabled":
        """Read `<enabled/>` (section 3); a time that makes no sense is none."""
        resumable = enabled.get("resume") in ("true", "1")
        hibernation = DEFAULT_HIBERNATION
        with suppress(JingleError):
            hibernation = float(integer(enabled, "max", 0, _LONGEST_HIBERNATION))
        return cls(enabled.get("id", "") if resumable else "", hibernation)


def enable(*, resume: bool) -> Element:
    """The request to begin, once a resource is bound (section 3)."""
    return element(ns.SM, "enable", {"resume": "true" if resume else None})


class StreamManagement:
    """One end of a stream. `count_received` and `sent` are told of stanzas, not of `<r/>` and such.

    `unacked` is what the other end may not have got yet, at most `MAX_UNACKED` stanzas; if there
    were more, `is_resumable` is false from then on and nothing is kept.
    """

    def __init__(self) -> None:
        self.unacked: deque[Element] = deque()
        self.is_resumable = True
        self._received = 0
        self._sent = 0
        self._acked = 0
        self._asked = False

    @property
    def received(self) -> int:
        """How many stanzas have come: our `h`."""
        return self._received

    def count_received(self) -> None:
        """A stanza has come, and has been or will be dealt with."""
        self._received = (self._received + 1) % _MODULUS

    def sent(self, stanza: Element) -> Element | None:
        """A stanza goes out, or would if there were a transport; the `<r/>` to send behind it.

        There is none while another is unanswered.
        """
        self._sent = (self._sent + 1) % _MODULUS
        if self.is_resumable:
            self.unacked.append(stanza)
        if len(self.unacked) > MAX_UNACKED:
            self.is_resumable = False
            self.unacked.clear()
        return None if self._asked else self._request()

    def acknowledgement(self) -> Element:
        """The answer to `<r/>`."""
        return element(ns.SM, "a", {"h": str(self._received)})

    def acknowledged(self, part: Element) -> None:
        """The other end has got stanzas: `part` is its `<a/>`, or anything else that has an `h`.

        JingleError for a count of what was never sent, or had been acknowledged before.
        """
        h = integer(part, "h", 0, _MODULUS - 1)
        newly = (h - self._acked) % _MODULUS
        if newly > (self._sent - self._acked) % _MODULUS:
            raise JingleError(f"{h} stanzas acknowledged after {self._acked} of {self._sent}")
        self._acked = h
        self._asked = False
        for _ in range(min(newly, len(self.unacked))):
            self.unacked.popleft()

    def resume(self, id_: str) -> Element:
        """What a client asks on another transport (section 5)."""
        return element(ns.SM, "resume", {"previd": id_, "h": str(self._received)})

    def resumed(self, part: Element) -> list[Element]:
        """The other end takes the stream up again, with its `h`; what to send again, in order.

        JingleError as in `acknowledged`, and if what is to be sent again has not been kept.
        """
        self.acknowledged(part)
        if not self.is_resumable:
            raise JingleError(f"resumed with over {MAX_UNACKED} stanzas unacknowledged")
        again = list(self.unacked)
        return [*again, self._request()] if again else []

    def _request(self) -> Element:
        self._asked = True
        return element(ns.SM, "r")
