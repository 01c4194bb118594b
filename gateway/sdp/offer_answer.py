"""Offer and answer (RFC 3264) for the one audio stream of a phone call.

Pure functions: what a peer offers and what we can do, into what we answer and what holds from then
on. Rule: every m= line of an offer is answered in its place; the first audio stream we can serve
is taken and the others are refused with port 0.
"""

import ipaddress
from dataclasses import dataclass, replace

from gateway.errors import SdpError
from gateway.sdp.session_description import (
    Attribute,
    Direction,
    MediaDescription,
    Origin,
    RtpMap,
    SessionDescription,
)

Address = tuple[str, int]
"""A literal IPv4 or IPv6 address and a port."""

_PROFILES = ("RTP/AVP", "RTP/AVPF")  # feedback is optional in the second (RFC 4585)
_TELEPHONE_EVENT = "TELEPHONE-EVENT"
_KEYPAD = "0-15"  # RFC 4733 section 3.2: 0-9, *, #, A-D
_SHORTEST, _LONGEST, _STEP = 10, 60, 10  # milliseconds of a packet

# RFC 3551 table 4, as far as anybody has them in an m= line without a=rtpmap.
_STATIC = {
    0: RtpMap("PCMU", 8000),
    3: RtpMap("GSM", 8000),
    8: RtpMap("PCMA", 8000),
    9: RtpMap("G722", 8000),
    13: RtpMap("CN", 8000),
    18: RtpMap("G729", 8000),
}

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


class NotAcceptable(SdpError):
    """A readable description of which we can serve nothing: 488, not 400."""


@dataclass(frozen=True, slots=True)
class Format:
    """An RTP payload type and what it stands for; `parameters` is the value of its a=fmtp."""

    payload_type: int
    encoding: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""

    @property
    def is_event(self) -> bool:
        """Whether it carries key presses and no audio."""
        return self.encoding == _TELEPHONE_EVENT


OUR_FORMATS = (
    Format(0, "PCMU", 8000),
    Format(8, "PCMA", 8000),
    Format(101, _TELEPHONE_EVENT, 8000, parameters=_KEYPAD),
)
"""What we can do, as our own offers number it; the first is what we like best."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What holds after an offer and its answer.

    `remote` is where the peer receives RTP, None if it states no address that can be sent to.
    `formats` holds the audio format to send, then others that may arrive, then telephone-event if
    agreed. `ptime` is in milliseconds, `direction` is seen from us.
    """

    remote: Address | None
    remote_rtcp: Address | None
    formats: tuple[Format, ...]
    ptime: int
    direction: Direction


def make_answer(
    offer: SessionDescription, local: Address, origin: Origin
) -> tuple[SessionDescription, Agreement]:
    """Answer an offer with our audio at `local`; `origin` is the o= line of the answer.

    NotAcceptable: nothing that is offered can be served.
    """
    candidates = [_common_formats(media) for media in offer.media]
    taken = next((at for at, part in enumerate(candidates) if part), None)
    if taken is None:
        raise NotAcceptable("no audio stream with a codec of ours")
    media, formats = offer.media[taken], candidates[taken]
    agreement = _agreement(offer, media, formats)
    answered = _describe(
        local,
        protocol=media.protocol,
        # One audio format, so that nobody needs a second negotiation to settle on one.
        formats=(formats[0], *(part for part in formats if part.is_event)),
        ptime=agreement.ptime,
        direction=agreement.direction,
    )
    lines = tuple(
        answered if at == taken else _refused(line) for at, line in enumerate(offer.media)
    )
    return SessionDescription(origin, lines, connection=local[0], times=offer.times), agreement


def make_offer(
    local: Address,
    origin: Origin,
    *,
    formats: tuple[Format, ...] = OUR_FORMATS,
    ptime: int = 20,
    direction: Direction = Direction.SENDRECV,
) -> SessionDescription:
    """An offer of one audio stream, received at `local`."""
    media = _describe(
        local, protocol=_PROFILES[0], formats=formats, ptime=ptime, direction=direction
    )
    return SessionDescription(origin, (media,), connection=local[0])


def offer_again(described: SessionDescription, origin: Origin) -> SessionDescription:
    """Our latest description as a new offer: as many streams, numbered alike (section 8).

    The audio is offered both ways, whatever the peer has made of it meanwhile.
    """
    directions = {direction.value for direction in Direction}
    lines = tuple(
        replace(
            line,
            attributes=(
                *(each for each in line.attributes if each.name not in directions),
                Attribute(Direction.SENDRECV.value),
            ),
        )
        if line.port
        else line
        for line in described.media
    )
    return replace(described, origin=origin, media=lines)


def read_answer(offer: SessionDescription, answer: SessionDescription) -> Agreement:
    """What the answer to an offer of ours agrees to.

    NotAcceptable: our stream was refused, or answered with what we did not offer.
    """
    ours = next(at for at, line in enumerate(offer.media) if line.port)
    if len(answer.media) <= ours or answer.media[ours].port == 0:
        raise NotAcceptable("our audio was refused")
    media = answer.media[ours]
    offered = {(part.encoding, part.clock_rate) for part in _formats(offer.media[ours])}
    formats = tuple(
        part for part in _common_formats(media) if (part.encoding, part.clock_rate) in offered
    )
    if not formats:
        raise NotAcceptable("answered with no codec that was offered")
    return _agreement(answer, media, formats)


def _agreement(
    description: SessionDescription, media: MediaDescription, formats: tuple[Format, ...]
) -> Agreement:
    host = description.connection_of(media)
    direction = _REVERSED[description.direction_of(media)]
    remote = _address(host, media.port)
    if host is not None and _is_unspecified(host):
        direction = _WITHOUT_SENDING[direction]  # how RFC 2543 put calls on hold (8.4)
    rtcp_port, rtcp_host = media.rtcp or (media.port + 1, None)
    return Agreement(
        remote=remote,
        remote_rtcp=_address(rtcp_host or host, rtcp_port) if remote else None,
        formats=formats,
        ptime=_packet_time(media),
        direction=direction,
    )


def _common_formats(media: MediaDescription) -> tuple[Format, ...]:
    """What we can do of a stream: audio in the peer's order, then telephone-event.

    Nothing if there is no audio format among it.
    """
    if media.kind != "audio" or media.port == 0 or media.protocol.upper() not in _PROFILES:
        return ()
    known = {(part.encoding, part.clock_rate, part.channels) for part in OUR_FORMATS}
    common = [
        part for part in _formats(media) if (part.encoding, part.clock_rate, part.channels) in known
    ]
    audio = tuple(part for part in common if not part.is_event)
    events = tuple(replace(part, parameters=_KEYPAD) for part in common if part.is_event)
    return (*audio, *events[:1]) if audio else ()


def _formats(media: MediaDescription) -> list[Format]:
    maps, parameters = {**_STATIC, **media.rtpmaps}, media.fmtps
    formats = []
    for text in media.formats:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 128
        if number < 128 and number in maps:
            formats.append(Format(number, *maps[number], parameters.get(number, "")))
    return formats


def _packet_time(media: MediaDescription) -> int:
    """The packets the peer wants, as near as we make them: 10 to 60 ms in steps of 10."""
    wanted = min(media.ptime or 20, media.maxptime or _LONGEST)
    return min(max(wanted // _STEP * _STEP, _SHORTEST), _LONGEST)


def _describe(
    local: Address,
    *,
    protocol: str,
    formats: tuple[Format, ...],
    ptime: int,
    direction: Direction,
) -> MediaDescription:
    attributes: list[Attribute] = []
    for part in formats:
        channels = f"/{part.channels}" if part.channels > 1 else ""
        name = part.encoding.lower() if part.is_event else part.encoding
        value = f"{part.payload_type} {name}/{part.clock_rate}{channels}"
        attributes.append(Attribute("rtpmap", value))
        if part.parameters:
            attributes.append(Attribute("fmtp", f"{part.payload_type} {part.parameters}"))
    attributes += [Attribute("ptime", str(ptime)), Attribute(direction.value)]
    return MediaDescription(
        kind="audio",
        port=local[1],
        protocol=protocol,
        formats=tuple(str(part.payload_type) for part in formats),
        attributes=tuple(attributes),
    )


def _refused(media: MediaDescription) -> MediaDescription:
    """The answer to a stream that is not taken: the same line with port 0 (section 6)."""
    return MediaDescription(media.kind, 0, media.protocol, media.formats)


def _address(host: str | None, port: int) -> Address | None:
    """Where to send to; a name is not looked up: the peer's own packets will show the way."""
    if host is None or not 0 < port < 65536 or _is_unspecified(host):
        return None
    try:
        return str(ipaddress.ip_address(host)), port
    except ValueError:
        return None


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
