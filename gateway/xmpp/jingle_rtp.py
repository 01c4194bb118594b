"""Jingle's description of RTP media (XEP-0167, XEP-0293, XEP-0294, XEP-0339).

Numbers of payload types and of header extensions are the focus' configuration: nothing is
assumed about them.
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import attribute, child, children, element, few, integer
from gateway.xmpp.sources import MAX_SOURCES, SignalledSource

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

_MAX_LISTED = 128


@dataclass(frozen=True, slots=True)
class PayloadType:
    """A payload type. A parameter may have a value and no name (RED lists its payloads so)."""

    id: int
    name: str
    clockrate: int
    channels: int = 1
    parameters: tuple[tuple[str | None, str], ...] = ()

    @classmethod
    def parse(cls, payload: Element) -> "PayloadType":
        return cls(
            id=integer(payload, "id", 0, 127),
            name=payload.get("name", ""),
            clockrate=integer(payload, "clockrate", 1, 1_000_000, default=8000),
            channels=integer(payload, "channels", 1, 255, default=1),
            parameters=tuple(
                (parameter.get("name"), parameter.get("value", ""))
                for parameter in few(payload, ns.JINGLE_RTP, "parameter", _MAX_LISTED)
            ),
        )

    def to_element(self) -> Element:
        return element(
            ns.JINGLE_RTP,
            "payload-type",
            {
                "id": str(self.id),
                "name": self.name,
                "clockrate": str(self.clockrate),
                "channels": str(self.channels),
            },
            *(
                element(ns.JINGLE_RTP, "parameter", {"name": name, "value": value})
                for name, value in self.parameters
            ),
        )


@dataclass(frozen=True, slots=True)
class HeaderExtension:
    """An RTP header extension (RFC 8285)."""

    id: int
    uri: str

    @classmethod
    def parse(cls, extension: Element) -> "HeaderExtension":
        return cls(integer(extension, "id", 1, 255), attribute(extension, "uri"))

    def to_element(self) -> Element:
        return element(
            ns.JINGLE_RTP_HEADER_EXTENSIONS, "rtp-hdrext", {"id": str(self.id), "uri": self.uri}
        )


@dataclass(frozen=True, slots=True)
class RtpDescription:
    """What one content carries."""

    media: str
    payload_types: tuple[PayloadType, ...] = ()
    extensions: tuple[HeaderExtension, ...] = ()
    sources: tuple[SignalledSource, ...] = ()
    rtcp_mux: bool = True

    @classmethod
    def parse(cls, description: Element) -> "RtpDescription":
        """Read a `<description>`; JingleError names what is wrong in it."""
        media = attribute(description, "media")
        sources = children(description, ns.JINGLE_SOURCES, "source")
        if len(sources) > MAX_SOURCES:
            raise JingleError(f"{len(sources)} sources in one description")
        return cls(
            media=media,
            payload_types=tuple(
                PayloadType.parse(part)
                for part in few(description, ns.JINGLE_RTP, "payload-type", _MAX_LISTED)
            ),
            extensions=tuple(
                HeaderExtension.parse(part)
                for part in few(
                    description, ns.JINGLE_RTP_HEADER_EXTENSIONS, "rtp-hdrext", _MAX_LISTED
                )
            ),
            sources=tuple(SignalledSource.parse(part, media) for part in sources),
            rtcp_mux=child(description, ns.JINGLE_RTP, "rtcp-mux") is not None,
        )

    def to_element(self) -> Element:
        description = element(
            ns.JINGLE_RTP,
            "description",
            {
                "media": self.media,
                "ssrc": str(self.sources[0].ssrc) if self.sources else None,
            },
            *(payload.to_element() for payload in self.payload_types),
            *(extension.to_element() for extension in self.extensions),
        )
        if self.rtcp_mux:
            description.append(element(ns.JINGLE_RTP, "rtcp-mux"))
        description.extend(source.to_element() for source in self.sources)
        return description
