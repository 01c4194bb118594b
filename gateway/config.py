"""The configuration: a TOML file, overridden by the environment, validated as a whole.

Everything that is wrong is told at once, each with its key and a way to mend it. What comes out is
frozen and in the terms of the packages that use it.
"""

import os
import re
import tomllib
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator

from gateway import jigasi_environment
from gateway.calls.caller_identity import ShowCaller
from gateway.calls.limits import Limits
from gateway.calls.routing import RoomRule, Trunk
from gateway.conference.address import RoomAddress
from gateway.conference.brewery import BreweryAccount
from gateway.conference.installation import Installation
from gateway.config_control import ControlSection
from gateway.config_dial_out import BrewerySection, DialOutSection, TrunkDialOutSection
from gateway.config_problems import problems_of
from gateway.config_section import Section
from gateway.config_values import (
    Domain,
    FocusAddress,
    HeaderName,
    ListenAddress,
    LiteralAddress,
    Network,
    Pattern,
    Port,
    PublicUrl,
    Seconds,
    WebAddress,
    websocket_problems,
)
from gateway.errors import ConferenceError, ConfigError
from gateway.media.engine import EngineConfig
from gateway.sip.core import StackConfig
from gateway.sip.network import Listen
from gateway.sip.timers import Timers
from gateway.sip.user_agent import UserAgentConfig
from gateway.xmpp.client import Account, Server
from gateway.xmpp.own_presence import STATS_ID
from gateway.xmpp.tls import tls_context

ENVIRONMENT_PREFIX = "SIP_GATEWAY_"
"""`SIP_GATEWAY_JITSI__DOMAIN` overrides `domain` in `[jitsi]`; lists are written as in TOML."""


class SipSection(Section):
    """`[sip]`: where the user agent listens, and how much it takes."""

    listen: tuple[ListenAddress, ...] = Field(
        default=(Listen("udp", "0.0.0.0"), Listen("tcp", "0.0.0.0")), min_length=1
    )
    advertised_host: LiteralAddress | None = None
    strangers: Literal["drop", "refuse"] = "drop"
    max_calls: int = Field(default=200, ge=1)
    retry_after: int = Field(default=30, ge=1, le=3600)
    t1: Seconds = 0.5


class MediaSection(Section):
    """`[media]`: RTP ports, the addresses for ICE, and the sound."""

    host: LiteralAddress = "0.0.0.0"
    advertised_host: LiteralAddress | None = None
    first_port: Port = 20000
    last_port: Port = 29999
    bridge_addresses: tuple[LiteralAddress, ...] = ()
    no_rtp_timeout: Seconds = 30.0
    opus_bitrate: int = Field(default=24_000, ge=6_000, le=128_000)
    opus_complexity: int = Field(default=5, ge=0, le=10)

    @model_validator(mode="after")
    def _check_ports(self) -> Self:
        if self.last_port < self.first_port + 1:
            raise ValueError("last_port: must be above first_port; a call takes two ports")
        return self


class JitsiSection(Section):
    """`[jitsi]`: the installation whose conferences can be joined."""

    domain: Domain
    host: str | None = None
    port: Port = 5222
    tls: Literal["verify", "insecure", "off"] = "verify"
    ca_file: Path | None = None
    user: str | None = None
    password: SecretStr | None = None
    muc_domains: tuple[Domain, ...] = ()
    focus: FocusAddress | None = None
    websocket: str | None = None
    tenants: bool = False
    public_url: PublicUrl | None = None
    region: str | None = None
    machine_uid: str | None = None
    join_timeout: Seconds = 30.0
    media_timeout: Seconds = 15.0
    lobby_timeout: Seconds = 600.0
    hidden_domains: tuple[Domain, ...] | None = None
    avatar_url: WebAddress | None = None
    stats_id: str = Field(default=STATS_ID, min_length=1, max_length=100)

    @property
    def machines(self) -> tuple[str, ...]:
        """The domains at which recorders and transcribers log in."""
        usual = (f"hidden.{self.domain}", f"recorder.{self.domain}")
        return usual if self.hidden_domains is None else self.hidden_domains

    @property
    def rooms(self) -> tuple[str, ...]:
        """The MUC domains that may be joined."""
        return self.muc_domains or (f"conference.{self.domain}",)

    @property
    def web_url(self) -> str:
        """Where browsers join, as configured or by what else is."""
        if self.public_url is not None:
            return self.public_url
        host = urlsplit(self.websocket).netloc if self.websocket is not None else self.domain
        return f"https://{host}"

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
            problems += websocket_problems(self.websocket, self.tls)
        if self.ca_file is not None and not self.ca_file.is_file():
            problems.append(f"ca_file: there is no file {self.ca_file}")
        if problems:
            raise ValueError("\n".join(problems))
        return self


class RuleSection(Section):
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


class TrunkSection(Section):
    """`[[trunk]]`: who may call, and how the room of a call is found."""

    name: str = Field(min_length=1)
    networks: tuple[Network, ...] = Field(alias="from", min_length=1)
    room_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Room",)
    password_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Room-Pass",)
    tenant_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Domain-Tenant",)
    domain_headers: tuple[HeaderName, ...] = ("Jitsi-Conference-Domain-Base",)
    token_headers: tuple[HeaderName, ...] = ("Jitsi-Auth-Token",)
    rule: tuple[RuleSection, ...] = ()
    default_room: str | None = None
    info_json: bool = False
    heartbeat: float = Field(default=0.0, ge=0)
    chat: bool = False
    dial_out: TrunkDialOutSection | None = None
    show_caller: Literal["full", "masked", "name"] = "full"


class LimitsSection(Section):
    """`[limits]`: how long calls may last, and how many a room may have; 0 is no limit."""

    duration: float = Field(default=43_200.0, ge=0)
    alone: float = Field(default=1_800.0, ge=0)
    only_phones: float = Field(default=0.0, ge=0)
    callers_per_room: int = Field(default=0, ge=0)


class LogSection(Section):
    """`[log]`: how much is written, and for whom."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(Section):
    """The whole configuration."""

    sip: SipSection = SipSection()
    media: MediaSection = MediaSection()
    jitsi: JitsiSection
    trunk: tuple[TrunkSection, ...] = Field(min_length=1)
    limits: LimitsSection = LimitsSection()
    dial_out: DialOutSection = DialOutSection()
    brewery: tuple[BrewerySection, ...] = ()
    control: ControlSection = ControlSection()
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
                tenant_headers=trunk.tenant_headers,
                domain_headers=trunk.domain_headers,
                token_headers=trunk.token_headers,
                rules=tuple(RoomRule(rule.called, rule.room) for rule in trunk.rule),
                default_room=trunk.default_room,
                info_json=trunk.info_json,
                heartbeat=trunk.heartbeat or None,
                chat=trunk.chat,
                dial_out=trunk.dial_out.for_calls() if trunk.dial_out is not None else None,
                show_caller=ShowCaller(trunk.show_caller),
            )
            for trunk in self.trunk
        )

    @property
    def call_limits(self) -> Limits:
        """For `gateway.calls`."""
        limits = self.limits
        return Limits(
            duration=limits.duration or None,
            alone=limits.alone or None,
            only_phones=limits.only_phones or None,
            callers_per_room=limits.callers_per_room or None,
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
            lobby_timeout=jitsi.lobby_timeout,
            web_url=jitsi.web_url,
            tenants=jitsi.tenants,
            hidden_domains=jitsi.machines,
            avatar_url=jitsi.avatar_url,
            stats_id=jitsi.stats_id,
        )

    def breweries(self) -> tuple[BreweryAccount, ...]:
        """For `gateway.conference`; ConfigError if a CA file cannot be used."""
        return tuple(self.brewery_account(brewery) for brewery in self.brewery)

    def brewery_account(self, brewery: BrewerySection) -> BreweryAccount:
        """One of them; ConfigError if its CA file cannot be used."""
        tls = brewery.tls or self.jitsi.tls
        ca_file = brewery.ca_file or (self.jitsi.ca_file if brewery.tls is None else None)
        context = None
        if tls != "off":
            context = tls_context(ca_file=ca_file, verify=tls == "verify")
        account = Account(brewery.user, brewery.password.get_secret_value())
        host = brewery.host or self.jitsi.host
        server = Server(brewery.domain, context, host, brewery.port, account)
        return BreweryAccount(
            id=brewery.id,
            server=server,
            room=brewery.room,
            installation="jitsi",
            allowed=brewery.allowed,
        )


def load(file: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read a file, if there is one, and the environment; ConfigError with every problem there is.

    Jigasi's variables stand in for sections the file does not have.
    """
    values = jigasi_environment.sections(environment)
    if file is not None:
        values |= _read(file)
    return parse(values, environment)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([f"{file}: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: {error}"]) from error


def parse(values: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> Config:
    """Validate what a TOML file says, overridden by the environment; ConfigError otherwise."""
    merged = {key: _copied(value) for key, value in values.items()}
    problems = _override(merged, environment or {})
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        problems += problems_of(error, Config)
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


def _machine_uid(domain: str) -> str:
    """The same on one machine each time, and another on every other."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{uuid.getnode():x}.{domain}").hex
