"""XEP-0198 on the server's side: both counts, and requests for the client's. Nothing is resumed."""

from xml.etree.ElementTree import Element

from gateway.lab.xmpp_stream import StreamError
from gateway.xmpp.element import element, local_name

SM = "urn:xmpp:sm:3"
_MODULUS = 1 << 32


class StreamManagement:
    """Counts stanzas from `<enabled/>` on. `ack_timeout` is the patience for an `<a/>`, seconds."""

    def __init__(self, ack_timeout: float) -> None:
        self.enabled = False
        self._ack_timeout = ack_timeout
        self._received = 0
        self._sent = 0
        self._acknowledged = 0
        self._requested_at: float | None = None

    def enable(self) -> Element:
        """Begin to count; what to answer."""
        self.enabled = True
        return element(SM, "enabled")

    def receive(self, part: Element) -> Element | None:
        """Take `<r/>` or `<a/>`; what to answer. StreamError for a count that cannot be."""
        match local_name(part):
            case "r":
                return element(SM, "a", {"h": str(self._received)})
            case "a":
                self._take_count(part.get("h", ""))
        return None

    def count_received(self) -> None:
        """A stanza has come."""
        self._received = (self._received + 1) % _MODULUS

    def count_sent(self, now: float) -> Element | None:
        """A stanza goes out; the `<r/>` to send behind it, if none is on its way."""
        if not self.enabled:
            return None
        self._sent += 1
        if self._requested_at is not None:
            return None
        self._requested_at = now
        return element(SM, "r")

    def is_overdue(self, now: float) -> bool:
        """Whether the client has failed to acknowledge."""
        return self._requested_at is not None and now - self._requested_at > self._ack_timeout

    def _take_count(self, text: str) -> None:
        if not text.isdigit() or not self._acknowledged <= int(text) <= self._sent:
            raise StreamError("undefined-condition", f"<a h={text!r}/> after {self._sent} stanzas")
        self._acknowledged = int(text)
        self._requested_at = None
