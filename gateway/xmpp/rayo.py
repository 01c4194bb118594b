"""Dialling out: what Jicofo asks a gateway for, in Rayo's words (XEP-0327, as Jitsi uses it)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp import stanza
from gateway.xmpp.element import attribute, children, element

MAX_HEADERS = 50
MAX_LENGTH = 1000  # of a header's value

ROOM_HEADER = "JvbRoomName"
PASSWORD_HEADER = "JvbRoomPassword"


@dataclass(frozen=True, slots=True)
class Dial:
    """`to` is to be called for `room`. `headers` are the others, as they were given.

    `request` is the IQ; it is answered when the participant is in the room (`reference`), or when
    it is certain that it will not be (`refusal`).
    """

    to: str
    room: str
    sender: str
    request: Element = field(repr=False)
    from_: str | None = None
    password: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, request: Element) -> "Dial":
        """Read an IQ of type set; JingleError if it does not say whom to call for which room."""
        dial = next(iter(request))
        headers = {}
        for header in children(dial, ns.RAYO, "header")[:MAX_HEADERS]:
            headers[attribute(header, "name")] = header.get("value", "")[:MAX_LENGTH]
        room = headers.pop(ROOM_HEADER, "")
        if "@" not in room:
            raise JingleError(f"<dial> has no {ROOM_HEADER}")
        return cls(
            to=attribute(dial, "to").strip(),
            room=room,
            sender=attribute(request, "from"),
            request=request,
            from_=dial.get("from"),
            password=headers.pop(PASSWORD_HEADER, None) or None,
            headers=headers,
        )

    def reference(self, occupant: str) -> Element:
        """The answer that names the participant which the call has become (an occupant JID)."""
        return stanza.result(self.request, element(ns.RAYO, "ref", {"uri": f"xmpp:{occupant}"}))

    def refusal(self, type_: str, condition: str) -> Element:
        """The answer that there will be no call."""
        return stanza.error(self.request, type_, condition)


@dataclass(frozen=True, slots=True)
class HangUp:
    """Somebody in the room wants the call to end."""

    sender: str
    request: Element = field(repr=False)

    def granted(self) -> Element:
        """The answer if it may."""
        return stanza.result(self.request)

    def refused(self) -> Element:
        """The answer if it may not."""
        return stanza.error(self.request, "auth", "forbidden")


def header(name: str, value: str) -> Element:
    """A header, as it is shown in a participant's presence (`<initiator>`)."""
    return element(ns.RAYO, "header", {"name": name, "value": value})
