"""The bridge's offer to a browser as SDP, and what of the browser's answer matters to the bridge.

The first m= section is the browser's microphone, then there is one for each source of the others.
The bridge sends every source with its own SSRC and without MID, so the browser tells them apart by
the a=ssrc lines (RFC 8843 section 9.2). A section whose source has gone stays, inactive, until
another source takes its place: sections cannot be taken away (RFC 3264 section 8). Pure functions.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gateway.errors import SdpError
from gateway.lab.focus_offer import OfferConfig
from gateway.lab.videobridge import BridgeTransportOffer
from gateway.sdp.session_description import (
    Attribute,
    Direction,
    MediaDescription,
    Origin,
    SessionDescription,
)
from gateway.xmpp.jingle_rtp import AUDIO_LEVEL
from gateway.xmpp.sources import MAX_SSRC, SignalledSource

MAX_SEATS = 40
"""Sources a browser is offered at most: each costs it a decoder, and the offer a section."""

Seats = tuple[SignalledSource | None, ...]
"""Which source each section behind the first one carries; None if it is free."""

_DISCARD = 9  # the port of a section whose transport ICE will find (RFC 8839 section 4.2)
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"(sha-(?:1|256|384|512)) ([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){19,63})")
_SSRC = re.compile(r"(\d{1,10})(?: .*)?")


@dataclass(frozen=True, slots=True)
class BrowserAnswer:
    """A browser's half of the transport, and the SSRC of its microphone."""

    ufrag: str
    pwd: str = field(repr=False)
    fingerprint: tuple[str, str]
    setup: str
    ssrc: int


def seat(seats: Seats, sources: Iterable[SignalledSource]) -> Seats:
    """Where everybody sits now: who is there already stays, newcomers get free seats or new ones.

    Whoever finds no seat is not heard.
    """
    wanted = list(sources)
    taken: list[SignalledSource | None] = [source if source in wanted else None for source in seats]
    for source in wanted:
        if source in taken:
            continue
        if None in taken:
            taken[taken.index(None)] = source
        elif len(taken) < MAX_SEATS:
            taken.append(source)
    return tuple(taken)


def mid_of(seat_number: int) -> str:
    """The name of a seat's section; the microphone's is 0."""
    return str(seat_number + 1)


def bridge_offer(
    transport: BridgeTransportOffer, config: OfferConfig, seats: Seats, *, version: int
) -> str:
    """The offer with everything in it: no candidate is trickled."""
    shared = tuple(_transport(transport)) + tuple(_codec(config))
    microphone = _section("0", Direction.RECVONLY, config, shared)
    others = (
        _section(
            mid_of(number),
            Direction.SENDONLY if source is not None else Direction.INACTIVE,
            config,
            (*shared, *(_source(source) if source is not None else ())),
        )
        for number, source in enumerate(seats)
    )
    media = (microphone, *others)
    mids = " ".join(section.value("mid") or "" for section in media)
    attributes = (
        Attribute("group", f"BUNDLE {mids}"),
        Attribute("extmap-allow-mixed"),
        Attribute("msid-semantic", " WMS *"),
    )
    origin = Origin("127.0.0.1", "1", version)
    return SessionDescription(origin, media, attributes=attributes).serialize().decode()


def read_answer(sdp: str) -> BrowserAnswer:
    """What the bridge and the focus need of an answer. SdpError says what is missing."""
    description = SessionDescription.parse(sdp.encode("utf-8", "replace"))
    if not description.media or description.media[0].port == 0:
        raise SdpError("the answer rejects the microphone's section")
    microphone = description.media[0]
    if description.direction_of(microphone) not in (Direction.SENDONLY, Direction.SENDRECV):
        raise SdpError("the answer sends nothing from the microphone")
    attributes = (*microphone.attributes, *description.attributes)
    fingerprint = _matched(attributes, "fingerprint", _FINGERPRINT)
    setup = _value(attributes, "setup")
    if setup not in ("active", "passive"):
        raise SdpError(f"a=setup is {setup[:20]!r}")
    ssrc = int(_matched(microphone.attributes, "ssrc", _SSRC)[1])
    if not 0 < ssrc <= MAX_SSRC:
        raise SdpError(f"a=ssrc is {ssrc}")
    return BrowserAnswer(
        ufrag=_matched(attributes, "ice-ufrag", _UFRAG)[0],
        pwd=_matched(attributes, "ice-pwd", _PWD)[0],
        fingerprint=(fingerprint[1], fingerprint[2].upper()),
        setup=setup,
        ssrc=ssrc,
    )


def _section(
    mid: str, direction: Direction, config: OfferConfig, attributes: tuple[Attribute, ...]
) -> MediaDescription:
    first = (Attribute("mid", mid), Attribute(direction.value))
    return MediaDescription(
        kind="audio",
        port=_DISCARD,
        protocol="UDP/TLS/RTP/SAVPF",
        formats=(str(config.opus),),
        connection="0.0.0.0",
        attributes=first + attributes,
    )


def _transport(offer: BridgeTransportOffer) -> Iterator[Attribute]:
    yield Attribute("ice-ufrag", offer.ufrag)
    yield Attribute("ice-pwd", offer.pwd)
    yield Attribute("fingerprint", f"{offer.fingerprint_hash} {offer.fingerprint.upper()}")
    yield Attribute("setup", "actpass")
    yield Attribute("rtcp-mux")
    for c in offer.candidates:
        value = f"{c.foundation} {c.component} {c.protocol} {c.priority} {c.host} {c.port}"
        yield Attribute("candidate", f"{value} typ {c.type}")
    yield Attribute("end-of-candidates")


def _codec(config: OfferConfig) -> Iterator[Attribute]:
    yield Attribute("rtpmap", f"{config.opus} opus/48000/2")
    yield Attribute("fmtp", f"{config.opus} minptime=10;useinbandfec=1")
    yield Attribute("extmap", f"{config.audio_level} {AUDIO_LEVEL}")


def _source(source: SignalledSource) -> Iterator[Attribute]:
    # Signalled msids come from strangers: only what can be a token of a=msid is taken.
    stream = re.sub(r"[^A-Za-z0-9-]", "", source.owner) or "stream"
    yield Attribute("msid", f"{stream} {stream}-{source.ssrc}")
    yield Attribute("ssrc", f"{source.ssrc} cname:{stream}")


def _value(attributes: Sequence[Attribute], name: str) -> str:
    value = next((value for key, value in attributes if key == name), None)
    if value is None:
        raise SdpError(f"the answer has no a={name}")
    return value.strip()


def _matched(attributes: Sequence[Attribute], name: str, form: re.Pattern[str]) -> re.Match[str]:
    match = form.fullmatch(_value(attributes, name))
    if match is None:
        raise SdpError(f"a={name} of the answer makes no sense")
    return match
