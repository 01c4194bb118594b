"""The address of a room, made from what a caller, a header or a dial plan gives.

Browsers turn the name in their URL into the local part of the room's JID: decoded, normalised,
lower-cased, and then encoded again, so that a name of any script is plain ASCII. A phone that
wants to meet them has to do exactly the same.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, unquote

from gateway.errors import ConferenceError, JoinFailure

MAX_LENGTH = 1023  # octets of a JID's local part (RFC 7622 section 3.3)

_ENCODED_AT = re.compile("%40")
_LEFT_OUT = re.compile(r"""[:?#\[\]@!$&'()*+,;=<>"]""")  # by browsers, where it is not encoded
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_UNENCODED = "!~*()"  # besides letters, digits and "-._", which `quote` leaves alone


@dataclass(frozen=True, slots=True)
class RoomAddress:
    """A room that may be joined."""

    name: str
    domain: str

    @property
    def jid(self) -> str:
        return f"{self.name}@{self.domain}"

    @classmethod
    def parse(cls, text: str, muc_domains: tuple[str, ...]) -> "RoomAddress":
        """Read `room` or `room@domain`, either of them URL-encoded or not.

        A bare name is what people type: as in a browser's URL, some characters of it do not count.
        It is a room of the first domain. ConferenceError (NOT_FOUND) if there can be no
        such room, or its domain is not among those given.
        """
        text = text.strip()
        name, at, domain = _ENCODED_AT.sub("@", text).rpartition("@")
        if not at:
            name, domain = _LEFT_OUT.sub("", text), muc_domains[0]
        domain = domain.strip().lower()
        if domain not in muc_domains:
            raise ConferenceError(JoinFailure.NOT_FOUND, f"rooms of {domain!r} are not served")
        normalized = unicodedata.normalize("NFKC", _decode(name)).lower()
        if "/" in normalized:
            raise ConferenceError(JoinFailure.NOT_FOUND, "rooms of tenants are not served")
        try:
            encoded = quote(normalized, safe=_UNENCODED).lower()
        except UnicodeEncodeError:  # octets of a SIP header that were not UTF-8
            raise ConferenceError(JoinFailure.NOT_FOUND, f"{text!r} is not UTF-8") from None
        if not encoded or len(encoded) > MAX_LENGTH:
            raise ConferenceError(JoinFailure.NOT_FOUND, f"no room can be named {name[:40]!r}")
        return cls(encoded, domain)


def _decode(text: str) -> str:
    """As a whole, or not at all if it only looks encoded: "100%" is a name as well."""
    if _STRAY_PERCENT.search(text):
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
