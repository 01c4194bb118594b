"""Jingle's ICE-UDP transport with DTLS fingerprints (XEP-0176, XEP-0320).

Hosts are kept as they are written: the videobridge may name an IPv6 address or a host name, and
what to do with either is up to ICE.
"""

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from gateway.errors import JingleError
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import attribute, child, element, few, integer

_MAX_LISTED = 64
_MAX_PRIORITY = 0xFFFFFFFF
_MAX_GENERATION = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Candidate:
    """An ICE candidate (RFC 8445); `related_*` belong to a reflexive or relayed one."""

    foundation: str
    component: int
    protocol: str
    priority: int
    host: str
    port: int
    type: str
    related_host: str | None = None
    related_port: int | None = None

    @classmethod
    def parse(cls, candidate: Element) -> "Candidate":
        related_host = candidate.get("rel-addr")
        return cls(
            foundation=attribute(candidate, "foundation"),
            component=integer(candidate, "component", 1, 256),
            protocol=attribute(candidate, "protocol").lower(),
            priority=integer(candidate, "priority", 0, _MAX_PRIORITY),
            host=attribute(candidate, "ip"),
            port=integer(candidate, "port", 0, 0xFFFF),
            type=attribute(candidate, "type"),
            related_host=related_host,
            related_port=integer(candidate, "rel-port", 0, 0xFFFF, default=0)
            if related_host
            else None,
        )

    def to_element(self, number: int) -> Element:
        """`number` makes the id, which is unique in its transport."""
        return element(
            ns.JINGLE_ICE_UDP,
            "candidate",
            {
                "id": str(number),
                "foundation": self.foundation,
                "component": str(self.component),
                "protocol": self.protocol,
                "priority": str(self.priority),
                "ip": self.host,
                "port": str(self.port),
                "type": self.type,
                "generation": "0",
                "network": "0",
                "rel-addr": self.related_host,
                "rel-port": None if self.related_port is None else str(self.related_port),
            },
        )


@dataclass(frozen=True, slots=True)
class DtlsFingerprint:
    """`hash` is lower case, `value` upper-case hex with colons: the bridge compares the text."""

    hash: str
    value: str
    setup: str

    @classmethod
    def parse(cls, fingerprint: Element) -> "DtlsFingerprint":
        value = (fingerprint.text or "").strip().upper()
        if not value:
            raise JingleError("<fingerprint> is empty")
        setup = fingerprint.get("setup", "actpass")
        return cls(attribute(fingerprint, "hash").lower(), value, setup)

    def to_element(self) -> Element:
        return element(
            ns.JINGLE_DTLS,
            "fingerprint",
            {"hash": self.hash, "setup": self.setup},
            text=self.value,
        )


@dataclass(frozen=True, slots=True)
class IceUdpTransport:
    """ICE credentials, candidates and fingerprints; `web_socket` is the bridge channel's URL.

    `ice_generation` numbers an ICE restart within the session, from 1 on.
    """

    ufrag: str | None = None
    pwd: str | None = None
    fingerprints: tuple[DtlsFingerprint, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    rtcp_mux: bool = True
    web_socket: str | None = None
    ice_generation: int | None = None

    @classmethod
    def parse(cls, transport: Element) -> "IceUdpTransport":
        """Read a `<transport>`; JingleError names what is wrong in it."""
        web_socket = child(transport, ns.JITSI_COLIBRI, "web-socket")
        return cls(
            ufrag=transport.get("ufrag"),
            pwd=transport.get("pwd"),
            fingerprints=tuple(
                DtlsFingerprint.parse(part)
                for part in few(transport, ns.JINGLE_DTLS, "fingerprint", _MAX_LISTED)
            ),
            candidates=tuple(
                Candidate.parse(part)
                for part in few(transport, ns.JINGLE_ICE_UDP, "candidate", _MAX_LISTED)
            ),
            rtcp_mux=child(transport, ns.JINGLE_ICE_UDP, "rtcp-mux") is not None,
            web_socket=web_socket.get("url") if web_socket is not None else None,
            ice_generation=integer(transport, "ice-generation", 0, _MAX_GENERATION, 0) or None,
        )

    def to_element(self) -> Element:
        """The `<transport>` of our side, which has no bridge channel of its own."""
        generation = None if self.ice_generation is None else str(self.ice_generation)
        attributes = {"ufrag": self.ufrag, "pwd": self.pwd, "ice-generation": generation}
        transport = element(ns.JINGLE_ICE_UDP, "transport", attributes)
        if self.rtcp_mux:
            transport.append(element(ns.JINGLE_ICE_UDP, "rtcp-mux"))
        transport.extend(fingerprint.to_element() for fingerprint in self.fingerprints)
        transport.extend(
            candidate.to_element(number) for number, candidate in enumerate(self.candidates)
        )
        return transport
