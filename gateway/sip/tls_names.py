"""Whose certificate it is: the names in it, and whether they are the ones expected (RFC 5922).

A name is written as a domain (`sip.example.org`), a URI (`sip:example.org`) or an address. The
subject's common name counts for nothing: certificates have said more exactly since 2000. Unlike
RFC 5922 7.2 wants it, `*.example.org` stands for any one label: trunks do have such certificates.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.errors import SipSyntaxError
from gateway.sip.flow import literal_address
from gateway.sip.header_values import parse_uri

_KINDS = ("DNS", "URI", "IP Address")


def names_of(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The alternative names in what `ssl` tells of a certificate it has verified; else none."""
    names = (certificate or {}).get("subjectAltName", ())
    return tuple(value.strip().lower() for kind, value in names if kind in _KINDS)


def prove(names: Iterable[str], host: str) -> bool:
    """Whether a certificate with these names is that of a host: a domain, or a literal address."""
    address = literal_address(host)
    if address is not None:
        return any(literal_address(name) == address for name in names)
    return any(_matches(_domain_of(name), host.lower().rstrip(".")) for name in names)


def _domain_of(name: str) -> str:
    """The SIP domain a name stands for; empty for a URI that is about something else (7.1)."""
    if ":" not in name:
        return name
    try:
        uri = parse_uri(name)
    except SipSyntaxError:
        return ""
    return uri.host if uri.user is None else ""


def _matches(domain: str, host: str) -> bool:
    if domain.startswith("*."):
        label, _, parent = host.partition(".")
        return bool(label) and "." in parent and parent == domain[2:]
    return bool(domain) and domain == host
