"""SRTP keys in session descriptions: a=crypto (RFC 4568), with the suites of RFC 7714.

Each side states the key it sends with. Rule: a line we cannot do whole is a line we do not choose;
what is not even a line of RFC 4568 is none. Keys are in no `repr`.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum

from gateway.sdp.session_description import Attribute, MediaDescription

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AEAD_AES_256_GCM": 44,
    "AEAD_AES_128_GCM": 28,
    "AES_CM_128_HMAC_SHA1_32": 30,
}
"""The suites we have, in the order of our own offers, with the octets of master key and salt.

First what everybody has: some read the first line only. The short tag comes last.
"""

OPPORTUNISTIC = tuple(SUITES)[:1]
"""What an offer lists that may be answered without (RFC 8643): it has to stay a small request."""

SECURE_PROFILES = ("RTP/SAVP", "RTP/SAVPF")
"""Profiles that are nothing without encryption (RFC 3711, RFC 5124)."""

_CRYPTO = re.compile(r"(\d{1,9})\s+(\w+)\s+(\S+)((?:\s+\S+)*)\s*", re.ASCII)
_INLINE = re.compile(
    r"inline:([A-Za-z0-9+/]+={0,2})"
    r"(?:\|(?:2\^)?\d{1,20})?"  # its lifetime in packets: who has used it up states another
    r"(?:\|(\d{1,38}):(\d{1,3}))?",
    re.ASCII | re.IGNORECASE,
)
_HARMLESS = re.compile(r"WSH=\d+|-.*", re.ASCII | re.IGNORECASE)
_LONGEST_MKI = 128  # octets


class SrtpPolicy(StrEnum):
    """Whether media are encrypted: never, where the other side wants that, or always."""

    OFF = "off"
    OFFERED = "offered"
    REQUIRED = "required"

    @property
    def offered_suites(self) -> tuple[str, ...]:
        """The suites that an offer of ours lists."""
        return {SrtpPolicy.OFF: (), SrtpPolicy.OFFERED: OPPORTUNISTIC}.get(self, tuple(SUITES))


@dataclass(frozen=True, slots=True)
class CryptoLine:
    """An a=crypto line: the `key` (master key and salt) its describer sends with.

    `mki` is what then identifies the key in each of its packets (RFC 3711 section 3.1).
    """

    tag: int
    suite: str
    key: bytes = field(repr=False)
    mki: bytes = b""

    @classmethod
    def fresh(cls, tag: int, suite: str) -> "CryptoLine":
        """A line of ours with a key nobody has had."""
        return cls(tag, suite, secrets.token_bytes(SUITES[suite]))

    @classmethod
    def parse(cls, value: str) -> "CryptoLine | None":
        """A line we can do; None: there is something in it that we cannot."""
        match = _CRYPTO.fullmatch(value.strip())
        if match is None:
            return None
        suite, key = match[2].upper(), _INLINE.fullmatch(match[3])  # of several keys none
        if suite not in SUITES or key is None:
            return None
        if not all(_HARMLESS.fullmatch(parameter) for parameter in match[4].split()):
            return None
        octets, mki = _octets(key[1]), _mki(key[2], key[3])
        if octets is None or len(octets) != SUITES[suite] or mki is None:
            return None
        return cls(int(match[1]), suite, octets, mki)

    def attribute(self) -> Attribute:
        """The line of a description."""
        key = base64.b64encode(self.key).decode()
        return Attribute("crypto", f"{self.tag} {self.suite} inline:{key}")


@dataclass(frozen=True, slots=True)
class CryptoKeys:
    """What both sides agreed on: one suite, and the master key and salt of each direction."""

    suite: str
    local: bytes = field(repr=False)
    remote: bytes = field(repr=False)
    remote_mki: bytes = b""


def lines_of(media: MediaDescription) -> tuple[CryptoLine, ...]:
    """The lines we can do, in the order of their describer, who likes the first best."""
    values = (value for name, value in media.attributes if name == "crypto" and value is not None)
    lines = (CryptoLine.parse(value) for value in values)
    return tuple(line for line in lines if line is not None)


def taken(media: MediaDescription, srtp: SrtpPolicy) -> CryptoLine | None:
    """The line of an offered stream that we answer, also beside a plain profile (RFC 8643)."""
    return next(iter(lines_of(media)), None) if srtp is not SrtpPolicy.OFF else None


def fits(media: MediaDescription, srtp: SrtpPolicy) -> bool:
    """Whether an offered stream is encrypted if either side wants that."""
    must_be = _is_secure(media) or srtp is SrtpPolicy.REQUIRED
    return taken(media, srtp) is not None or not must_be


def is_plain(offered: MediaDescription, answer: MediaDescription) -> bool:
    """Whether an answer without keys is one of somebody who neither has encryption nor must."""
    if _is_secure(offered) or _is_secure(answer):
        return False
    return offered.value("crypto") is None or answer.value("crypto") is None


def answered(
    line: CryptoLine | None, before: CryptoKeys | None
) -> tuple[CryptoLine, CryptoKeys] | tuple[None, None]:
    """Our line in answer to one that was offered, if any was, and what holds then.

    Who offers the same key again is the same, and gets ours again. Who has another may be somebody
    else, who does not know how often our sequence numbers have wrapped: it gets another of ours.
    """
    if line is None:
        return None, None
    keys = CryptoKeys(line.suite, b"", line.key, line.mki)
    if before is not None and replace(before, local=b"") == keys:
        ours = CryptoLine(line.tag, line.suite, before.local)
    else:
        ours = CryptoLine.fresh(line.tag, line.suite)
    return ours, replace(keys, local=ours.key)


def agreed(offered: MediaDescription, answer: MediaDescription) -> CryptoKeys | None:
    """What an answer takes of our offer; None: nothing of it, or what we cannot do.

    The suite alone tells which line it is: we offer each once, and not everybody repeats the tag.
    """
    ours = {line.suite: line for line in lines_of(offered)}
    for line in lines_of(answer):
        if line.suite in ours:
            return CryptoKeys(line.suite, ours[line.suite].key, line.key, line.mki)
    return None


def _is_secure(media: MediaDescription) -> bool:
    return media.protocol.upper() in SECURE_PROFILES


def _octets(text: str) -> bytes | None:
    """Base64, whether it is padded or not."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except binascii.Error:
        return None


def _mki(value: str | None, length: str | None) -> bytes | None:
    """The octets that identify the key: none if none are stated; None if they do not fit."""
    if value is None or length is None:
        return b""
    if not 0 < int(length) <= _LONGEST_MKI or int(value) >= 1 << 8 * int(length):
        return None
    return int(value).to_bytes(int(length))
