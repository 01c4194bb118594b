"""`focus.D`, the address clients know the focus by (Prosody's mod_client_proxy of Jitsi).

Requests are passed on to the focus' session, and its answers come back from this address.
"""

from collections.abc import Callable
from xml.etree.ElementTree import Element

from gateway.lab.refusal import is_answer, is_request, refuse


class ClientProxy:
    """The component `address` in front of the session `target`."""

    def __init__(
        self,
        address: str,
        target: str,
        *,
        is_connected: Callable[[], bool],
        send: Callable[[Element, float], None],
    ) -> None:
        self._address = address
        self._target = target
        self._is_connected = is_connected
        self._send = send
        self._asked: set[tuple[str | None, str | None]] = set()  # by whom, and its id

    def receive(self, stanza: Element, now: float) -> None:
        """Take a stanza for the component; only requests mean anything to it."""
        if not is_request(stanza):
            return
        if not self._is_connected():
            self._send(refuse(stanza, "cancel", "service-unavailable"), now)
            return
        self._asked.add((stanza.get("from"), stanza.get("id")))
        self._send(_changed(stanza, "to", self._target), now)

    def disguise(self, stanza: Element) -> Element:
        """What the focus sends, as the client has to see it."""
        asked = (stanza.get("to"), stanza.get("id"))
        if not is_answer(stanza) or asked not in self._asked:
            return stanza
        self._asked.remove(asked)
        return _changed(stanza, "from", self._address)


def _changed(stanza: Element, attribute: str, value: str) -> Element:
    changed = Element(stanza.tag, {**stanza.attrib, attribute: value})
    changed.extend(list(stanza))
    return changed
