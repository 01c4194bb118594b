"""The configuration: a TOML file, overridden by the environment, validated as a whole.

Everything that is wrong is told at once, each with its key and a way to mend it. What comes out is
frozen and in the terms of the packages that use it.
"""

import difflib
import ipaddress
import os
import re
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from gateway.calls.routing import RoomRule, Trunk
from gateway.conference.address import RoomAddress
from gateway.conference.installation import Installation
from gateway.errors import ConferenceError, ConfigError
from gateway.media.engine import EngineConfig
from gateway.sip.core import StackConfig
from gateway.sip.network import Listen
from gateway.sip.timers import Timers
from gateway.sip.user_agent import UserAgentConfig
from gateway.xmpp.client import Account, Server
from gateway.xmpp.tls import tls_context

ENVIRONMENT_PREFIX = "SIP_GATEWAY_"
"""`SIP_GATEWAY_JITSI__DOMAIN` overrides `domain` in `[jitsi]`; lists are written as in TOML."""


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


def _websocket_problems(url: str, tls: str) -> list[str]:
    if not re.fullmatch(r"wss?://[^\s/?#]+(/[^\s#]*)?", url):
        return [f"websocket: {url!r} is no URL; write e.g. wss://meet.example.org/xmpp-websocket"]
    if url.startswith("ws://") and tls != "off":
        return ['websocket: ws: is not encrypted; write wss:, or allow that with tls = "off"']
    if url.startswith("wss://") and tls == "off":
        return ['websocket: wss: is encrypted; leave tls = "off" out']
    return []


ListenAddress = Annotated[Listen, BeforeValidator(_listen)]
Literal_ = Annotated[str, AfterValidator(_literal)]
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_network)]
Pattern = Annotated[re.Pattern[str], BeforeValidator(_pattern)]
Domain = Annotated[str, AfterValidator(_domain)]
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!%*_+`'~.\-]+$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class SipSection(_Section):
    """`[sip]`: where the user agent listens, and how much it takes."""

    listen: tuple[ListenAddress, ...] = Field(
        default=(Listen("udp", "0.0.0.0"), Listen("tcp", "0.0.0.0")), min_length=1
    )
    advertised_host: Literal_ | None = None
    strangers: Literal["drop", "refuse"] = "drop"
    max_calls: int = Field(default=200, ge=1)
    retry_after: int = Field(default=30, ge=1, le=3600)
    t1: Seconds = 0.5


class MediaSection(_Section):
    """`[media]`: RTP ports, the addresses for ICE, and the sound."""

    host: Literal_ = "0.0.0.0"
    advertised_host: Literal_ | None = None
    first_port: Port = 20000
    last_port: Port = 29999
    bridge_addresses: tuple[Literal_, ...] = ()
    no_rtp_timeout: Seconds = 30.0
    opus_bitrate: int = Field(default=24_000, ge=6_000, le=128_000)
    opus_complexity: int = Field(default=5, ge=0, le=10)

    @model_validator(mode="after")
    def _check_ports(self) -> Self:
        if self.last_port < self.first_port + 1:
            raise ValueError("last_port: must be above first_port; a call takes two ports")
        return self


class JitsiSection(_Section):
    """`[jitsi]`: the installation whose conferences can be joined."""

    domain: Domain
    host: str | None = None
    port: Port = 5222
    tls: Literal["verify", "insecure", "off"] = "verify"
    ca_file: Path | None = None
    user: str | None = None
    password: SecretStr | None = None
    muc_domains: tuple[Domain, ...] = ()
    focus: Domain | None = None
    websocket: str | None = None
    region: str | None = None
    machine_uid: str | None = None
    join_timeout: Seconds = 30.0
    media_timeout: Seconds = 15.0

    @property
    def rooms(self) -> tuple[str, ...]:
        """The MUC domains that may be joined."""
        return self.muc_domains or (f"conference.{self.domain}",)

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems = []
        if self.user is not None and "@" not in self.user:
            problems.append(f"user: write a whole JID, e.g. {self.user}@auth.{self.domain}")
        if (self.user is None) != (self.password is None):
            problems.append("user: goes with password; give both, or neither to be a guest")
        if self.ca_file is not None and self.tls != "verify":
            problems.append('ca_file: is of use with tls = "verify" only')
        if self.websocket is not None:
            problems += _websocket_problems(self.websocket, self.tls)
        if self.ca_file is not None and not self.ca_file.is_file():
            problems.append(f"ca_file: there is no file {self.ca_file}")
        if problems:
            raise ValueError("\n".join(problems))
        return self


class RuleSection(_Section):
    """`[[trunk.rule]]`: calls to numbers that `called` matches go to `room`."""

    called: Pattern
    room: str = Field(min_length=1)

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        for reference in re.findall(r"\\(?:g<(\w+)>|(\d+))", self.room):
            name = reference[0] or reference[1]
            known = name in self.called.groupindex or (
                name.isdigit() and int(name) <= self.called.groups
            )
            if not known:
                raise ValueError(f"room: there is no group {name!r} in called")
        return self


class TrunkSection(_Section):
    """`[[trunk]]`: who may call, and how the room of a call is found."""

    name: str = Field(min_length=1)
    networks: tuple[Network, ...] = Field(alias="from", min_length=1)
    room_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Room",)
    password_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Room-Pass",)
    rule: tuple[RuleSection, ...] = ()
    default_room: str | None = None


class LogSection(_Section):
    """`[log]`: how much is written, and for whom."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(_Section):
    """The whole configuration."""

    sip: SipSection = SipSection()
    media: MediaSection = MediaSection()
    jitsi: JitsiSection
    trunk: tuple[TrunkSection, ...] = Field(min_length=1)
    log: LogSection = LogSection()

    @model_validator(mode="after")
    def _check_rooms(self) -> Self:
        problems = list(self._room_problems())
        names = [trunk.name for trunk in self.trunk]
        problems += [
            f"trunk.{at}.name: {name!r} is the name of an earlier trunk as well"
            for at, name in enumerate(names)
            if name in names[:at]
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _room_problems(self) -> Iterator[str]:
        for at, trunk in enumerate(self.trunk):
            if trunk.default_room is not None:
                try:
                    RoomAddress.parse(trunk.default_room, self.jitsi.rooms)
                except ConferenceError as error:
                    yield f"trunk.{at}.default_room: {error.text}; see jitsi.muc_domains"

    # --- in the terms of the packages ------------------------------------------------------------

    @property
    def user_agent(self) -> UserAgentConfig:
        """For `gateway.sip`."""
        stack = StackConfig(timers=Timers(t1=self.sip.t1), retry_after=self.sip.retry_after)
        return UserAgentConfig(self.sip.listen, self.sip.advertised_host, stack)

    @property
    def engine(self) -> EngineConfig:
        """For `gateway.media`."""
        media = self.media
        return EngineConfig(
            phone_host=media.host,
            first_port=media.first_port,
            last_port=media.last_port,
            bridge_addresses=media.bridge_addresses,
            silent_after=media.no_rtp_timeout,
            connect_within=self.jitsi.media_timeout,
            bitrate=media.opus_bitrate,
            complexity=media.opus_complexity,
        )

    @property
    def trunks(self) -> tuple[Trunk, ...]:
        """For `gateway.calls`."""
        return tuple(
            Trunk(
                name=trunk.name,
                networks=trunk.networks,
                room_headers=trunk.room_headers,
                password_headers=trunk.password_headers,
                rules=tuple(RoomRule(rule.called, rule.room) for rule in trunk.rule),
                default_room=trunk.default_room,
            )
            for trunk in self.trunk
        )

    def installation(self) -> Installation:
        """For `gateway.conference`; ConfigError if the CA file cannot be used."""
        jitsi = self.jitsi
        tls = None
        if jitsi.tls != "off":
            tls = tls_context(ca_file=jitsi.ca_file, verify=jitsi.tls == "verify")
        account = None
        if jitsi.user is not None and jitsi.password is not None:
            account = Account(jitsi.user, jitsi.password.get_secret_value())
        return Installation(
            server=Server(jitsi.domain, tls, jitsi.host, jitsi.port, account, jitsi.websocket),
            muc_domains=jitsi.rooms,
            focus=jitsi.focus or f"focus.{jitsi.domain}",
            machine_uid=jitsi.machine_uid or _machine_uid(jitsi.domain),
            region=jitsi.region,
            media_timeout=jitsi.media_timeout,
            join_timeout=jitsi.join_timeout,
        )


def load(file: Path, environment: Mapping[str, str] = os.environ) -> Config:
    """Read a file and the environment; ConfigError with every problem there is."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{file}: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: {error}"]) from error
    return parse(values, environment)


def parse(values: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Config:
    """Validate what a TOML file says, overridden by the environment; ConfigError otherwise."""
    merged = {key: _copied(value) for key, value in values.items()}
    problems = _override(merged, environment or {})
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        problems += _problems(error)
    if problems:
        raise ConfigError(problems)
    return config


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value


def _override(values: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Lay `SIP_GATEWAY_SECTION__KEY` over the file; what cannot be laid over is a problem."""
    problems = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        section, separator, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        inside = values.setdefault(section, {}) if separator else None
        if not isinstance(inside, dict):
            hint = f"write {ENVIRONMENT_PREFIX}SECTION__KEY, of a section that is not a list"
            problems.append(f"{variable}: names no key ({hint})")
            continue
        inside[key] = _value(text)
    return problems


def _value(text: str) -> Any:
    """A value of the environment: TOML where it is TOML, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _problems(error: ValidationError) -> list[str]:
    details = error.errors()
    places = [detail["loc"] for detail in details]
    return [
        line
        for detail in details
        # A list whose only element is wrong is called too short as well.
        if detail["type"] != "too_short"
        or not any(place != detail["loc"] and _inside(place, detail["loc"]) for place in places)
        for line in _problem(detail)
    ]


def _inside(place: tuple[int | str, ...], outer: tuple[int | str, ...]) -> bool:
    return place[: len(outer)] == outer


def _problem(detail: Any) -> list[str]:
    """One of pydantic's findings as `key: what is wrong`, several if a check found several."""
    key = ".".join(str(part) for part in detail["loc"])
    match detail["type"]:
        case "missing":
            return [f"{key}: is missing{_example(key)}"]
        case "extra_forbidden":
            return [f"{key}: no such key{_suggestion(detail['loc'])}"]
        case "value_error":
            prefix = f"{key}." if key else ""
            text = str(detail["ctx"]["error"])
            own_key = re.match(r"[a-z_.0-9]+: ", text)
            return [prefix + line for line in text.splitlines()] if own_key else [f"{key}: {text}"]
    message = detail["msg"][0].lower() + detail["msg"][1:]
    return [f"{key}: {message}, not {detail['input']!r}"]


_EXAMPLES = {
    "jitsi": '[jitsi]\n    domain = "meet.example.org"',
    "jitsi.domain": 'domain = "meet.example.org"',
    "trunk": '[[trunk]]\n    name = "provider"\n    from = ["192.0.2.0/24"]',
}


def _example(key: str) -> str:
    return f"; write e.g.\n    {_EXAMPLES[key]}" if key in _EXAMPLES else ""


def _suggestion(location: tuple[str | int, ...]) -> str:
    """The keys there are beside an unknown one, the most similar first."""
    section: Any = Config
    for part in location[:-1]:
        if isinstance(part, str):
            section = _section_type(section, part)
    known = [field.alias or name for name, field in section.model_fields.items()]
    similar = difflib.get_close_matches(str(location[-1]), known, n=1)
    if similar:
        return f"; did you mean {similar[0]!r}?"
    return f"; there are {', '.join(sorted(known))}"


def _section_type(section: Any, name: str) -> Any:
    annotation = section.model_fields[name].annotation
    return get_args(annotation)[0] if get_origin(annotation) is tuple else annotation


def _machine_uid(domain: str) -> str:
    """The same on one machine each time, and another on every other."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{uuid.getnode():x}.{domain}").hex
