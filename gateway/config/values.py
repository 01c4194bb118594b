"""The kinds of values a configuration has: each reads its text, or says what would be right."""

import ipaddress
import os
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from gateway.sdp.formats import CODECS
from gateway.sip.digest import ALGORITHMS, Credentials
from gateway.sip.flow import default_port
from gateway.sip.network import Listen

MOST_WORKERS = 256
SHORTEST_TOKEN = 16  # characters
_STUN_PORT = 3478


def _written(value: object) -> str:
    """The text of a value; nothing is written by what is none, a number for instance."""
    return value.strip() if isinstance(value, str) else ""


def _listen(value: object) -> object:
    """`udp:192.0.2.1:5060`, `tls:[2001:db8::1]:5061`; the port may be left out."""
    if isinstance(value, Listen):
        return value
    form = r"(udp|tcp|tls):(\[[0-9a-fA-F:.]+\]|[0-9.]+)(?::(\d{1,5}))?"
    match = re.fullmatch(form, _written(value))
    if match is None or int(match[3] or 0) > 65535:
        raise ValueError(
            f"{value!r} is not a listener; write e.g. udp:0.0.0.0:5060 or tls:[::]:5061"
        )
    host = _literal(match[2].strip("[]"))
    port = int(match[3]) if match[3] is not None else default_port(match[1])
    return Listen(match[1], host, port)


def _host_port(value: object) -> object:
    """`127.0.0.1:8788`, `[::1]:8788`; nothing for nowhere."""
    if value in (None, ""):
        return None
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[0-9.]+):(\d{1,5})", _written(value))
    if match is None or int(match[2]) > 65535:
        hint = "write e.g. 127.0.0.1:8788 or [::1]:8788, or nothing for no HTTP"
        raise ValueError(f"{value!r} is no address with a port; {hint}")
    return _literal(match[1].strip("[]")), int(match[2])


def _server_address(value: object) -> object:
    """`stun.example.org:3478`, `192.0.2.7`; nothing for none."""
    if value in (None, ""):
        return None
    match = re.fullmatch(r"([A-Za-z0-9\-_.]+)(?::(\d{1,5}))?", _written(value))
    if match is None or not 0 < int(match[2] or _STUN_PORT) < 65536:
        raise ValueError(f"{value!r} is no server; write e.g. stun.example.org:3478")
    return _domain(match[1]), int(match[2] or _STUN_PORT)


def file_problem(file: Path | None) -> str | None:
    """Why there is no such file, as far as we may look; None if there is, or none is named."""
    try:
        return None if file is None or file.is_file() else f"there is no file {file}"
    except OSError as error:  # in a folder of root's, e.g. where certificates are renewed
        return f"{file}: {error.strerror}"


def _literal(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address; write e.g. 192.0.2.1") from None


def _advertised(value: str) -> str:
    """That others can send to: 0.0.0.0 in a description of a session puts on hold."""
    literal = _literal(value)
    if ipaddress.ip_address(literal).is_unspecified:
        raise ValueError(f"{value!r} is nobody's address; write the one outside, or leave it out")
    return literal


def _network(value: object) -> object:
    try:  # a number would be an address as well
        return ipaddress.ip_network(_written(value))
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
    if re.fullmatch(r"[0-9.]+", value):  # an address that is written wrong is none either
        return _literal(value)
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


def is_url(form: str, value: str) -> bool:
    """Whether it is a URL of that form, with a host and, if any, a port that there can be."""
    try:
        parts = urlsplit(value)
        return bool(re.fullmatch(form, value) and parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _url_problems(key: str, scheme: str, path: str, url: str, tls: str) -> list[str]:
    if not is_url(rf"{scheme}s?://[^\s/?#]+(/[^\s#]*)?", url):
        return [f"{key}: {url!r} is no URL; write e.g. {scheme}s://meet.example.org/{path}"]
    is_encrypted = url.startswith(f"{scheme}s://")
    if not is_encrypted and tls != "off":
        allow = f'write {scheme}s:, or allow that with tls = "off"'
        return [f"{key}: {scheme}: is not encrypted; {allow}"]
    if is_encrypted and tls == "off":
        return [f'{key}: {scheme}s: is encrypted; leave tls = "off" out']
    return []


def conference_request_problems(url: str, tls: str) -> list[str]:
    """What is wrong with a URL for conference requests, given how TLS is wanted."""
    if url.startswith("http://") and tls != "off":
        remedy = 'write https:, or allow that with tls = "off"'
        return [f"conference_request_url: http: is not encrypted; {remedy}"]
    return []


def _visitor_domain(value: str) -> str:
    if value.count("{vnode}") != 1:
        raise ValueError(f"{value!r} has no {{vnode}}; write e.g. {{vnode}}.meet.jitsi")
    _domain(value.replace("{vnode}", "v1"))
    return value.lower()


def _host(value: str) -> str:
    """A name or a literal address, IPv6 without brackets."""
    try:
        return _literal(value.strip("[]"))
    except ValueError:
        return _domain(value)


def is_host(value: str) -> bool:
    """Whether that may be a name, also one with the dot of the root, or a literal address."""
    try:
        return bool(_host(value.removesuffix(".")))
    except ValueError:
        return False


def _jid(value: str) -> str:
    match = re.fullmatch(r"([^@/\s]+)@([^@/\s]+)(/\S+)?", value)
    if match is None:
        raise ValueError(f"{value!r} is no JID; write e.g. name@auth.meet.example.org")
    return f"{match[1]}@{_domain(match[2])}{match[3] or ''}"


def _room_jid(value: str) -> str:
    if "/" in value:
        raise ValueError(f"{value!r} is no room; write it without a slash")
    return _jid(value).lower()


def _prefix(value: str) -> str:
    if not re.fullmatch(r"\+|\+?[0-9]+", value):
        raise ValueError(
            f"{value!r} is no prefix of numbers; write e.g. +43, or + for all countries"
        )
    return value


def _web_address(value: str) -> str:
    if not is_url(r"https?://[^\s/?#]+\S*", value):
        raise ValueError(f"{value!r} is no URL; write e.g. https://example.org/phone.png")
    return value


def _public_url(value: str) -> str:
    if not is_url(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        raise ValueError(f"{value!r} is no URL; write e.g. https://meet.example.org")
    return value.rstrip("/")


def _certificate_name(value: str) -> str:
    """A DNS name, which may begin with "*.", or a URI, as it stands in a certificate."""
    if re.fullmatch(r"sips?:\S+", value):
        return value.lower()
    wildcard = "*." if value.startswith("*.") else ""
    return wildcard + _domain(value.removeprefix(wildcard))


def _codec(value: str) -> str:
    """As session descriptions name it, in whatever case it is written."""
    if value.upper() not in CODECS:
        raise ValueError(f"{value!r} is no codec of ours; there are opus, G722, PCMA and PCMU")
    return value.upper()


def _account_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._+-]{1,64}", value):
        raise ValueError(f"{value!r} is no user name; write letters, digits and . _ + -")
    return value


def _login_name(value: str) -> str:
    try:
        return Credentials(value, "").user
    except ValueError as error:
        raise ValueError(f"{value!r} is no user name ({error}); write the provider's") from error


def _password(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError("is empty")
    return value


def _token(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < SHORTEST_TOKEN:
        raise ValueError(f"make it {SHORTEST_TOKEN} characters or more, by chance")
    return value


def _realm(value: str) -> str:
    if not re.fullmatch(r"[ !#-\[\]-~]{1,64}", value):
        raise ValueError(f"{value!r} is no realm; write e.g. sip-gateway, without quotes")
    return value


def _hash(value: str) -> str:
    if value.upper() not in ALGORITHMS:
        raise ValueError(f"{value!r} is no algorithm of ours; there are {', '.join(ALGORITHMS)}")
    return value.upper()


# What a message is made of, and what is written from other keys of ours.
_NOT_OWN = re.compile(
    r"via|from|to|call-id|cseq|contact|max-forwards|route|record-route|content-.*|(proxy-)?auth.*"
    r"|www-authenticate|require|proxy-require|supported|allow|user-agent|jitsi-conference-room"
    r"|[a-z]",  # compact forms
    re.IGNORECASE,
)


def _own_header(value: str) -> str:
    if _NOT_OWN.fullmatch(value):
        raise ValueError(f"{value!r} is no header to add; it has a meaning of its own")
    return value


def _header_text(value: str) -> str:
    if not value.isprintable():
        raise ValueError(f"{value!r} cannot stand in a header; write it in one line")
    return value.strip()


def _media_hosts(value: object) -> object:
    """One address may be written without a list."""
    return (value,) if isinstance(value, str) else value


def _one_of_each_version(values: tuple[str, ...]) -> tuple[str, ...]:
    for version in (4, 6):
        hosts = [value for value in values if ipaddress.ip_address(value).version == version]
        if len(hosts) > 1:
            hint = "write one address of each IP version"
            raise ValueError(f"{' and '.join(hosts)} are both IPv{version}; {hint}")
    return values


def _without_repetition(values: tuple[str, ...]) -> tuple[str, ...]:
    for at, value in enumerate(values):
        if value in values[:at]:
            raise ValueError(f"{value!r} is there twice")
    return values


def available_cores() -> int:
    """How many cores this process may use, but for one; at least one."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(1, cores - 1)


def _workers(value: object) -> object:
    if value == "auto":
        return None
    if type(value) is not int or not 0 <= value <= MOST_WORKERS:
        hint = f'write 0 to {MOST_WORKERS}, or "auto" for one a core'
        raise ValueError(f"{value!r} is no number of processes; {hint}")
    return value


ListenAddress = Annotated[Listen, BeforeValidator(_listen)]
HostPort = Annotated[tuple[str, int] | None, BeforeValidator(_host_port)]
ServerAddress = Annotated[tuple[str, int] | None, BeforeValidator(_server_address)]
LiteralAddress = Annotated[str, AfterValidator(_literal)]
AdvertisedAddress = Annotated[str, AfterValidator(_advertised)]
MediaHosts = Annotated[
    tuple[LiteralAddress, ...], BeforeValidator(_media_hosts), AfterValidator(_one_of_each_version)
]
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern)]
FocusAddress = Annotated[str, AfterValidator(_focus)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
VisitorDomain = Annotated[str, AfterValidator(_visitor_domain)]
Domain = Annotated[str, AfterValidator(_domain)]
Host = Annotated[str, AfterValidator(_host)]
Jid = Annotated[str, AfterValidator(_jid)]
RoomJid = Annotated[str, AfterValidator(_room_jid)]
NumberPrefix = Annotated[str, AfterValidator(_prefix)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
CertificateName = Annotated[str, AfterValidator(_certificate_name)]
Codecs = Annotated[
    tuple[Annotated[str, AfterValidator(_codec)], ...],
    Field(min_length=1),
    AfterValidator(_without_repetition),
]
DigestAlgorithms = Annotated[
    tuple[Annotated[str, AfterValidator(_hash)], ...],
    Field(min_length=1),
    AfterValidator(_without_repetition),
]
AccountName = Annotated[str, AfterValidator(_account_name)]
LoginName = Annotated[str, AfterValidator(_login_name)]
Token = Annotated[SecretStr, AfterValidator(_token)]
Realm = Annotated[str, AfterValidator(_realm)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
SecondsOrNone = Annotated[float, Field(ge=0, le=1e9)]
Password = Annotated[SecretStr, AfterValidator(_password)]
WorkerCount = Annotated[int | None, BeforeValidator(_workers)]
HeaderText = Annotated[str, AfterValidator(_header_text)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!%*_+`'~.\-]+$")]
OwnHeader = Annotated[HeaderName, AfterValidator(_own_header)]
