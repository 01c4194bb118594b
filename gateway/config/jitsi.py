"""The sections about Jitsi: the installations whose conferences can be joined."""

import uuid
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from gateway.conference.installation import VISITOR_DOMAIN, Installation
from gateway.conference.login_queue import LoginQueue
from gateway.config.jwt import JwtSection
from gateway.config.section import Section
from gateway.config.values import (
    Domain,
    FocusAddress,
    Pattern,
    Port,
    PublicUrl,
    Seconds,
    VisitorDomain,
    WebAddress,
    bosh_problems,
    conference_request_problems,
    file_problem,
    is_host,
    websocket_problems,
)
from gateway.xmpp.own_presence import STATS_ID
from gateway.xmpp.server import Account, Server
from gateway.xmpp.tls import tls_context


class JitsiSection(Section):
    """`[jitsi]`: the installation whose conferences can be joined."""

    domain: Domain
    guest_domain: Domain | None = None
    rooms: Pattern | None = None
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
    bosh: str | None = None
    jwt: JwtSection | None = None
    logins_per_second: float = Field(default=2.5, gt=0, le=1000)
    turn: Literal["off", "fallback"] = "off"
    region: str | None = None
    machine_uid: str | None = None
    join_timeout: Seconds = 30.0
    media_timeout: Seconds = 15.0
    lobby_timeout: Seconds = 600.0
    hidden_domains: tuple[Domain, ...] | None = None
    avatar_url: WebAddress | None = None
    stats_id: str = Field(default=STATS_ID, min_length=1, max_length=100)
    bridge_channel: bool = True
    visitor_domain: VisitorDomain = VISITOR_DOMAIN
    conference_request_url: WebAddress | None = None

    @property
    def machines(self) -> tuple[str, ...]:
        """The domains at which recorders and transcribers log in."""
        usual = (f"hidden.{self.domain}", f"recorder.{self.domain}")
        return usual if self.hidden_domains is None else self.hidden_domains

    @property
    def served_domains(self) -> tuple[str, ...]:
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
        if self.host and not is_host(self.host):
            hint = "write e.g. 192.0.2.20 or prosody.example.org, and its port into port"
            problems.append(f"host: {self.host!r} is no host; {hint}")
        if (self.user is None) != (self.password is None):
            problems.append("user: goes with password; give both, or neither to be a guest")
        if self.user is not None and self.guest_domain is not None:
            problems.append("guest_domain: is for guests; leave it out, or user and password")
        if self.ca_file is not None and self.tls != "verify":
            problems.append('ca_file: is of use with tls = "verify" only')
        if self.websocket is not None:
            problems += websocket_problems(self.websocket, self.tls)
        if self.bosh is not None:
            problems += bosh_problems(self.bosh, self.tls)
        if self.conference_request_url is not None:
            problems += conference_request_problems(self.conference_request_url, self.tls)
        if self.bosh is not None and self.websocket is not None:
            problems.append("bosh: goes without websocket; leave one of them out")
        if self.jwt is not None and self.bosh is None and self.websocket is None:
            problems.append(
                "jwt: needs websocket (or bosh): over plain TCP a token cannot be handed in"
            )
        if (problem := file_problem(self.ca_file)) is not None:
            problems.append(f"ca_file: {problem}")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def for_calls(self, name: str, features: tuple[str, ...]) -> Installation:
        """For `gateway.conference`; ConfigError if a CA file or a private key cannot be used.

        `features` are advertised beside those that every participant has.
        """
        tls = None
        if self.tls != "off":
            tls = tls_context(ca_file=self.ca_file, verify=self.tls == "verify")
        account = None
        if self.user is not None and self.password is not None:
            account = Account(self.user, self.password.get_secret_value())
        return Installation(
            name=name,
            rooms=self.rooms,
            server=Server(
                self.domain,
                tls,
                self.host,
                self.port,
                account,
                self.websocket,
                self.bosh,
                self.guest_domain,
            ),
            muc_domains=self.served_domains,
            focus=self.focus or f"focus.{self.domain}",
            machine_uid=self.machine_uid or _machine_uid(self.domain),
            region=self.region,
            media_timeout=self.media_timeout,
            join_timeout=self.join_timeout,
            lobby_timeout=self.lobby_timeout,
            web_url=self.web_url,
            tenants=self.tenants,
            hidden_domains=self.machines,
            avatar_url=self.avatar_url,
            stats_id=self.stats_id,
            visitor_domain=self.visitor_domain,
            conference_request_url=self.conference_request_url,
            features=features,
            bridge_channel=self.bridge_channel,
            tokens=self.jwt.issuer(self.domain) if self.jwt is not None else None,
            login_queue=LoginQueue(self.logins_per_second),
            turn=self.turn == "fallback",
        )


class InstallationSection(JitsiSection):
    """`[[installation]]`: one more, with the same keys."""

    name: str = Field(min_length=1)


def _machine_uid(domain: str) -> str:
    """The same on one machine each time, and another on every other."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, f"{uuid.getnode():x}.{domain}").hex
