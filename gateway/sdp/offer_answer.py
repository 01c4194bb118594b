"""Offer and answer (RFC 3264) for the one audio stream of a phone call.

Pure functions: what a peer offers and what we can do, into what we answer and what holds from then
on. Rule: every m= line of an offer is answered in its place; the first audio stream we can serve
is taken, one that is encrypted before any other, and the others are refused with port 0.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gateway.errors import SdpError
from gateway.sdp import dtls, encryption
from gateway.sdp.bundle import unbundled, without_media
from gateway.sdp.crypto import SECURE_PROFILES, CryptoLine, SrtpPolicy
from gateway.sdp.encryption import PLAIN, Encryption, Terms
from gateway.sdp.formats import (
    CODECS,
    DEFAULT_CODECS,
    Format,
    agreed_formats,
    answered_formats,
    formats_of,
    offered_formats,
    widened,
)
from gateway.sdp.session_description import (
    Attribute,
    Direction,
    MediaDescription,
    Origin,
    SessionDescription,
)

Address = tuple[str, int]
"""A literal IPv4 or IPv6 address and a port."""

_PROFILES = ("RTP/AVP", "RTP/AVPF")  # feedback is optional in the second (RFC 4585)
_SHORTEST, _LONGEST, _STEP = 10, 60, 10  # milliseconds of a packet

# Milliseconds that Opus has no frame of (RFC 6716 section 2.1.4), and the next shorter ones.
_OPUS_HAS = {30: 20, 50: 40}
_WRITTEN = {"OPUS": "opus", "TELEPHONE-EVENT": "telephone-event"}  # as their RFCs write them

_REVERSED = {
    Direction.SENDRECV: Direction.SENDRECV,
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}
_WITHOUT_SENDING = {
    Direction.SENDRECV: Direction.RECVONLY,
    Direction.SENDONLY: Direction.INACTIVE,
    Direction.RECVONLY: Direction.RECVONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}


VOIP_METRICS, RECEIVER_ROUND_TRIP = "voip-metrics", "rcvr-rtt=all"
"""The extended reports we have, as a=rtcp-xr names them (RFC 3611 section 5.1)."""

_REPORTS = (VOIP_METRICS, RECEIVER_ROUND_TRIP)


class NotAcceptable(SdpError):
    """A readable description of which we can serve nothing: 488, not 400."""


class EncryptionRefused(NotAcceptable):
    """There is audio we could serve, but encrypted where it must not be, or not where it must."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What holds after an offer and its answer.

    `remote` is where the peer receives RTP, None if it states no address that can be sent to, or
    our own.
    `formats` holds the audio format to send, then others that may arrive, then telephone-event and
    comfort noise if agreed. `ptime` is in milliseconds, `direction` is seen from us.
    `extended_reports` names those of RFC 3611 the peer wants and we have. With `rtcp_mux` RTCP
    comes and goes where RTP does (RFC 5761).
    """

    remote: Address | None
    remote_rtcp: Address | None
    formats: tuple[Format, ...]
    ptime: int
    direction: Direction
    extended_reports: frozenset[str] = frozenset()
    encryption: Encryption = PLAIN
    rtcp_mux: bool = False


def make_answer(
    offer: SessionDescription,
    local: Address,
    origin: Origin,
    codecs: Sequence[str] = DEFAULT_CODECS,
    terms: Terms = Terms(),  # noqa: B008 -- frozen
    before: Encryption = PLAIN,
) -> tuple[SessionDescription, Agreement]:
    """Answer an offer with our audio at `local`; `origin` is the o= line of the answer.

    The first of our `codecs` that is offered is taken, encrypted on our `terms`; `before` is the
    encryption that has held. NotAcceptable: no codec of ours is offered, or (EncryptionRefused)
    not on these terms.
    """
    offer = unbundled(offer)
    candidates = [(at, answered_formats(each, codecs)) for at, each in enumerate(offer.media)]
    candidates = [(at, part) for at, part in candidates if part and _is_audio(offer.media[at])]
    served = [(at, part) for at, part in candidates if terms.fit(offer, offer.media[at])]
    if not served:
        if candidates:
            raise EncryptionRefused(f"srtp is {terms.srtp}, and no audio is offered like that")
        raise NotAcceptable("no audio stream with a codec of ours")
    taken, formats = min(served, key=lambda each: not terms.encrypt(offer.media[each[0]]))
    media = offer.media[taken]
    secured = encryption.answered(offer, media, terms, local, before)
    rtcp_mux = media.has("rtcp-mux")
    agreement = _agreement(local, offer, media, formats, secured.encryption, rtcp_mux=rtcp_mux)
    answered = _describe(
        local,
        protocol=media.protocol,
        # One audio format, so that nobody needs a second negotiation to settle on one.
        formats=(formats[0], *(part for part in formats if not part.is_audio)),
        ptime=agreement.ptime,
        direction=agreement.direction,
        reports=agreement.extended_reports,
        rtcp_mux=agreement.rtcp_mux,
        secured=secured.attributes,
    )
    path = dtls.path_of(offer, media)
    lines = tuple(
        answered
        if each is media
        else without_media(each, answered)
        if each is path
        else _refused(each)
        for each in offer.media
    )
    about_all = secured.session_attributes
    return SessionDescription(
        origin, lines, connection=local[0], attributes=about_all, times=offer.times
    ), agreement


def make_offer(
    local: Address,
    origin: Origin,
    *,
    formats: tuple[Format, ...] = offered_formats(DEFAULT_CODECS),
    ptime: int = 20,
    direction: Direction = Direction.SENDRECV,
    srtp: SrtpPolicy = SrtpPolicy.OFF,
) -> SessionDescription:
    """An offer of one audio stream, received at `local`.

    Where encryption is not required it is offered beside a plain profile (RFC 8643): who cannot do
    it answers as if it were not there, where two streams to choose from would confuse many.
    """
    secure = srtp is SrtpPolicy.REQUIRED
    suites = enumerate(srtp.offered_suites, 1)
    media = _describe(
        local,
        protocol=SECURE_PROFILES[0] if secure else _PROFILES[0],
        formats=formats,
        ptime=ptime,
        direction=direction,
        reports=frozenset(_REPORTS),
        rtcp_mux=True,
        secured=[CryptoLine.fresh(tag, suite).attribute() for tag, suite in suites],
    )
    return SessionDescription(origin, (media,), connection=local[0])


def offer_again(
    described: SessionDescription,
    origin: Origin,
    codecs: Sequence[str] = DEFAULT_CODECS,
    named: Iterable[Format] = (),
) -> SessionDescription:
    """Our latest description as a new offer: as many streams, numbered alike (section 8).

    The offer may be for somebody else, to whom the peer connects us, so that it is made as if for a
    new call (RFC 3261 14.2): of all our `codecs`, those in use first, and both ways, whatever the
    peer has made of it meanwhile. Keys are new, since nobody else knows how far the old ones are
    used. `named` are the payload types of the peer.
    """
    known = tuple(named)
    ours = place_of_audio(described)
    lines = tuple(
        _offered_again(line, widened(formats_of(line), codecs, known))
        if at == ours
        else replace(line, attributes=encryption.offered_again(line))
        for at, line in enumerate(described.media)
    )
    return replace(described, origin=origin, media=lines)


def _offered_again(media: MediaDescription, formats: tuple[Format, ...]) -> MediaDescription:
    anew = {"rtpmap", "fmtp", *(direction.value for direction in Direction)}
    lines = (each for each in encryption.offered_again(media) if each.name not in anew)
    return replace(
        media,
        formats=tuple(str(part.payload_type) for part in formats),
        attributes=(*_meanings(formats), *lines, Attribute(Direction.SENDRECV.value)),
    )


def read_answer(
    offer: SessionDescription, answer: SessionDescription, before: Encryption = PLAIN
) -> Agreement:
    """What the answer to an offer of ours agrees to; `before` is the encryption that has held.

    NotAcceptable: our stream was refused, or answered with what we did not offer.
    """
    ours = place_of_audio(offer)
    if len(answer.media) <= ours or answer.media[ours].port == 0:
        raise NotAcceptable("our audio was refused: for its codecs, or its encryption")
    offered, media = offer.media[ours], answer.media[ours]
    formats = agreed_formats(media, formats_of(offered)) if _is_audio(media) else ()
    if not formats:
        raise NotAcceptable("answered with no codec that was offered")
    secured = encryption.agreed(offered, answer, media, before)
    if secured is None:
        raise EncryptionRefused("answered without keys that could be used")
    rtcp_mux = offered.has("rtcp-mux") and media.has("rtcp-mux")
    local = offer.connection_of(offered) or "", offered.port
    return _agreement(local, answer, media, formats, secured, rtcp_mux=rtcp_mux)


def _agreement(
    local: Address,
    description: SessionDescription,
    media: MediaDescription,
    formats: tuple[Format, ...],
    secured: Encryption,
    *,
    rtcp_mux: bool,
) -> Agreement:
    # With ICE the path is found by checks, and an address of zeros only says so.
    has_ice = secured.dtls is not None and secured.dtls.ice is not None
    host = description.connection_of(media) if not has_ice else None
    direction = _REVERSED[description.direction_of(media)]
    remote = _address(host, media.port)
    if remote == local:  # repeated by somebody who has none: the conference would hear itself
        remote = None
    if host is not None and _is_unspecified(host):
        direction = _WITHOUT_SENDING[direction]  # how RFC 2543 put calls on hold (8.4)
    # Such types look like RTCP where both come to one port (RFC 5761 section 4).
    rtcp_mux = rtcp_mux and not any(64 <= part.payload_type < 96 for part in formats)
    rtcp_port, rtcp_host = media.rtcp or (media.port + 1, None)
    if rtcp_mux:
        rtcp_port, rtcp_host = media.port, None
    return Agreement(
        remote=remote,
        remote_rtcp=_address(rtcp_host or host, rtcp_port) if remote else None,
        formats=formats,
        ptime=_packet_time(media, formats[0]),
        direction=direction,
        extended_reports=description.extended_reports_of(media) & frozenset(_REPORTS),
        encryption=secured,
        rtcp_mux=rtcp_mux,
    )


def _is_audio(media: MediaDescription) -> bool:
    profiles = (*_PROFILES, *encryption.PROFILES)
    return media.kind == "audio" and media.port != 0 and media.protocol.upper() in profiles


def _packet_time(media: MediaDescription, audio: Format) -> int:
    """The packets the peer wants, as near as we make them: 10 to 60 ms in steps of 10."""
    wanted = min(media.ptime or 20, media.maxptime or _LONGEST)
    made = min(max(wanted // _STEP * _STEP, _SHORTEST), _LONGEST)
    return _OPUS_HAS.get(made, made) if audio.encoding == "OPUS" else made


def _describe(
    local: Address,
    *,
    protocol: str,
    formats: tuple[Format, ...],
    ptime: int,
    direction: Direction,
    reports: frozenset[str],
    rtcp_mux: bool,
    secured: Iterable[Attribute],
) -> MediaDescription:
    attributes = list(_meanings(formats))
    attributes.append(Attribute("ptime", str(ptime)))
    if reports:
        wanted = (each for each in _REPORTS if each in reports)
        attributes.append(Attribute("rtcp-xr", " ".join(wanted)))
    if rtcp_mux:
        attributes.append(Attribute("rtcp-mux"))
    attributes += secured
    attributes.append(Attribute(direction.value))
    return MediaDescription(
        kind="audio",
        port=local[1],
        protocol=protocol,
        formats=tuple(str(part.payload_type) for part in formats),
        attributes=tuple(attributes),
    )


def _meanings(formats: Iterable[Format]) -> Iterator[Attribute]:
    """What payload types stand for."""
    for part in formats:
        channels = f"/{part.channels}" if part.channels > 1 else ""
        name = _WRITTEN.get(part.encoding, part.encoding)
        value = f"{part.payload_type} {name}/{part.clock_rate}{channels}"
        yield Attribute("rtpmap", value)
        # Parameters of a codec say what its describer wants to be sent, so ours are not the peer's.
        parameters = CODECS[part.encoding].parameters if part.is_audio else part.parameters
        if parameters:
            yield Attribute("fmtp", f"{part.payload_type} {parameters}")


def _refused(media: MediaDescription) -> MediaDescription:
    """The answer to a stream that is not taken: the same line with port 0 (section 6)."""
    return MediaDescription(media.kind, 0, media.protocol, media.formats)


def place_of_audio(ours: SessionDescription) -> int:
    """Which of the streams of a description of ours is the one with audio."""
    return next(at for at, line in enumerate(ours.media) if line.port and line.kind == "audio")


def audio_host(description: SessionDescription) -> str | None:
    """The address at which the first audio is received; None if none is stated."""
    media = unbundled(description).media
    audio = next((each for each in media if each.kind == "audio" and each.port), None)
    host = description.connection_of(audio) if audio is not None else None
    return None if host is None or _is_unspecified(host) else literal_host(host)


def _address(host: str | None, port: int) -> Address | None:
    """Where to send to. Not to a group, and no name is looked up: the peer's own packets will show
    the way."""
    if host is None or not 0 < port < 65536 or _is_unspecified(host):
        return None
    literal = literal_host(host)
    if literal is None or ipaddress.ip_address(literal).is_multicast:
        return None
    return literal, port


def literal_host(host: str) -> str | None:
    """An IP address as the system writes it, one that is mapped into IPv6 as IPv4; None: a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
