"""The offers and answers of one call, from SIP bodies to what the media engine is told."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.media.messages import (
    Direction,
    Fingerprint,
    Payload,
    PhoneDtls,
    PhoneIce,
    PhoneKeys,
    PhoneMedia,
)
from gateway.sdp.crypto import CryptoKeys, SrtpPolicy
from gateway.sdp.dtls import DtlsParameters
from gateway.sdp.encryption import PLAIN, Terms
from gateway.sdp.formats import DEFAULT_CODECS, Format, formats_of, offered_formats
from gateway.sdp.offer_answer import (
    RECEIVER_ROUND_TRIP,
    VOIP_METRICS,
    Address,
    Agreement,
    audio_host,
    make_answer,
    make_offer,
    offer_again,
    place_of_audio,
    read_answer,
)
from gateway.sdp.session_description import Origin, SessionDescription

_USERNAME = "gateway"  # SIPp's `regexp` wants letters in an o= line, where "-" would do


class Negotiation:
    """Our side of a call's session (RFC 3264). `local` says where a phone reaches our RTP whose own
    is received at some host: None if that is not known yet.

    `signalling_host` is where the phone's SIP messages come from, `codecs` are ours, the best
    first; media are encrypted on our `terms`. Every method raises SdpError for a description that
    cannot be read, NotAcceptable for one that cannot be served; what was agreed before holds then.
    """

    def __init__(
        self,
        local: Callable[[str | None], Address],
        signalling_host: str,
        codecs: Sequence[str] = DEFAULT_CODECS,
        terms: Terms = Terms(),  # noqa: B008 -- frozen
    ) -> None:
        self._local = local
        self._signalling_host = signalling_host
        self._codecs = codecs
        self._terms = terms
        self._encryption = PLAIN  # of the last agreement
        self._origin = Origin(
            local(None)[0], str(secrets.randbits(52)), secrets.randbits(16), username=_USERNAME
        )
        self._described: SessionDescription | None = None  # by us, last
        self._named: dict[int, Format] = {}  # payload types, by the phone, the latest of each
        self._has_spoken_with = False  # media has been agreed both ways before

    @property
    def srtp(self) -> str:
        """What encrypts media now: a suite, "dtls" or "none"."""
        keys, dtls = self._encryption.keys, self._encryption.dtls
        return keys.suite if keys is not None else "none" if dtls is None else "dtls"

    def answer(self, offer: bytes) -> tuple[bytes, PhoneMedia]:
        """The answer to the phone's offer, and what holds with it."""
        description = SessionDescription.parse(offer)
        answer, agreement = make_answer(
            description,
            self._local(audio_host(description)),
            self._origin.raised(),
            self._codecs,
            self._terms,
            self._encryption,
        )
        self._hear(answer, description)
        return self._describe(answer), self._media(agreement)

    def offer(self, srtp: SrtpPolicy | None = None) -> bytes:
        """Our offer; without `srtp` it is for an INVITE that has none, so that no other may follow.

        It has no keys then where they are not required: there are peers who refuse these beside a
        plain profile (RFC 8643).
        """
        origin = self._origin.raised()
        if self._described is None:
            formats = offered_formats(self._codecs)
            if srtp is None:
                is_required = self._terms.srtp is SrtpPolicy.REQUIRED
                srtp = SrtpPolicy.REQUIRED if is_required else SrtpPolicy.OFF
            offer = make_offer(self._local(None), origin, formats=formats, srtp=srtp)
        else:
            offer = offer_again(self._described, origin, self._codecs, self._named.values())
        return self._describe(offer)

    def answered(self, answer: bytes) -> PhoneMedia:
        """What holds after the answer to `offer`."""
        assert self._described is not None, "nothing was offered"
        description = SessionDescription.parse(answer)
        agreement = read_answer(self._described, description, self._encryption)
        self._hear(self._described, description)
        return self._media(agreement)

    def _describe(self, description: SessionDescription) -> bytes:
        """Say a description; what says nothing new keeps its version, so that a phone whose session
        is only refreshed leaves its media as they are (RFC 3264 section 8)."""
        if self._described != replace(description, origin=self._origin):
            self._described = description
            self._origin = description.origin
        return self._described.serialize()

    def _hear(self, ours: SessionDescription, theirs: SessionDescription) -> None:
        """Note what the payload types of our stream stand for to the phone."""
        heard = formats_of(theirs.media[place_of_audio(ours)])
        self._named |= {part.payload_type: part for part in heard}

    def _media(self, agreement: Agreement) -> PhoneMedia:
        self._encryption = agreement.encryption
        direction = Direction(agreement.direction.value)
        is_held = self._has_spoken_with and not direction.sends
        self._has_spoken_with |= direction is Direction.SENDRECV
        return PhoneMedia(
            remote=agreement.remote,
            remote_rtcp=agreement.remote_rtcp,
            signalling_host=self._signalling_host,
            payloads=tuple(
                Payload(
                    part.payload_type,
                    part.encoding,
                    part.clock_rate,
                    part.channels,
                    part.parameters,
                )
                for part in agreement.formats
            ),
            ptime=agreement.ptime,
            direction=direction,
            is_held=is_held,
            voip_metrics=VOIP_METRICS in agreement.extended_reports,
            receiver_round_trip=RECEIVER_ROUND_TRIP in agreement.extended_reports,
            keys=_phone_keys(agreement.encryption.keys),
            dtls=_phone_dtls(agreement.encryption.dtls),
            rtcp_mux=agreement.rtcp_mux,
        )


def _phone_keys(keys: CryptoKeys | None) -> PhoneKeys | None:
    if keys is None:
        return None
    return PhoneKeys(keys.suite, keys.local, keys.remote, keys.remote_mki)


def _phone_dtls(dtls: DtlsParameters | None) -> PhoneDtls | None:
    if dtls is None:
        return None
    ice = dtls.ice
    return PhoneDtls(
        tuple(Fingerprint(*fingerprint) for fingerprint in dtls.fingerprints),
        dtls.setup,
        PhoneIce(ice.ufrag, ice.pwd, ice.remote_ufrag, ice.remote_pwd) if ice is not None else None,
    )
