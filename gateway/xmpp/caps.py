"""Who we are and what we can (XEP-0030), and its hash for the presence (XEP-0115).

Jicofo offers what the features say, and offers video and a data channel to a client whose
features it cannot learn within 15 s.
"""

import base64
import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from xml.etree.ElementTree import Element

from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import element

PARTICIPANT_FEATURES = (
    ns.DISCO_INFO,
    ns.CAPS,
    ns.PING,
    ns.JINGLE,
    ns.JINGLE_RTP,
    ns.JINGLE_RTP_AUDIO,
    ns.JINGLE_ICE_UDP,
    ns.JINGLE_DTLS,
    "urn:ietf:rfc:5761",  # RTP and RTCP on one port
    "urn:ietf:rfc:5888",  # grouping: BUNDLE
    "http://jitsi.org/json-encoded-sources",
    "http://jitsi.org/source-name",
    "http://jitsi.org/protocol/audio-mute",
    ns.JITSI_JIGASI,
)


@dataclass(frozen=True)
class Capabilities:
    """One identity and a set of features. `node` is a URI that names the software."""

    node: str = "tag:sip-gateway,2026:participant"
    category: str = "client"
    type: str = "phone"
    name: str = "SIP gateway"
    features: tuple[str, ...] = PARTICIPANT_FEATURES

    def with_features(self, *more: str) -> "Capabilities":
        """These and `more`: what is advertised only where it is wanted."""
        return replace(self, features=tuple(dict.fromkeys((*self.features, *more))))

    @cached_property
    def verification(self) -> str:
        """The verification string (XEP-0115 section 5.1), SHA-1 in base64."""
        parts = [f"{self.category}/{self.type}//{self.name}", *sorted(set(self.features))]
        text = "".join(f"{part}<" for part in parts)
        return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()

    def to_presence(self) -> Element:
        """The `<c/>` for a presence."""
        return element(
            ns.CAPS,
            "c",
            {"hash": "sha-1", "node": self.node, "ver": self.verification},
        )

    def answer(self, query: Element) -> Element:
        """The answer to any disco#info query, whatever node it names.

        A node we do not have (an old hash, say) is answered like any other: `item-not-found`
        would make Jicofo assume video.
        """
        identity = {"category": self.category, "type": self.type, "name": self.name}
        return element(
            ns.DISCO_INFO,
            "query",
            {"node": query.get("node")},
            element(ns.DISCO_INFO, "identity", identity),
            *(element(ns.DISCO_INFO, "feature", {"var": name}) for name in self.features),
        )
