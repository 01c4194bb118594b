"""The sections about dialling out: through which trunk, how often, and who may ask for it."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from gateway.calls.dial_out import DialOut
from gateway.calls.dial_rules import DialLimits
from gateway.config.section import Section
from gateway.config.values import (
    Domain,
    HeaderText,
    Host,
    Jid,
    LoginName,
    NumberPrefix,
    OwnHeader,
    Password,
    Port,
    RoomJid,
    Seconds,
    file_problem,
)
from gateway.sip.digest import Credentials


class TrunkDialOutSection(Section):
    """`[trunk.dial_out]`: how calls go out through the trunk above, and to which numbers."""

    host: Host
    prefixes: tuple[NumberPrefix, ...] = Field(min_length=1)
    port: Port | None = None
    transport: Literal["udp", "tcp", "tls"] | None = None
    deny: tuple[NumberPrefix, ...] = ()
    strip: str = ""
    prepend: str = Field(default="", pattern=r"^[+0-9*#]*$")
    caller: str = Field(default="anonymous", pattern=r"^[A-Za-z0-9+._-]+$")
    name: str = ""
    user: LoginName | None = None
    password: Password | None = None
    realm: str | None = None
    ringing_timeout: Seconds = 60.0
    early_media: bool = False
    assert_identity: bool = False
    withhold_caller: bool = False
    headers: dict[OwnHeader, HeaderText] = Field(default_factory=dict)
    confirm: bool = False

    @model_validator(mode="after")
    def _check_pairs(self) -> Self:
        problems = []
        if (self.user is None) != (self.password is None):
            problems.append("user: goes with password; give both, or neither")
        if self.confirm and self.early_media:
            hint = "nobody is heard before the key is pressed; leave one of them out"
            problems.append(f"confirm: goes without early_media, since {hint}")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def credentials(self) -> Credentials | None:
        """Who we are to the trunk, if it asks."""
        if self.user is None or self.password is None:
            return None
        return Credentials(self.user, self.password.get_secret_value(), self.realm)

    def for_calls(self) -> DialOut:
        """For `gateway.calls`."""
        return DialOut(
            host=self.host,
            prefixes=self.prefixes,
            port=self.port,
            transport=self.transport,
            deny=self.deny,
            strip=self.strip,
            prepend=self.prepend,
            caller=self.caller,
            name=self.name,
            ringing_timeout=self.ringing_timeout,
            early_media=self.early_media,
            assert_identity=self.assert_identity,
            withhold_caller=self.withhold_caller,
            headers=tuple(self.headers.items()),
            confirm=self.confirm,
        )


class DialOutSection(Section):
    """`[dial_out]`: how many calls may go out; 0 is no limit."""

    calls_per_room: int = Field(default=10, ge=0)
    calls_per_initiator: int = Field(default=5, ge=0)
    calls_per_day: int = Field(default=500, ge=0)

    @property
    def limits(self) -> DialLimits:
        """For `gateway.calls`."""
        return DialLimits(
            self.calls_per_room or None,
            self.calls_per_initiator or None,
            self.calls_per_day or None,
        )


class BrewerySection(Section):
    """`[[brewery]]`: an account, and the room in which it waits for Jicofo to have it dial."""

    user: Jid
    password: Password
    room: RoomJid
    id: str = "brewery"
    installation: str = "jitsi"
    host: Host | None = None
    port: Port = 5222
    tls: Literal["verify", "insecure", "off"] | None = None
    ca_file: Path | None = None
    allowed: tuple[Jid, ...] = ()

    @property
    def domain(self) -> Domain:
        """The XMPP domain it logs in to."""
        return self.user.partition("@")[2]

    @model_validator(mode="after")
    def _check_ca_file(self) -> Self:
        if (problem := file_problem(self.ca_file)) is not None:
            raise ValueError(f"ca_file: {problem}")
        return self
