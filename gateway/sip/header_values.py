"""Reading the values of SIP headers: lists, parameters, addresses, Via, URIs (RFC 3261 25.1).

The types are sipmessage's; the reading is our own, because its grammar refuses what peers do send
(hosts such as `pbx1`, scheme `SIP:`, a bare `#` in a user part), merges two quoted names of a list
into one, and does not write back what it read. Rule: whatever has to be repeated to the peer is
kept as the peer's text; a parsed value is only ever looked at.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from sipmessage import URI, Address, Parameters, Via

from gateway.errors import SipSyntaxError

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TOKEN = r"[A-Za-z0-9\-.!%*_+`'~]+"
_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]+"

# Each pattern is linear in its input: a quote that is never closed protects all that follows it.
_PROTECTED_OR_SEPARATOR = re.compile(r'"(?:[^"\\]|\\.)*+"?|<[^<>]*>|[,;]')
_NAME_ADDR = re.compile(rf'(?P<name>{_QUOTED}\s*|[^"<]*)<\s*(?P<uri>[^<>\s]+)\s*>')
_SENT_BY = re.compile(
    rf"SIP\s*/\s*{_TOKEN}\s*/\s*(?P<transport>{_TOKEN})\s+"
    rf"(?P<host>{_HOST})(?:\s*:\s*(?P<port>\d+))?",
    re.IGNORECASE | re.ASCII,
)
_SIP_URI = re.compile(
    rf"(?P<scheme>sips?):(?:(?P<userinfo>[^<>\"\s]+)@)?(?P<host>{_HOST})(?::(?P<port>\d+))?"
    r"(?P<parameters>(?:;[^;?<>\"\s@]*)*)(?:\?[^<>\"\s]*)?",
    re.IGNORECASE | re.ASCII,
)
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]*", re.IGNORECASE | re.ASCII)
_TEL_URI = re.compile(r"tel:(?P<number>[0-9A-Fa-f*#+.()\-]+)(?P<parameters>;\S*)?", re.IGNORECASE)

# One message is asked for the same value many times: what was read last is kept.
_keep_last = lru_cache(maxsize=64)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """A `name-addr` or `addr-spec` with its header parameters; `uri` is as written."""

    uri: str
    display_name: str
    parameters: Parameters

    @property
    def tag(self) -> str:
        """The tag of From or To; empty if there is none, as before RFC 3261 (section 12.1.1)."""
        return self.parameters.get("tag") or ""

    @property
    def user(self) -> str:
        """The user part or telephone number, decoded; empty if the URI has or shows none."""
        try:
            return parse_uri(self.uri).user or ""
        except SipSyntaxError:
            return ""


def address(uri: str, name: str = "") -> Address:
    """A name-addr to send; SipSyntaxError if the URI is none."""
    return Address(parse_uri(uri), name)


def split_list(value: str, separator: str = ",") -> list[str]:
    """The elements of a list (or parameters, at ";"), cut outside quotes and angle brackets."""
    if '"' not in value and "<" not in value:  # most are like that, and this is ten times faster
        return [element.strip() for element in value.split(separator)]
    elements, start = [], 0
    for match in _PROTECTED_OR_SEPARATOR.finditer(value):
        if match.group() == separator:
            elements.append(value[start : match.start()].strip())
            start = match.end()
    elements.append(value[start:].strip())
    return elements


def parse_parameters(pieces: Sequence[str]) -> Parameters:
    """Parameters by lower-case name; of a repeated one the first counts."""
    parameters: dict[str, str | None] = {}
    for piece in pieces:
        name, equals, value = (part.strip() for part in piece.partition("="))
        if name:
            parameters.setdefault(name.lower(), unquote_string(value) if equals else None)
    parameters.pop("self", None)  # sipmessage takes them as keywords; SIP has no such parameter
    return Parameters(**parameters)


def unquote_string(value: str) -> str:
    """The content of a quoted-string, or the value itself if it is a token."""
    if len(value) > 1 and value[0] == value[-1] == '"':
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def parse_seconds(value: str | None) -> int | None:
    """A delta-seconds (25.1) of no more than nine digits; None if it is none."""
    return int(value) if value and re.fullmatch(r"[0-9]{1,9}", value) else None


@_keep_last
def parse_name_addr(value: str) -> NameAddr:
    """Read From, To, Contact, Route or the like; SipSyntaxError if it is no address."""
    address, *parameters = split_list(value, ";")
    if match := _NAME_ADDR.fullmatch(address):
        name, uri = unquote_string(match["name"].strip()), match["uri"]
    else:
        # Without angle brackets what follows ";" belongs to the header (RFC 3261 20.10).
        name, uri = "", address
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.\-]*:[^<>\"\s]+", uri):
        raise SipSyntaxError("no address")
    return NameAddr(uri, name, parse_parameters(parameters))


@_keep_last
def parse_via(value: str) -> Via:
    """Read one Via, of whatever version (505 has to be answered); SipSyntaxError if it is none."""
    sent_by, *parameters = split_list(value, ";")
    match = _SENT_BY.fullmatch(sent_by)
    if match is None:
        raise SipSyntaxError("no Via")
    return Via(
        transport=match["transport"].upper(),
        host=match["host"].lower(),
        port=_parse_port(match["port"]),
        parameters=parse_parameters(parameters),
    )


@_keep_last
def parse_uri(text: str) -> URI:
    """Read a SIP, SIPS or TEL URI, its user part decoded (RFC 3261 19.1, RFC 3966).

    SipSyntaxError with status 416 for another scheme, 400 for what is no URI.
    """
    if match := _SIP_URI.fullmatch(text):
        user, _, password = (match["userinfo"] or "").partition(":")
        return URI(
            scheme=match["scheme"].lower(),
            user=unquote(user) or None,
            password=unquote(password) or None,
            host=match["host"].lower(),
            port=_parse_port(match["port"]),
            parameters=parse_parameters(match["parameters"].split(";")),
        )
    if match := _TEL_URI.fullmatch(text):
        parameters = parse_parameters((match["parameters"] or "").split(";"))
        return URI(scheme="tel", host="", user=match["number"], parameters=parameters)
    scheme, colon, _ = text.partition(":")
    if colon and scheme.lower() not in ("sip", "sips", "tel") and _SCHEME.fullmatch(scheme):
        raise SipSyntaxError("unsupported URI scheme", status=416)
    raise SipSyntaxError("malformed URI")


def parse_route(value: str) -> URI:
    """The URI in a value of Route, Record-Route or Service-Route."""
    return parse_uri(parse_name_addr(value).uri)


def is_loose(route: str) -> bool:
    """Whether who is named there leaves the Request-URI alone (19.1.1)."""
    return "lr" in parse_route(route).parameters


def host_to_ask(uri: URI) -> str:
    """The host that a request is sent to: the one of `maddr`, if that is one (19.1.1)."""
    maddr = uri.parameters.get("maddr") or ""
    return maddr.lower() if re.fullmatch(_HOST, maddr, re.ASCII) else uri.host


def _parse_port(digits: str | None) -> int | None:
    if digits is None:
        return None
    if len(digits) > 5 or not 0 < int(digits) < 65536:
        raise SipSyntaxError("port out of range")
    return int(digits)


def format_host(host: str) -> str:
    """A host as it stands in a URI or Via: IPv6 addresses in brackets (RFC 3261 25.1)."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
