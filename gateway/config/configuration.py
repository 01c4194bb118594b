"""The configuration: a TOML file, overridden by the environment, validated as a whole.

Everything that is wrong is told at once, each with its key and a way to mend it. What comes out is
frozen and in the terms of the packages that use it.
"""

import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from gateway.calls.accounts import CallerAccount
from gateway.calls.limits import Limits
from gateway.calls.trunk import Trunk
from gateway.conference.brewery import BreweryAccount
from gateway.conference.installation import Installation
from gateway.config import jigasi_environment
from gateway.config.consistency import FIRST, inconsistencies, pin_room_problems
from gateway.config.control import ControlSection
from gateway.config.dial_in import DialInSection
from gateway.config.dial_out import BrewerySection, DialOutSection
from gateway.config.jitsi import InstallationSection, JitsiSection
from gateway.config.phones import RegistrarSection, UserSection, guarded_trunks
from gateway.config.problems import is_secret, problems_of
from gateway.config.section import Section
from gateway.config.sip import SipSection
from gateway.config.toml_file import read_toml
from gateway.config.trunk import TrunkSection
from gateway.config.values import (
    AdvertisedAddress,
    Codecs,
    LiteralAddress,
    MediaHosts,
    Port,
    Seconds,
    SecondsOrNone,
    ServerAddress,
    WorkerCount,
    available_cores,
)
from gateway.config.voice import VoiceSection
from gateway.errors import ConfigError
from gateway.ivr.dial_in import DialInConfig
from gateway.ivr.fixed_pins import FixedPin
from gateway.media.engine_config import EngineConfig
from gateway.media.worker_messages import Begin
from gateway.sdp.formats import DEFAULT_CODECS
from gateway.sip.liaison import LiaisonConfig
from gateway.sip.tls import Certificates
from gateway.sip.user_agent import UserAgentConfig
from gateway.webrtc.external_address import ExternalAddress
from gateway.xmpp import namespaces as ns
from gateway.xmpp.server import Account, Server
from gateway.xmpp.tls import tls_context

ENVIRONMENT_PREFIX = "SIP_GATEWAY_"
"""`SIP_GATEWAY_JITSI__DOMAIN` overrides `domain` in `[jitsi]`; lists are written as in TOML."""


class MediaSection(Section):
    """`[media]`: the processes, RTP ports, the addresses for ICE, codecs, and the sound."""

    workers: WorkerCount = None
    host: MediaHosts = ()
    advertised_host: AdvertisedAddress | None = None
    stun: ServerAddress = None
    first_port: Port = 20000
    last_port: Port = 29999
    bridge_addresses: tuple[LiteralAddress, ...] = ()
    no_rtp_timeout: Seconds = 30.0
    codecs: Codecs = DEFAULT_CODECS
    opus_bitrate: int = Field(default=32_000, ge=6_000, le=128_000)
    opus_complexity: int = Field(default=5, ge=0, le=10)
    red: bool = True
    transport_cc: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """What is advertised to the focus beside what every participant can."""
        wanted = ((self.red, ns.JITSI_OPUS_RED), (self.transport_cc, ns.JITSI_TCC))
        return tuple(feature for is_wanted, feature in wanted if is_wanted)

    @property
    def worker_count(self) -> int:
        """How many processes carry media besides this one, 0 if this one does."""
        return min(available_cores(), self._pairs) if self.workers is None else self.workers

    @property
    def _pairs(self) -> int:
        return len(EngineConfig(first_port=self.first_port, last_port=self.last_port).port_pairs)

    @model_validator(mode="after")
    def _check_ports(self) -> Self:
        if self._pairs < 1:
            raise ValueError(
                "last_port: must be above first_port; a call takes an even port and the next"
            )
        if self._pairs < self.worker_count:
            text = f"{self.workers} workers need {2 * self.worker_count} ports at least"
            raise ValueError(f"last_port: {text}, each an even one and the next")
        return self


class LimitsSection(Section):
    """`[limits]`: how long calls may last, and how many a room may have; 0 is no limit.

    `drain` is how long they may go on when the gateway is to end.
    """

    duration: SecondsOrNone = 43_200.0
    alone: SecondsOrNone = 1_800.0
    only_phones: SecondsOrNone = 0.0
    callers_per_room: int = Field(default=0, ge=0)
    drain: SecondsOrNone = 0.0


class LogSection(Section):
    """`[log]`: how much is written, and for whom."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


_PROCESS = secrets.token_hex(4)  # another gateway may have the same account


class Config(Section):
    """The whole configuration."""

    sip: SipSection = SipSection()
    media: MediaSection = MediaSection()
    jitsi: JitsiSection
    installation: tuple[InstallationSection, ...] = ()
    trunk: tuple[TrunkSection, ...] = Field(min_length=1)
    registrar: RegistrarSection = RegistrarSection()
    user: tuple[UserSection, ...] = ()
    limits: LimitsSection = LimitsSection()
    voice: VoiceSection = VoiceSection()
    dial_out: DialOutSection = DialOutSection()
    dial_in: DialInSection = DialInSection()
    brewery: tuple[BrewerySection, ...] = ()
    control: ControlSection = ControlSection()
    log: LogSection = LogSection()

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        problems = list(inconsistencies(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self

    # --- in the terms of the packages ------------------------------------------------------------

    @property
    def user_agent(self) -> UserAgentConfig:
        """For `gateway.sip`."""
        return self.sip.user_agent

    @property
    def engine(self) -> EngineConfig:
        """For `gateway.media`."""
        media = self.media
        return EngineConfig(
            phone_hosts=self.phone_hosts,
            first_port=media.first_port,
            last_port=media.last_port,
            bridge_addresses=media.bridge_addresses,
            silent_after=media.no_rtp_timeout,
            connect_within=self.jitsi.media_timeout,
            bitrate=media.opus_bitrate,
            complexity=media.opus_complexity,
            recordings=self.voice.folders,
        )

    @property
    def phone_hosts(self) -> tuple[str, ...]:
        """Where phones send their RTP to: if nothing is said, by the IP versions that SIP has."""
        if self.media.host:
            return self.media.host
        versions = {":" in listen.host: None for listen in self.sip.listen}
        return tuple("::" if is_ipv6 else "0.0.0.0" for is_ipv6 in versions)

    @property
    def external_address(self) -> ExternalAddress | None:
        """For `gateway.app`: who finds our address behind a NAT; None if nobody is to."""
        stun = self.media.stun
        ipv4 = next((host for host in self.phone_hosts if ":" not in host), "0.0.0.0")
        return ExternalAddress(stun, ipv4) if stun is not None else None

    @property
    def media_workers(self) -> tuple[Begin, ...]:
        """For `gateway.media`: one for each process besides this one; none if this one does it."""
        count = self.media.worker_count
        parts = self.engine.divided(count) if count else ()
        return tuple(
            Begin(part, number, self.log.level, self.log.format)
            for number, part in enumerate(parts)
        )

    @property
    def dials_nobody(self) -> bool:
        """Whether orders to dial are waited for in vain: no trunk takes calls that go out."""
        return bool(self.brewery) and all(trunk.dial_out is None for trunk in self.trunk)

    @property
    def trunks(self) -> tuple[Trunk, ...]:
        """For `gateway.calls`."""
        codecs, record_name = self.media.codecs, self.dial_in.record_name
        return tuple(
            trunk.for_calls(codecs, record_name=record_name, waiting=self.voice.waiting)
            for trunk in self.trunk
        )

    @property
    def liaisons(self) -> tuple[LiaisonConfig, ...]:
        """For `gateway.sip`: the trunks that are registered at or asked how they are."""
        found = (trunk.liaison for trunk in self.trunk)
        return tuple(liaison for liaison in found if liaison is not None)

    @property
    def accounts(self) -> tuple[CallerAccount, ...]:
        """For `gateway.calls`: the trunks and users that are told by digest."""
        trunks = {trunk.name: trunk for trunk in self.trunks}
        codecs, networks, waiting = self.media.codecs, self.registrar.networks, self.voice.waiting
        users = (user.account(trunks, codecs, networks, waiting) for user in self.user)
        return (*guarded_trunks(self.trunk, trunks), *users)

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

    def certificates(self) -> Certificates | None:
        """Those of the SIP side, if it has some; ConfigError if they cannot be used."""
        return Certificates(self.sip.tls.for_sip) if self.sip.tls is not None else None

    def installations(self) -> tuple[Installation, ...]:
        """For `gateway.conference`; ConfigError if a CA file or a private key cannot be used."""
        return tuple(
            section.for_calls(name, self.media.features)
            for name, section in ((FIRST, self.jitsi), *((i.name, i) for i in self.installation))
        )

    def dial_in_services(self) -> DialInConfig | None:
        """For `gateway.ivr`; None without them. ConfigError if the file of PINs has gone."""
        sections = (self.jitsi, *self.installation)
        return self.dial_in.services(tuple(section.web_url for section in sections))

    def fixed_pins(self) -> tuple[FixedPin, ...]:
        """For `gateway.ivr`: the PINs in the file as it is now; ConfigError with every problem."""
        pins = self.dial_in.fixed_pins
        problems = list(pin_room_problems(self, pins))
        if problems:
            raise ConfigError(problems)
        return pins

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
        # Always the same resource: who comes back takes the place of what an outage has left of it.
        jid = f"{brewery.user}/{brewery.id}-{_PROCESS}"
        account = Account(jid, brewery.password.get_secret_value())
        host = brewery.host or self.jitsi.host
        server = Server(brewery.domain, context, host, brewery.port, account)
        return BreweryAccount(
            id=brewery.id,
            server=server,
            room=brewery.room,
            installation=brewery.installation,
            allowed=brewery.allowed,
        )


def load(file: Path | None, environment: Mapping[str, str] = os.environ) -> Config:
    """Read a file, if there is one, and the environment; ConfigError with every problem there is.

    Jigasi's variables stand in for sections the file does not have.
    """
    values = jigasi_environment.sections(environment)
    if file is not None:
        values |= read_toml(file)
    return parse(values, environment)


def load_usable(file: Path | None) -> Config:
    """The same, with a look at the files it names."""
    config = load(file)
    problems: dict[str, None] = {}
    for look in (
        config.installations,
        config.certificates,
        config.breweries,
        config.dial_in_services,
    ):
        try:
            look()
        except ConfigError as error:
            problems |= dict.fromkeys(error.problems)  # two may name the same file
    if problems:
        raise ConfigError(list(problems))
    return config


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


# What Kubernetes tells every container of a Service that is called sip-gateway, unasked.
_SERVICE_LINK = re.compile(
    r"(\w+_)?(service_(host|port)(_\w+)?|port_\d+_(tcp|udp|sctp)(_\w+)?)=.*"
    r"|(\w+_)?port=(tcp|udp|sctp)://.*"
)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    return value


def _override(values: dict[str, Any], environment: Mapping[str, str]) -> list[str]:
    """Lay `SIP_GATEWAY_SECTION__KEY` over the file; what cannot be laid over is a problem."""
    problems = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        *sections, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        if not sections and _SERVICE_LINK.fullmatch(f"{key}={text}"):
            continue
        inside: Any = values if sections else None
        for section in sections:
            inside = inside.setdefault(section, {}) if isinstance(inside, dict) else None
        if not isinstance(inside, dict):
            hint = f"write {ENVIRONMENT_PREFIX}SECTION__KEY, of a section that is not a list"
            problems.append(f"{variable}: names no key ({hint})")
            continue
        value = _value(text)
        # Many a place where variables are written takes quotes away: a password of digits has none.
        inside[key] = text if is_secret(key) and not isinstance(value, str) else value
    return problems


def _value(text: str) -> Any:
    """A value of the environment: TOML where it is TOML, else the text itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
