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
_TENANT = re.compile("[a-z0-9_.-]+")
_INTERNAL = re.compile(r"\[([^\]]+)\](.+)@([^.@]+)\.([^@]+)")


@dataclass(frozen=True, slots=True)
class RoomAddress:
    """A room that may be joined. `domain` is that of its JID, with the tenant in it if it has one.

    The room of `https://meet.example.org/tenant/room` is `room@conference.tenant.meet.example.org`:
    Jitsi's domain mapper in Prosody knows what is meant.
    """

    name: str
    domain: str
    tenant: str | None = None

    @property
    def jid(self) -> str:
        return f"{self.name}@{self.domain}"

    @classmethod
    def parse(
        cls,
        text: str,
        muc_domains: tuple[str, ...],
        *,
        tenants: bool = False,
        tenant: str | None = None,
    ) -> "RoomAddress":
        """Read `room`, `tenant/room` or `room@domain`, URL-encoded or not, or an internal name.

        A bare name is what people type: as in a browser's URL, some characters of it do not count.
        It is a room of the first domain, and of `tenant` if it names none. ConferenceError
        (NOT_FOUND) if there can be no such room, its domain is not among those given, or it is a
        tenant's without `tenants` being served.
        """
        text = outer_room(text.strip())
        name, at, domain = _ENCODED_AT.sub("@", text).rpartition("@")
        if at:
            domain, tenant = _known_domain(domain.strip().lower(), muc_domains)
        else:
            prefix, slash, rest = text.rpartition("/")
            name, domain = _LEFT_OUT.sub("", rest), muc_domains[0]
            tenant = prefix.strip("/") if slash else tenant
        if tenant:
            tenant = tenant.lower()
            if not tenants or not _TENANT.fullmatch(tenant):
                raise ConferenceError(JoinFailure.NOT_FOUND, f"no tenant {tenant!r} is served")
            host, _, base = domain.partition(".")
            domain = f"{host}.{tenant}.{base}"
        return cls(_encode(name, text), domain, tenant or None)


def outer_room(jid: str) -> str:
    """How a room is addressed of which a module of Prosody may tell the internal name.

    That is `[tenant]room@conference.meet.example.org`; the domain mapper translates only who a
    stanza is from and to.
    """
    match = _INTERNAL.fullmatch(jid)
    if match is None:
        return jid
    tenant, name, host, base = match.groups()
    return f"{name}@{host}.{tenant}.{base}"


def _known_domain(domain: str, muc_domains: tuple[str, ...]) -> tuple[str, str | None]:
    """Which of our domains it is, and the tenant that is named in it."""
    if domain in muc_domains:
        return domain, None
    for known in muc_domains:
        host, _, base = known.partition(".")
        match = re.fullmatch(rf"{re.escape(host)}\.(.+)\.{re.escape(base)}", domain)
        if match is not None:
            return known, match[1]
    raise ConferenceError(JoinFailure.NOT_FOUND, f"rooms of {domain!r} are not served")


def _encode(name: str, text: str) -> str:
    normalized = unicodedata.normalize("NFKC", _decode(name)).lower()
    if "/" in normalized:
        raise ConferenceError(JoinFailure.NOT_FOUND, "a room's name has no slash")
    try:
        encoded = quote(normalized, safe=_UNENCODED).lower()
    except UnicodeEncodeError:  # octets of a SIP header that were not UTF-8
        raise ConferenceError(JoinFailure.NOT_FOUND, f"{text!r} is not UTF-8") from None
    if not encoded or len(encoded) > MAX_LENGTH:
        raise ConferenceError(JoinFailure.NOT_FOUND, f"no room can be named {name[:40]!r}")
    return encoded


def _decode(text: str) -> str:
    """As a whole, or not at all if it only looks encoded: "100%" is a name as well."""
    if _STRAY_PERCENT.search(text):
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return text
