"""How an audio stream is encrypted: by keys stated in SDP, by a DTLS handshake, or not at all."""

from dataclasses import dataclass

from gateway.sdp import crypto, dtls
from gateway.sdp.crypto import CryptoKeys, SrtpPolicy
from gateway.sdp.dtls import DtlsParameters
from gateway.sdp.session_description import Attribute, MediaDescription, SessionDescription

PROFILES = (*crypto.SECURE_PROFILES, *dtls.PROFILES)
"""Profiles of streams that are always encrypted."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """What was agreed on: `keys`, or how to come by them; neither where media are plain."""

    keys: CryptoKeys | None = None
    dtls: DtlsParameters | None = None


PLAIN = Encryption()


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms we encrypt; `fingerprint` is of our certificate, None for no DTLS."""

    srtp: SrtpPolicy = SrtpPolicy.OFF
    fingerprint: tuple[str, str] | None = None

    def fit(self, offer: SessionDescription, media: MediaDescription) -> bool:
        """Whether an offered stream is encrypted in a way we can do, if either side wants that."""
        if dtls.is_dtls(media):
            may = self.srtp is not SrtpPolicy.OFF and self.fingerprint is not None
            return may and dtls.is_possible(offer, media)
        return crypto.fits(media, self.srtp)

    def encrypt(self, media: MediaDescription) -> bool:
        """Whether an offered stream that fits will be encrypted."""
        return dtls.is_dtls(media) or crypto.taken(media, self.srtp) is not None


@dataclass(frozen=True, slots=True)
class Answered:
    """The encryption of a stream that we answer, and what our description says of it: in the
    section of the stream, and before all."""

    encryption: Encryption
    attributes: tuple[Attribute, ...] = ()
    session_attributes: tuple[Attribute, ...] = ()


def answered(
    offer: SessionDescription,
    media: MediaDescription,
    terms: Terms,
    local: tuple[str, int],
    before: Encryption,
) -> Answered:
    """Answer a stream that fits; `before` is what held until now."""
    if not dtls.is_dtls(media):
        line, keys = crypto.answered(crypto.taken(media, terms.srtp), before.keys)
        return Answered(Encryption(keys), (line.attribute(),) if line is not None else ())
    assert terms.fingerprint is not None
    agreed = dtls.answered(offer, media, before.dtls)
    return Answered(
        Encryption(dtls=agreed),
        tuple(dtls.attributes(media, agreed, terms.fingerprint, local)),
        tuple(dtls.session_attributes(offer, media, agreed)),
    )


def agreed(
    offered: MediaDescription,
    answer: SessionDescription,
    media: MediaDescription,
    before: Encryption,
) -> Encryption | None:
    """What the answer to a stream of ours agrees to; None if it is not encrypted as it must be."""
    if dtls.is_dtls(offered):
        if not dtls.is_possible(answer, media):
            return None
        ours = before.dtls.ice if before.dtls is not None else None
        return Encryption(dtls=dtls.agreed(answer, media, ours))
    keys = crypto.agreed(offered, media)
    return Encryption(keys) if keys is not None or crypto.is_plain(offered, media) else None


def offered_again(media: MediaDescription) -> tuple[Attribute, ...]:
    """The lines of a stream in an offer of ours that follows: with keys nobody has had."""
    lines = (crypto.CryptoLine.fresh(line.tag, line.suite) for line in crypto.lines_of(media))
    others = (dtls.repeated(each) for each in media.attributes if each.name != "crypto")
    return (*others, *(line.attribute() for line in lines))
