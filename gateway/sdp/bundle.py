"""Streams that are offered over the path of another one only (BUNDLE, RFC 9143). Pure."""

from dataclasses import replace

from gateway.sdp import dtls
from gateway.sdp.session_description import (
    Attribute,
    Direction,
    MediaDescription,
    SessionDescription,
)

_OF_THE_PATH = frozenset(
    (
        *("candidate", "end-of-candidates", "ice-ufrag", "ice-pwd"),
        *("crypto", "fingerprint", "setup", "rtcp", "rtcp-mux"),
    )
)
"""What only the first stream of a bundle says, for all of it (RFC 8859: TRANSPORT, and others)."""


def unbundled(offer: SessionDescription) -> SessionDescription:
    """The offer with each such stream described as if it were alone: its port 0 is no refusal
    (section 6). Only those stay as they are that we could not answer as part of a bundle."""
    return replace(offer, media=tuple(_with_its_path(offer, each) for each in offer.media))


def without_media(stream: MediaDescription, answered: MediaDescription) -> MediaDescription:
    """How a stream is answered whose path the one that is `answered` has: it is kept, inactive."""
    formats = stream.formats[:1]
    own = [each for each in stream.attributes if _is_about(each, formats) or each.name == "mid"]
    path = [each for each in answered.attributes if each.name in _OF_THE_PATH]
    return replace(
        answered,
        kind=stream.kind,
        protocol=stream.protocol,
        formats=formats,
        attributes=(*own, Attribute(Direction.INACTIVE.value), *path),
    )


def _is_about(attribute: Attribute, formats: tuple[str, ...]) -> bool:
    described = tuple((attribute.value or "").split()[:1])
    return attribute.name in ("rtpmap", "fmtp") and described == formats


def _with_its_path(offer: SessionDescription, media: MediaDescription) -> MediaDescription:
    first = dtls.first_of_bundle(offer, media)
    if media.port or not media.has("bundle-only") or first is None:
        return media
    said = (each for each in first.attributes if each.name in _OF_THE_PATH)
    path = tuple(each for each in said if not media.has(each.name))
    alone = replace(
        media,
        port=first.port,
        connection=first.connection,
        attributes=(*media.attributes, *path),
    )
    return alone if dtls.is_dtls(alone) else media
