"""DTLS-SRTP and ICE in session descriptions (RFC 5763, RFC 8842, RFC 8839): how we answer them.

We are an ICE-lite agent with one candidate: our RTP port, which RTCP shares.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from gateway.sdp.crypto import SECURE_PROFILES
from gateway.sdp.session_description import Attribute, MediaDescription, SessionDescription

PROFILES = ("UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF")
"""Profiles whose keys come from a DTLS handshake on the media's own path (RFC 5764)."""

LITE = Attribute("ice-lite")

_FINGERPRINT = re.compile(r"([A-Za-z0-9-]+)\s+([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,63})", re.ASCII)
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}", re.ASCII)  # RFC 8839 section 5.4
_MOST_FINGERPRINTS = 8
_MOST_GROUPS = 16  # that are looked at, once for each stream
_PRIORITY = (126 << 24) | (65535 << 8) | 255  # the one host candidate there is (RFC 8445 5.1.2)


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """Who may check whom (RFC 8445 section 5.3): our own, and the peer's."""

    ufrag: str
    pwd: str = field(repr=False)
    remote_ufrag: str = ""
    remote_pwd: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class DtlsParameters:
    """What both sides agreed on: the peer's `fingerprints` as (hash, value), our role (`setup`),
    and how paths are checked, None where there is no ICE."""

    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    ice: IceCredentials | None = None


def is_possible(description: SessionDescription, media: MediaDescription) -> bool:
    """Whether an offered stream can be answered with DTLS-SRTP by us."""
    if has_ice(description, media):
        can_be_found = _ufrag(description, media) is not None
    else:  # who relies on checks alone has no address to be found at
        can_be_found = not _wants_ice(description, media) or _says_where(description, media)
    return is_dtls(media) and can_be_found and bool(_fingerprints(description, media))


def is_dtls(media: MediaDescription) -> bool:
    """Whether the keys of a stream come from DTLS: so they do as well if it has to be encrypted
    and says none, as was written before RFC 5764, and still is."""
    protocol = media.protocol.upper()
    return protocol in PROFILES or (protocol in SECURE_PROFILES and not media.has("crypto"))


def has_ice(description: SessionDescription, media: MediaDescription) -> bool:
    """Whether paths are checked: then neither c= nor the port of m= says anything (RFC 8840).

    We do without ICE where it would lead nowhere: two lite agents would wait for each other (RFC
    8445 section 2.5), and with RTCP at a port of its own there would be a second path to check,
    and to shake hands on.
    """
    is_full = LITE not in description.attributes
    return is_full and media.has("rtcp-mux") and _wants_ice(description, media)


def answered(
    description: SessionDescription, media: MediaDescription, before: DtlsParameters | None
) -> DtlsParameters:
    """What holds once we answer. A peer with another user fragment restarts ICE, and gets other
    credentials of ours (RFC 8839 section 4.4.1.1.1). One that leaves its role to us keeps the one
    it has: another would mean another association (RFC 8842 section 3.1)."""
    known = before.ice if before is not None else None
    if known is not None and known.remote_ufrag != _ufrag(description, media):
        known = None
    found = agreed(description, media, known)
    is_same = before is not None and before.fingerprints == found.fingerprints
    if before is not None and is_same and _value(description, media, "setup") == "actpass":
        return replace(found, setup=before.setup)
    return found


def agreed(
    description: SessionDescription, media: MediaDescription, ours: IceCredentials | None
) -> DtlsParameters:
    """What holds with a peer's description and our credentials; new ones if we have told none."""
    remote, ice = _ufrag(description, media), None
    if remote is not None:
        own = ours or IceCredentials(secrets.token_hex(4), secrets.token_hex(16))
        pwd = (_value(description, media, "ice-pwd") or "").strip()
        ice = replace(own, remote_ufrag=remote, remote_pwd=pwd)
    # The client is who knows its path first: the peer, if we may choose (RFC 5763 section 5).
    setup = "active" if _value(description, media, "setup") == "passive" else "passive"
    return DtlsParameters(_fingerprints(description, media), setup, ice)


def attributes(
    media: MediaDescription,
    agreed: DtlsParameters,
    fingerprint: tuple[str, str],
    local: tuple[str, int],
) -> Iterator[Attribute]:
    """The lines of our answer; `fingerprint` is of our own certificate."""
    if media.has("mid"):
        yield Attribute("mid", media.value("mid"))
    if agreed.ice is not None:
        host, port = local
        yield Attribute("ice-ufrag", agreed.ice.ufrag)
        yield Attribute("ice-pwd", agreed.ice.pwd)
        yield Attribute("candidate", f"1 1 UDP {_PRIORITY} {host} {port} typ host")
        yield Attribute("end-of-candidates")
    yield Attribute("fingerprint", " ".join(fingerprint))
    yield Attribute("setup", agreed.setup)


def repeated(attribute: Attribute) -> Attribute:
    """A line of our answer in an offer that follows it: the peer may choose its role again."""
    return Attribute("setup", "actpass") if attribute.name == "setup" else attribute


def session_attributes(
    description: SessionDescription, media: MediaDescription, agreed: DtlsParameters
) -> Iterator[Attribute]:
    """The lines of our answer that are about all of it: what is left of a bundle."""
    if agreed.ice is not None:
        yield LITE
    if first_of_bundle(description, media) is not None:
        kept = (path_of(description, media), media)
        mids = (each.value("mid") or "" for each in kept if each is not None)
        yield Attribute("group", f"BUNDLE {' '.join(mids)}")


def first_of_bundle(
    description: SessionDescription, media: MediaDescription
) -> MediaDescription | None:
    """The stream that is named first of those that go over one path with this one; itself if there
    is no such stream. None if it has a path of its own."""
    mid = media.value("mid")
    values = (value or "" for name, value in description.attributes if name == "group")
    groups = (value.split() for value in islice(values, _MOST_GROUPS))
    for semantics, *names in filter(None, groups):
        if semantics == "BUNDLE" and mid in names:
            streams = (each for each in description.media if each.value("mid") == names[0])
            return next(streams, media)
    return None


def path_of(description: SessionDescription, media: MediaDescription) -> MediaDescription | None:
    """The other stream, the first of the bundle, whose path this one has from the beginning.

    So it is with `bundlePolicy` "max-bundle": to refuse that stream is to refuse the path (the
    answer could name the next one, RFC 9143 section 7.3.1, but Chromium does not follow).
    """
    path = first_of_bundle(description, media) or media
    ufrag = _ufrag(description, media)
    is_other = path is not media and path.port != 0 and path.protocol.upper() in PROFILES
    is_shared = ufrag is not None and _ufrag(description, path) == ufrag
    return path if is_other and is_shared else None


def _wants_ice(description: SessionDescription, media: MediaDescription) -> bool:
    return is_dtls(media) and bool(_value(description, media, "ice-ufrag"))


def _says_where(description: SessionDescription, media: MediaDescription) -> bool:
    """Whether c= is an address: one that trickles has none yet (RFC 8840 section 4.1.1)."""
    return description.connection_of(media) not in (None, "0.0.0.0", "::")


def _ufrag(description: SessionDescription, media: MediaDescription) -> str | None:
    value = (_value(description, media, "ice-ufrag") or "").strip()
    return value if has_ice(description, media) and _UFRAG.fullmatch(value) else None


def _fingerprints(
    description: SessionDescription, media: MediaDescription
) -> tuple[tuple[str, str], ...]:
    """Those of the stream, or of all (RFC 8122 section 5)."""
    for place in (media, description):
        values = (value or "" for name, value in place.attributes if name == "fingerprint")
        matches = (_FINGERPRINT.fullmatch(value.strip()) for value in values)
        found = [(match[1].lower(), match[2].upper()) for match in matches if match is not None]
        if found:
            return tuple(found[:_MOST_FINGERPRINTS])
    return ()


def _value(description: SessionDescription, media: MediaDescription, name: str) -> str | None:
    """Of the stream, or of the whole session."""
    for key, value in (*media.attributes, *description.attributes):
        if key == name:
            return value
    return None
