"""Between Jingle's words and the media engine's: offers, answers, candidates, sources.

Pure translation. What the focus offers is used as it is numbered; what we do not use (other
codecs, other header extensions) is left out of the answer.
"""

import secrets
from collections.abc import Collection
from dataclasses import replace

from gateway.errors import JingleError
from gateway.media import messages
from gateway.xmpp.jingle import Action, Content, Jingle
from gateway.xmpp.jingle_rtp import AUDIO_LEVEL, TRANSPORT_CC, PayloadType, RtpDescription
from gateway.xmpp.jingle_transport import Candidate, DtlsFingerprint, IceUdpTransport
from gateway.xmpp.sources import MAX_SSRC, SignalledSource, SourceRegistry


def choose_ssrc(taken: Collection[int]) -> int:
    """A random SSRC that nobody in the conference has; 0 is none."""
    while (ssrc := 1 + secrets.randbelow(MAX_SSRC)) in taken:
        pass
    return ssrc


def bridge_offer(
    initiate: Jingle, ssrc: int, relays: tuple[messages.TurnServer, ...] = ()
) -> messages.BridgeOffer:
    """What the engine needs of a session-initiate; JingleError if something is missing."""
    description, transport = _audio(initiate)
    if transport.ufrag is None or transport.pwd is None:
        raise JingleError("the offered transport has no ICE credentials")
    if not transport.fingerprints:
        raise JingleError("the offered transport has no fingerprint")
    opus = _payload(description, "opus")
    if opus is None:
        raise JingleError("the offer has no Opus")
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
        audio_level_id=_extension_id(description, AUDIO_LEVEL),
        ssrc=ssrc,
        telephone_event=_optional_engine_payload(_payload(description, "telephone-event")),
        bridge_ssrc=SourceRegistry(initiate.sources).bridge_ssrc,
        red=_optional_engine_payload(_red(description, opus)),
        transport_cc_id=_extension_id(description, TRANSPORT_CC),
        relays=relays,
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
    opus = _payload(description, "opus")
    used = (_red(description, opus), opus, _payload(description, "telephone-event"))
    extensions = (
        part for part in description.extensions if part.uri in (AUDIO_LEVEL, TRANSPORT_CC)
    )
    content = Content(
        name=_audio_content(initiate).name,
        description=RtpDescription(
            media="audio",
            payload_types=tuple(payload for payload in used if payload is not None),
            extensions=tuple(extensions),
            sources=(source,) if source is not None else (),
        ),
        transport=_answered_transport(answer),
    )
    return Jingle(
        action=Action.SESSION_ACCEPT,
        sid=initiate.sid,
        initiator=initiate.initiator,
        responder=responder,
        contents=(content,),
    )


def channel_url(initiate: Jingle) -> str | None:
    """Where the bridge channel is, if one is offered."""
    return _audio(initiate)[1].web_socket


def ice_candidates(transport: IceUdpTransport) -> tuple[messages.IceCandidate, ...]:
    """The candidates of a transport, for the engine."""
    return tuple(_engine_candidate(candidate) for candidate in transport.candidates)


def offered_candidates(jingle: Jingle) -> tuple[messages.IceCandidate, ...]:
    """The candidates of a transport-info."""
    transport = _first_transport(jingle)
    return ice_candidates(transport) if transport is not None else ()


def offered_ice_restart(jingle: Jingle) -> messages.IceParameters | None:
    """The new ICE credentials in a transport-info, if it is an ICE restart."""
    told = _first_transport(jingle)
    if told is None or told.ice_generation is None or told.ufrag is None or told.pwd is None:
        return None
    return messages.IceParameters(told.ice_generation, told.ufrag, told.pwd, ice_candidates(told))


def ice_restart_answer(
    initiate: Jingle, answer: messages.BridgeAnswer, local: messages.IceParameters
) -> Jingle:
    """The transport-info with our new credentials; the rest is as in the session-accept."""
    renewed = replace(answer, ufrag=local.ufrag, pwd=local.pwd, candidates=local.candidates)
    transport = replace(_answered_transport(renewed), ice_generation=local.generation)
    return Jingle(
        action=Action.TRANSPORT_INFO,
        sid=initiate.sid,
        initiator=initiate.initiator,
        contents=(Content(name=_audio_content(initiate).name, transport=transport),),
    )


def engine_sources(
    registry: SourceRegistry, own: str, encrypting: Collection[str] = ()
) -> tuple[messages.Source, ...]:
    """The remote audio sources; `own` is our endpoint id, whose sources nobody sends to us.

    Those of the endpoints that are `encrypting` end to end nobody can decode.
    """
    return tuple(
        messages.Source(source.ssrc, source.owner, source.owner in encrypting)
        for source in registry.audio
        if source.owner != own
    )


def _first_transport(jingle: Jingle) -> IceUdpTransport | None:
    transports = (content.transport for content in jingle.contents)
    return next((transport for transport in transports if transport is not None), None)


def _answered_transport(answer: messages.BridgeAnswer) -> IceUdpTransport:
    fingerprint = answer.fingerprint
    return IceUdpTransport(
        ufrag=answer.ufrag,
        pwd=answer.pwd,
        fingerprints=(DtlsFingerprint(fingerprint.hash.lower(), fingerprint.value, answer.setup),),
        candidates=tuple(_jingle_candidate(candidate) for candidate in answer.candidates),
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


def _red(description: RtpDescription, opus: PayloadType | None) -> PayloadType | None:
    """Redundancy of this Opus; its payloads are listed in a parameter without a name."""
    red = _payload(description, "red")
    if red is None or opus is None:
        return None
    listed = {kind for name, value in red.parameters if name is None for kind in value.split("/")}
    return red if listed == {str(opus.id)} else None


def _extension_id(description: RtpDescription, uri: str) -> int | None:
    """The id of a header extension (RFC 8285), None if it is not offered."""
    return next((part.id for part in description.extensions if part.uri == uri), None)


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
