"""Asking the focus for a conference (Jitsi's `<conference>` IQ).

Who does not send the property `visitors-version` is never made a visitor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, children, element

AS_VISITOR: Mapping[str, str] = {"visitors-version": "1", "visitor": "true"}
"""The properties of who wants to be a visitor, and knows where to go if it is sent to a node."""


@dataclass(frozen=True, slots=True)
class ConferenceRequest:
    """`machine_uid` is the gateway's, always the same; `session_id` is of an earlier answer."""

    room: str
    machine_uid: str
    session_id: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    def to_element(self) -> Element:
        """The payload of the IQ of type set."""
        return element(
            ns.JITSI_FOCUS,
            "conference",
            {"room": self.room, "machine-uid": self.machine_uid, "session-id": self.session_id},
            *(
                element(ns.JITSI_FOCUS, "property", {"name": name, "value": value})
                for name, value in self.properties.items()
            ),
        )


@dataclass(frozen=True, slots=True)
class ConferenceResult:
    """The focus' answer; the room can be joined when `ready`. `vnode` redirects a visitor."""

    ready: bool
    focus_jid: str | None = None
    session_id: str | None = None
    vnode: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, iq: Element) -> "ConferenceResult":
        """Read the IQ of type result; JingleError if it holds no conference."""
        conference = child(iq, ns.JITSI_FOCUS, "conference")
        if conference is None:
            raise JingleError("the answer to a conference request has no <conference>")
        return cls(
            ready=conference.get("ready") in ("true", "1"),
            focus_jid=conference.get("focusjid"),
            session_id=conference.get("session-id"),
            vnode=conference.get("vnode"),
            properties={
                part.get("name", ""): part.get("value", "")
                for part in children(conference, ns.JITSI_FOCUS, "property")
            },
        )
