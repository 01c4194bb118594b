"""The focus' session-initiate, element by element as Jicofo writes it, and its other messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.lab.endpoint_feedback import BridgeMediaOffer, Negotiated
from gateway.lab.focus_sources import compact, described
from gateway.lab.videobridge import BridgeTransportOffer
from gateway.media.messages import IceCandidate
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element
from gateway.xmpp.jingle_rtp import AUDIO_LEVEL
from gateway.xmpp.sources import SignalledSource

JSON_SOURCES = "http://jitsi.org/json-encoded-sources"
OPUS_RED = "http://jitsi.org/opus-red"
TCC = "http://jitsi.org/tcc"
SCTP = "urn:xmpp:jingle:transports:dtls-sctp:1"

_RTCP_FB = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0"
_GROUPING = "urn:xmpp:jingle:apps:grouping:0"
_MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
_TCC_EXTENSION = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"


@dataclass(frozen=True, slots=True)
class OfferConfig:
    """Jicofo's configuration of offers: payload types and header-extension ids.

    `red` and `mid` are None where they are switched off. `web_socket` is the bridge channel's
    address up to the endpoint's name, for a channel that is not there.
    """

    opus: int = 111
    red: int | None = None
    telephone_event: int = 126
    audio_level: int = 1
    mid: int | None = 10
    tcc: int = 5
    sctp: bool = False
    web_socket: str | None = None

    @property
    def bridge_media(self) -> BridgeMediaOffer:
        """What the videobridge is told of it."""
        types = frozenset({self.opus, self.telephone_event})
        return BridgeMediaOffer(types, self.audio_level, self.red, self.tcc)

    def negotiated(self, features: frozenset[str]) -> Negotiated:
        """What a client with these features is offered beyond that."""
        return Negotiated(
            red=self.red is not None and OPUS_RED in features, transport_cc=TCC in features
        )

    def payload_types(self, features: frozenset[str]) -> dict[int, str]:
        """What such a client is offered: encodings, by payload type."""
        types = {self.opus: "opus", self.telephone_event: "telephone-event"}
        if self.red is not None and self.negotiated(features).red:
            types[self.red] = "red"
        return types

    def extensions(self, features: frozenset[str]) -> dict[int, str]:
        """And header extensions: URIs, by id."""
        offered = {self.audio_level: AUDIO_LEVEL}
        if self.mid is not None:
            offered[self.mid] = _MID
        if self.negotiated(features).transport_cc:
            offered[self.tcc] = _TCC_EXTENSION
        return offered


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom an offer is for, and which session it begins."""

    endpoint: str
    features: frozenset[str]
    sid: str
    bridge_session: str


def session_initiate(
    config: OfferConfig,
    invited: Invited,
    *,
    initiator: str,
    transport: BridgeTransportOffer,
    sources: tuple[SignalledSource, ...],
    start_muted: bool,
    region: str | None = None,
) -> Element:
    """The whole `<jingle>`; there is no responder in it, and `initiator` is the focus' real JID."""
    as_json = JSON_SOURCES in invited.features
    description = _description(config, invited.features)
    if not as_json:
        description.extend(described(sources))
    contents = [_content("audio", description, _transport(config, transport, invited))]
    if config.sctp and SCTP in invited.features:
        data = element(ns.JINGLE_RTP, "description", {"media": "application"})
        contents.append(_content("data", data, _transport(config, transport, invited, sctp=True)))
    names = (element(_GROUPING, "content", {"name": c.get("name")}) for c in contents)
    attributes = {"initiator": initiator, "sid": invited.sid, "action": "session-initiate"}
    group = element(_GROUPING, "group", {"semantics": "BUNDLE"}, *names)
    jingle = element(ns.JINGLE, "jingle", attributes, *contents, group)
    if start_muted:
        muted = {"audio": "true", "video": "true"}
        jingle.append(element(ns.JITSI_START_MUTED, "startmuted", muted))
    told = {"id": invited.bridge_session, "region": region}
    jingle.append(element(ns.JITSI_FOCUS, "bridge-session", told))
    if as_json:
        jingle.append(compact(sources))
    trace = {"parent_id": "0" * 16, "trace_id": "0" * 32, "trace_flags": "00"}
    jingle.append(element("jitsi:opentelemetry", "traceparent", trace))
    return jingle


def transport_info(
    config: OfferConfig, invited: Invited, transport: BridgeTransportOffer
) -> Element:
    """An ICE restart: the bridge's new transport for a session."""
    content = _content("audio", _transport(config, transport, invited))
    attributes = {"sid": invited.sid, "action": "transport-info"}
    return element(ns.JINGLE, "jingle", attributes, content)


def session_terminate(sid: str, condition: str, text: str) -> Element:
    """The focus ends a session."""
    reason = element(
        ns.JINGLE,
        "reason",
        None,
        element(ns.JINGLE, condition),
        element(ns.JINGLE, "text", text=text),
    )
    return element(ns.JINGLE, "jingle", {"sid": sid, "action": "session-terminate"}, reason)


def source_change(
    action: str, sid: str, sources: Iterable[SignalledSource], *, as_json: bool
) -> Element:
    """source-add or source-remove."""
    jingle = element(ns.JINGLE, "jingle", {"sid": sid, "action": action})
    if as_json:
        jingle.append(compact(sources))
        return jingle
    listed = described(sources)
    description = element(ns.JINGLE_RTP, "description", {"media": "audio"}, *listed)
    attributes = {"creator": "initiator", "name": "audio"}
    jingle.append(element(ns.JINGLE, "content", attributes, description))
    return jingle


def _content(name: str, *parts: Element) -> Element:
    attributes = {"creator": "initiator", "name": name, "senders": "both"}
    return element(ns.JINGLE, "content", attributes, *parts)


def _description(config: OfferConfig, features: frozenset[str]) -> Element:
    negotiated = config.negotiated(features)
    red, tcc = negotiated.red, negotiated.transport_cc
    parts = []
    if red:
        listed = element(ns.JINGLE_RTP, "parameter", {"value": f"{config.opus}/{config.opus}"})
        parts.append(_payload(config.red, "red", 48000, 2, listed))
    parameters = [element(ns.JINGLE_RTP, "parameter", {"name": "minptime", "value": "10"})]
    if config.red is None:
        fec = {"name": "useinbandfec", "value": "1"}
        parameters.append(element(ns.JINGLE_RTP, "parameter", fec))
    if tcc:
        parameters.append(element(_RTCP_FB, "rtcp-fb", {"type": "transport-cc"}))
    parts.append(_payload(config.opus, "opus", 48000, 2, *parameters))
    parts.append(_payload(config.telephone_event, "telephone-event", 8000, None))
    parts += [_extension(id_, uri) for id_, uri in config.extensions(features).items()]
    parts.append(element(ns.JINGLE_RTP_HEADER_EXTENSIONS, "extmap-allow-mixed"))
    parts.append(element(ns.JINGLE_RTP, "rtcp-mux"))
    return element(ns.JINGLE_RTP, "description", {"media": "audio", "maxptime": "60"}, *parts)


def _payload(
    id_: int | None, name: str, clockrate: int, channels: int | None, *parts: Element
) -> Element:
    attributes = {
        "name": name,
        "clockrate": str(clockrate),
        "id": str(id_),
        "channels": None if channels is None else str(channels),
    }
    return element(ns.JINGLE_RTP, "payload-type", attributes, *parts)


def _extension(id_: int, uri: str) -> Element:
    return element(ns.JINGLE_RTP_HEADER_EXTENSIONS, "rtp-hdrext", {"uri": uri, "id": str(id_)})


def _transport(
    config: OfferConfig, offer: BridgeTransportOffer, invited: Invited, *, sctp: bool = False
) -> Element:
    generation = None if offer.ice_generation is None else str(offer.ice_generation)
    credentials = {"ufrag": offer.ufrag, "pwd": offer.pwd, "ice-generation": generation}
    transport = element(ns.JINGLE_ICE_UDP, "transport", credentials)
    url = offer.web_socket
    if url is None and config.web_socket is not None:
        url = f"{config.web_socket}/{invited.endpoint}?pwd={offer.pwd}"
    if url is not None:
        transport.append(element(ns.JITSI_COLIBRI, "web-socket", {"url": url}))
    if sctp:
        association = {"number": "5000", "protocol": "webrtc-datachannel", "streams": "1024"}
        transport.append(element(SCTP, "sctpmap", association))
    transport.append(element(ns.JINGLE_ICE_UDP, "rtcp-mux"))
    attributes = {
        "required": "false",
        "cryptex": "false",
        "setup": "actpass",
        "hash": offer.fingerprint_hash,
    }
    transport.append(
        element(ns.JINGLE_DTLS, "fingerprint", attributes, text=offer.fingerprint.upper())
    )
    transport.extend(_candidate(candidate) for candidate in offer.candidates)
    return transport


def _candidate(candidate: IceCandidate) -> Element:
    related_host, related_port = candidate.related or (None, None)
    attributes = {
        "priority": str(candidate.priority),
        "foundation": candidate.foundation,
        "id": f"c{candidate.foundation}",
        "type": candidate.type,
        "generation": "0",
        "component": str(candidate.component),
        "network": "0",
        "protocol": candidate.protocol,
        "ip": candidate.host,
        "port": str(candidate.port),
        "rel-addr": related_host,
        "rel-port": None if related_port is None else str(related_port),
    }
    return element(ns.JINGLE_ICE_UDP, "candidate", attributes)
