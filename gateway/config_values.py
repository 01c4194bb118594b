"""The kinds of values a configuration has: each reads its text, or says what would be right."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.sip.network import Listen


def _listen(value: object) -> object:
    """`udp:192.0.2.1:5060`, `tcp:[2001:db8::1]:5060`; the port may be left out."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(udp|tcp):(\[[0-9a-fA-F:.]+\]|[0-9.]+)(?::(\d{1,5}))?", value.strip())
    if match is None or int(match[3] or 0) > 65535:
        raise ValueError(
            f"{value!r} is not a listener; write e.g. udp:0.0.0.0:5060 or tcp:[::]:5060"
        )
    host = _literal(match[2].strip("[]"))
    return Listen(match[1], host, int(match[3]) if match[3] is not None else 5060)


def _literal(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address; write e.g. 192.0.2.1") from None


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return ipaddress.ip_network(value.strip())
    except ValueError:
        hint = "write an address or a network, e.g. 192.0.2.10 or 192.0.2.0/24"
        raise ValueError(f"{value!r} is no network ({hint})") from None


def _pattern(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from None


def _domain(value: str) -> str:
    if not re.fullmatch(r"(?!-)[A-Za-z0-9\-_]+(\.[A-Za-z0-9\-_]+)*", value):
        raise ValueError(f"{value!r} is no domain; write e.g. meet.example.org")
    return value.lower()


def _focus(value: str) -> str:
    """A domain, or the whole JID of a focus that has no component in front of it."""
    if "@" not in value:
        return _domain(value)
    match = re.fullmatch(r"([^@/\s]+)@([^@/\s]+)/(\S+)", value)
    if match is None:
        hint = "write its domain or its whole JID, e.g. focus@auth.meet.example.org/focus"
        raise ValueError(f"{value!r} is no focus; {hint}")
    return f"{match[1].lower()}@{_domain(match[2])}/{match[3]}"


def websocket_problems(url: str, tls: str) -> list[str]:
    """What is wrong with a URL for XMPP over WebSocket, given how TLS is wanted."""
    return _url_problems("websocket", "ws", "xmpp-websocket", url, tls)


def bosh_problems(url: str, tls: str) -> list[str]:
    """What is wrong with a URL for XMPP over BOSH, given how TLS is wanted."""
    return _url_problems("bosh", "http", "http-bind", url, tls)


def _url_problems(key: str, scheme: str, path: str, url: str, tls: str) -> list[str]:
    if not re.fullmatch(rf"{scheme}s?://[^\s/?#]+(/[^\s#]*)?", url):
        return [f"{key}: {url!r} is no URL; write e.g. {scheme}s://meet.example.org/{path}"]
    is_encrypted = url.startswith(f"{scheme}s://")
    if not is_encrypted and tls != "off":
        allow = f'write {scheme}s:, or allow that with tls = "off"'
        return [f"{key}: {scheme}: is not encrypted; {allow}"]
    if is_encrypted and tls == "off":
        return [f'{key}: {scheme}s: is encrypted; leave tls = "off" out']
    return []


ListenAddress = Annotated[Listen, BeforeValidator(_listen)]
LiteralAddress = Annotated[str, AfterValidator(_literal)]
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern)]
FocusAddress = Annotated[str, AfterValidator(_focus)]
Domain = Annotated[str, AfterValidator(_domain)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!%*_+`'~.\-]+$")]
