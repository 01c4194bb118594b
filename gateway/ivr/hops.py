"""Which gateways a question to conference mappers has passed, so that none asks in a circle. Pure.

They are in the Via header (RFC 9110 section 7.6.3), each by a name of its own: proxies in between
leave them there, and mappers that are no gateways need not understand them.
"""

import re
import secrets
from collections.abc import Iterable

Hops = tuple[str, ...]
"""The names of gateways, the one that was asked first at the front."""

MOST = 8
"""Gateways that a question may pass; the last does not ask any further."""

_MARK = "sip-gateway-"
_HOP = re.compile(rf"\s*1\.1 {_MARK}([0-9a-f]{{16}})\s*(\(.*\))?\s*")


def new_hop() -> str:
    """A name for this gateway."""
    return secrets.token_hex(8)


def read_via(fields: Iterable[str]) -> Hops:
    """The gateways in the Via fields of a request."""
    found = (_HOP.fullmatch(each) for field in fields for each in field.split(","))
    return tuple(hop[1] for hop in found if hop)


def write_via(hops: Hops) -> str:
    """The field for a request that has passed these."""
    return ", ".join(f"1.1 {_MARK}{hop}" for hop in hops)
