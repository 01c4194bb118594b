"""Jingle (XEP-0166) as Jitsi's focus speaks it: one message, parsed and built.

A description or a transport of an application we do not know (a data channel, say) is left out
of its content; the content itself is kept, for it has to be named.
"""

from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import attribute, child, child_text, children, element, local_name
from gateway.xmpp.jingle_dtmf import Dtmf
from gateway.xmpp.jingle_rtp import RtpDescription
from gateway.xmpp.jingle_transport import IceUdpTransport
from gateway.xmpp.sources import SignalledSource, parse_compact_sources

_MAX_CONTENTS = 16


class Action(StrEnum):
    """The actions that mean something to us; others are acknowledged and ignored."""

    SESSION_INITIATE = "session-initiate"
    SESSION_ACCEPT = "session-accept"
    SESSION_INFO = "session-info"
    SESSION_TERMINATE = "session-terminate"
    SOURCE_ADD = "source-add"
    SOURCE_REMOVE = "source-remove"
    TRANSPORT_INFO = "transport-info"
    TRANSPORT_REPLACE = "transport-replace"
    TRANSPORT_REJECT = "transport-reject"


@dataclass(frozen=True, slots=True)
class Content:
    """One medium: what it carries and how it is transported."""

    name: str
    description: RtpDescription | None = None
    transport: IceUdpTransport | None = None
    creator: str = "initiator"

    @classmethod
    def parse(cls, content: Element) -> "Content":
        description = child(content, ns.JINGLE_RTP, "description")
        transport = child(content, ns.JINGLE_ICE_UDP, "transport")
        return cls(
            name=attribute(content, "name"),
            description=RtpDescription.parse(description) if description is not None else None,
            transport=IceUdpTransport.parse(transport) if transport is not None else None,
            creator=content.get("creator", "initiator"),
        )

    def to_element(self) -> Element:
        content = element(
            ns.JINGLE,
            "content",
            {"name": self.name, "creator": self.creator, "senders": "both"},
        )
        if self.description is not None:
            content.append(self.description.to_element())
        if self.transport is not None:
            content.append(self.transport.to_element())
        return content


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a session ends: XEP-0166's condition, and words."""

    condition: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.condition} ({self.text})" if self.text else self.condition


@dataclass(frozen=True, slots=True)
class BridgeSessionId:
    """What the focus calls a session on a videobridge.

    With `restart` another is asked for, with `ice_restart` another path for the same.
    """

    id: str
    restart: bool = False
    ice_restart: bool = False

    def to_element(self) -> Element:
        attributes = {
            "id": self.id,
            "restart": "true" if self.restart else None,
            "ice-restart": "true" if self.ice_restart else None,
        }
        return element(ns.JITSI_FOCUS, "bridge-session", attributes)


@dataclass(frozen=True, slots=True)
class Jingle:
    """One `<jingle>`. `compact_sources` are those of the JSON form, which we only receive."""

    action: str
    sid: str
    initiator: str | None = None
    responder: str | None = None
    contents: tuple[Content, ...] = ()
    reason: Reason | None = None
    bridge_session: BridgeSessionId | None = None
    compact_sources: tuple[SignalledSource, ...] = ()
    start_muted: bool = False
    dtmf: Dtmf | None = None

    @classmethod
    def parse(cls, jingle: Element) -> "Jingle":
        """Read the payload of an IQ of type set; JingleError names what is wrong in it."""
        contents = children(jingle, ns.JINGLE, "content")
        if len(contents) > _MAX_CONTENTS:
            raise JingleError(f"{len(contents)} contents")
        sources = child_text(jingle, ns.JITSI_MEET, "json-message")
        start_muted = child(jingle, ns.JITSI_START_MUTED, "startmuted")
        dtmf = child(jingle, ns.JINGLE_DTMF, "dtmf")
        return cls(
            action=attribute(jingle, "action"),
            sid=attribute(jingle, "sid"),
            initiator=jingle.get("initiator"),
            responder=jingle.get("responder"),
            contents=tuple(Content.parse(content) for content in contents),
            reason=_reason(jingle),
            bridge_session=_bridge_session(jingle),
            compact_sources=parse_compact_sources(sources) if sources is not None else (),
            start_muted=start_muted is not None and start_muted.get("audio") == "true",
            dtmf=Dtmf.parse(dtmf) if dtmf is not None else None,
        )

    def to_element(self) -> Element:
        """The `<jingle>` for an IQ of type set."""
        jingle = element(
            ns.JINGLE,
            "jingle",
            {
                "action": self.action,
                "sid": self.sid,
                "initiator": self.initiator,
                "responder": self.responder,
            },
            *(content.to_element() for content in self.contents),
        )
        if self.reason is not None:
            reason = element(ns.JINGLE, "reason", None, element(ns.JINGLE, self.reason.condition))
            if self.reason.text:
                reason.append(element(ns.JINGLE, "text", text=self.reason.text))
            jingle.append(reason)
        if self.bridge_session is not None:
            jingle.append(self.bridge_session.to_element())
        return jingle

    @property
    def sources(self) -> tuple[SignalledSource, ...]:
        """The sources of both forms."""
        described = (content.description for content in self.contents)
        listed = [source for part in described if part is not None for source in part.sources]
        return (*listed, *self.compact_sources)


def _reason(jingle: Element) -> Reason | None:
    reason = child(jingle, ns.JINGLE, "reason")
    if reason is None:
        return None
    conditions = (local_name(part) for part in reason if local_name(part) != "text")
    return Reason(next(conditions, "undefined"), child_text(reason, ns.JINGLE, "text") or "")


def _bridge_session(jingle: Element) -> BridgeSessionId | None:
    found = child(jingle, ns.JITSI_FOCUS, "bridge-session")
    if found is None:
        return None
    return BridgeSessionId(
        attribute(found, "id"), found.get("restart") == "true", found.get("ice-restart") == "true"
    )
