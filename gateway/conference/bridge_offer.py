"""Between Jingle's words and the media engine's: offers, answers, candidates, sources.

Pure translation. What the focus offers is used as it is numbered; what we do not use (other
codecs, other header extensions) is left out of the answer.
"""

import secrets
from collections.abc import Collection

from gateway.errors import JingleError
from gateway.media import messages
from gateway.xmpp.jingle import Action, Content, Jingle
from gateway.xmpp.jingle_rtp import AUDIO_LEVEL, PayloadType, RtpDescription
from gateway.xmpp.jingle_transport import Candidate, DtlsFingerprint, IceUdpTransport
from gateway.xmpp.sources import MAX_SSRC, SignalledSource, SourceRegistry


def choose_ssrc(taken: Collection[int]) -> int:
    """A random SSRC that nobody in the conference has; 0 is none."""
    while (ssrc := 1 + secrets.randbelow(MAX_SSRC)) in taken:
        pass
    return ssrc


def bridge_offer(initiate: Jingle, ssrc: int) -> messages.BridgeOffer:
    """What the engine needs of a session-initiate; JingleError if something is missing."""
    description, transport = _audio(initiate)
    if transport.ufrag is None or transport.pwd is None:
        raise JingleError("the offered transport has no ICE credentials")
    if not transport.fingerprints:
        raise JingleError("the offered transport has no fingerprint")
    opus = _payload(description, "opus")
    if opus is None:
        raise JingleError("the offer has no Opus")
    levels = (part.id for part in description.extensions if part.uri == AUDIO_LEVEL)
    return messages.BridgeOffer(
        session=initiate.sid,
        ufrag=transport.ufrag,
        pwd=transport.pwd,
        fingerprints=tuple(
            messages.Fingerprint(part.hash, part.value) for part in transport.fingerprints
        ),
        setup=transport.fingerprints[0].setup,
        candidates=ice_candidates(transport),
        opus=_engine_payload(opus),
        audio_level_id=next(levels, None),
        ssrc=ssrc,
        telephone_event=_optional_engine_payload(_payload(description, "telephone-event")),
        bridge_ssrc=SourceRegistry(initiate.sources).bridge_ssrc,
    )


def session_accept(
    initiate: Jingle,
    answer: messages.BridgeAnswer,
    *,
    responder: str,
    source: SignalledSource | None,
) -> Jingle:
    """The session-accept: what we use of the offer, our source, our side of the transport.

    Who has no source only listens.
    """
    description, _ = _audio(initiate)
    used = (_payload(description, "opus"), _payload(description, "telephone-event"))
    content = Content(
        name=_audio_content(initiate).name,
        description=RtpDescription(
            media="audio",
            payload_types=tuple(payload for payload in used if payload is not None),
            extensions=tuple(part for part in description.extensions if part.uri == AUDIO_LEVEL),
            sources=(source,) if source is not None else (),
        ),
        transport=IceUdpTransport(
            ufrag=answer.ufrag,
            pwd=answer.pwd,
            fingerprints=(
                DtlsFingerprint(
                    answer.fingerprint.hash.lower(), answer.fingerprint.value, answer.setup
                ),
            ),
            candidates=tuple(_jingle_candidate(candidate) for candidate in answer.candidates),
        ),
    )
    return Jingle(
        action=Action.SESSION_ACCEPT,
        sid=initiate.sid,
        initiator=initiate.initiator,
        responder=responder,
        contents=(content,),
    )


def ice_candidates(transport: IceUdpTransport) -> tuple[messages.IceCandidate, ...]:
    """The candidates of a transport, for the engine."""
    return tuple(_engine_candidate(candidate) for candidate in transport.candidates)


def offered_candidates(jingle: Jingle) -> tuple[messages.IceCandidate, ...]:
    """The candidates of a transport-info."""
    transports = (content.transport for content in jingle.contents)
    first = next((transport for transport in transports if transport is not None), None)
    return ice_candidates(first) if first is not None else ()


def engine_sources(registry: SourceRegistry, own: str) -> tuple[messages.Source, ...]:
    """The remote audio sources; `own` is our endpoint id, whose sources nobody sends to us."""
    return tuple(
        messages.Source(source.ssrc, source.owner)
        for source in registry.audio
        if source.owner != own
    )


def _audio_content(initiate: Jingle) -> Content:
    for content in initiate.contents:
        if content.description is not None and content.description.media == "audio":
            return content
    raise JingleError("the offer has no audio")


def _audio(initiate: Jingle) -> tuple[RtpDescription, IceUdpTransport]:
    content = _audio_content(initiate)
    assert content.description is not None
    if content.transport is None:
        raise JingleError("the offered audio has no transport")
    return content.description, content.transport


def _payload(description: RtpDescription, name: str) -> PayloadType | None:
    return next((part for part in description.payload_types if part.name.lower() == name), None)


def _engine_payload(payload: PayloadType) -> messages.Payload:
    parameters = ";".join(
        value if name is None else f"{name}={value}" for name, value in payload.parameters
    )
    return messages.Payload(
        payload.id, payload.name.upper(), payload.clockrate, payload.channels, parameters
    )


def _optional_engine_payload(payload: PayloadType | None) -> messages.Payload | None:
    return _engine_payload(payload) if payload is not None else None


def _engine_candidate(candidate: Candidate) -> messages.IceCandidate:
    related = None
    if candidate.related_host is not None:
        related = (candidate.related_host, candidate.related_port or 0)
    return messages.IceCandidate(
        foundation=candidate.foundation,
        component=candidate.component,
        protocol=candidate.protocol,
        priority=candidate.priority,
        host=candidate.host,
        port=candidate.port,
        type=candidate.type,
        related=related,
    )


def _jingle_candidate(candidate: messages.IceCandidate) -> Candidate:
    related_host, related_port = candidate.related or (None, None)
    return Candidate(
        foundation=candidate.foundation,
        component=candidate.component,
        protocol=candidate.protocol,
        priority=candidate.priority,
        host=candidate.host,
        port=candidate.port,
        type=candidate.type,
        related_host=related_host,
        related_port=related_port,
    )
