"""What the focus and a strict reader demand of a client's presence, capabilities and answer.

Pure checks: each returns what is wrong, as words.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from gateway.lab.focus_offer import OfferConfig
from gateway.xmpp import namespaces as ns
from gateway.xmpp.element import child, child_text, children

SSRC_REWRITING = "http://jitsi.org/ssrc-rewriting-1"
VIDEO = "urn:xmpp:jingle:apps:rtp:video"
ASSUMED_FEATURES = frozenset({ns.JINGLE_RTP_AUDIO, VIDEO, "urn:xmpp:jingle:transports:dtls-sctp:1"})
"""What Jicofo takes for granted of a client that does not say within 15 s."""

_FINGERPRINT = re.compile("[0-9A-F]{2}(:[0-9A-F]{2})+")
_ID = re.compile("[0-9]{1,3}")


def presence_problems(presence: Element, nick: str) -> Iterator[str]:
    """Rule 13, of any presence: SourceInfo is keyed by endpoint and agrees with `<audiomuted>`."""
    text = child_text(presence, ns.CLIENT, "SourceInfo")
    if text is None:
        yield "a presence without SourceInfo"
        return
    try:
        sources = json.loads(text)
    except (ValueError, RecursionError):
        yield "SourceInfo is not JSON"
        return
    if not isinstance(sources, dict):
        yield "SourceInfo is not an object"
        return
    foreign = [name for name in sources if not name.startswith(f"{nick}-")]
    if foreign:
        yield f"SourceInfo names {foreign[0]!r}, which is not of endpoint {nick}"
    source = sources.get(f"{nick}-a0")
    if not isinstance(source, dict):
        yield f"SourceInfo does not name {nick}-a0"
        return
    muted = source.get("muted", True) is not False
    legacy = child_text(presence, ns.CLIENT, "audiomuted")
    if legacy is not None and (legacy == "true") != muted:
        yield f"<audiomuted> says {legacy}, SourceInfo the opposite"


def first_presence_problems(presence: Element) -> Iterator[str]:
    """Rule 13, of the presence that joins."""
    features = child(presence, ns.CLIENT, "features")
    listed = children(features, ns.CLIENT, "feature") if features is not None else []
    if ns.JITSI_JIGASI not in {feature.get("var") for feature in listed}:
        yield "the first presence lacks the jigasi feature"
    if child_text(presence, ns.NICK, "nick") is None:
        yield "the first presence lacks a display name"


def verification(query: Element) -> str:
    """The verification string of a disco#info answer (XEP-0115 section 5.1), forms left out."""
    identities = sorted(
        "/".join(part.get(key, "") for key in ("category", "type", "lang", "name"))
        for part in children(query, ns.DISCO_INFO, "identity")
    )
    features = sorted(features_of(query))
    text = "".join(f"{part}<" for part in (*identities, *features))
    return base64.b64encode(hashlib.sha1(text.encode()).digest()).decode()


def features_of(query: Element) -> frozenset[str]:
    """The features a disco#info answer lists."""
    return frozenset(part.get("var", "") for part in children(query, ns.DISCO_INFO, "feature"))


def capability_problems(query: Element, caps: Element) -> Iterator[str]:
    """Rule 12: the answer has the hash that was announced, and only what a phone should have."""
    if caps.get("hash") != "sha-1":
        yield f"capabilities hashed with {caps.get('hash')!r}"
    elif verification(query) != caps.get("ver"):
        yield f"capabilities have hash {verification(query)}, {caps.get('ver')} was announced"
    node = query.get("node")
    if node is not None and node != f"{caps.get('node')}#{caps.get('ver')}":
        yield f"the answer is about node {node!r}"
    listed = children(query, ns.DISCO_INFO, "feature")
    features = features_of(query)
    if len(listed) != len(features):
        yield "a feature is listed twice: ill-formed by XEP-0115 section 5.4"
    if ns.JINGLE_RTP_AUDIO not in features:
        yield "audio is not among the features"
    for unwanted in (VIDEO, SSRC_REWRITING):
        if unwanted in features:
            yield f"{unwanted} is among the features"


def transport_problems(transport: Element) -> Iterator[str]:
    """Rule 21, of the transport in an answer: the videobridge compares these as text."""
    if not transport.get("ufrag") or not transport.get("pwd"):
        yield "the transport has no ICE credentials"
    elif len(transport.get("ufrag", "")) < 4 or len(transport.get("pwd", "")) < 22:
        yield "ICE credentials are shorter than RFC 8445 section 5.3 allows"
    fingerprint = child(transport, ns.JINGLE_DTLS, "fingerprint")
    if fingerprint is None:
        yield "the transport has no fingerprint"
        return
    if fingerprint.get("setup") not in ("active", "passive"):
        yield f"DTLS setup {fingerprint.get('setup')!r} is neither active nor passive"
    if fingerprint.get("hash") not in ("sha-1", "sha-256", "sha-384", "sha-512"):
        yield f"fingerprint hash {fingerprint.get('hash')!r}"
    if not _FINGERPRINT.fullmatch((fingerprint.text or "").strip()):
        yield "the fingerprint is not upper-case hex with colons"


def answer_problems(
    jingle: Element, offer: OfferConfig, features: frozenset[str], nick: str
) -> Iterator[str]:
    """Rule 21, of what Jicofo does not look at: it has to fit the offer, which counts.

    That was made to a client with these `features`.
    """
    types = offer.payload_types(features)
    extensions = offer.extensions(features)
    for description in jingle.iter(f"{{{ns.JINGLE_RTP}}}description"):
        if description.get("media") != "audio":
            yield f"accepts {description.get('media')!r}, which was not offered"
        for payload in children(description, ns.JINGLE_RTP, "payload-type"):
            name = payload.get("name", "").lower()
            if types.get(_number(payload)) != name:
                yield f"payload type {payload.get('id')} ({name}) was not offered"
        for extension in children(description, ns.JINGLE_RTP_HEADER_EXTENSIONS, "rtp-hdrext"):
            id_, uri = extension.get("id"), extension.get("uri")
            if extensions.get(_number(extension)) != uri:
                yield f"header extension {id_} ({uri}) was not offered"
        for source in children(description, ns.JINGLE_SOURCES, "source"):
            if source.get("name") != f"{nick}-a0":
                yield f"source is named {source.get('name')!r}, not {nick}-a0"


def _number(part: Element) -> int:
    text = part.get("id", "")
    return int(text) if _ID.fullmatch(text) else -1
