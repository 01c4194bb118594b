"""What can be chosen about a lab."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.lab.bridge_endpoint import BridgeTimers
from gateway.lab.faults import Faults
from gateway.lab.focus_offer import OfferConfig
from gateway.lab.focus_port import Allocation, FocusConfig
from gateway.lab.rate_limit import RateLimit
from gateway.lab.site import SiteConfig
from gateway.lab.token_rules import TokenRules
from gateway.lab.xmpp_login import LoginRules
from gateway.rtp.srtp import SrtpProfile
from gateway.webrtc.dtls import PROFILES

__all__ = [
    "Allocation",
    "BridgeTimers",
    "Faults",
    "LabConfig",
    "OfferConfig",
    "RateLimit",
    "TokenRules",
]


@dataclass(frozen=True, slots=True)
class LabConfig:
    """`host` is an IP address; ports are free ones if 0; times are seconds.

    `starttls` demands TLS, otherwise there is none. `accounts` (user name: password) may log in to
    `auth.<domain>`. With a `guest_domain` everybody else logs in there. `ack_timeout` is how long a
    client may leave XEP-0198's `<r/>` unanswered. `hibernation` is how long a client that was cut
    off may come back (an account for 15 s at most). With `tokens` anonymous users need a JWT.
    `read_rate` (octets a second), `rate_limit`, `joins_a_second` (for each room) and `nuisances`
    try a client's patience. With `bridge_channel` the videobridge offers a WebSocket, encrypted if
    the XMPP server is. For the rest see `FocusConfig`, `OfferConfig`, `BridgeTimers` and `Faults`.
    """

    host: str = "127.0.0.1"
    xmpp_port: int = 0
    bridge_port: int = 0
    domain: str = "lab.test"
    muc_prefix: str = "conference"
    guest_domain: str | None = None
    starttls: bool = True
    accounts: Mapping[str, str] = field(default_factory=dict, repr=False)
    strict_nick: bool = True
    ack_timeout: float = 30.0
    hibernation: float = 60.0
    tokens: TokenRules | None = None
    read_rate: int | None = None
    rate_limit: RateLimit | None = None
    joins_a_second: int | None = None
    nuisances: bool = False

    offer: OfferConfig = field(default_factory=OfferConfig)
    allocations: tuple[Allocation, ...] = ()
    needs_host: bool = False
    early_sources: bool = False
    alone_timeout: float = 20.0
    initial_timeout: float = 15.0
    reply_timeout: float = 15.0
    slow_answer: float = 10.0
    reinvite_after: float = 2.0
    bridge_keeps: float = 0.05
    ghosts_last: float = 0.0
    ice_restart: bool = True

    bridge_timers: BridgeTimers = field(default_factory=BridgeTimers)
    bridge_channel: bool = False
    bridge_profiles: tuple[SrtpProfile, ...] = PROFILES[:2]
    faults: Faults | None = None

    @property
    def site(self) -> SiteConfig:
        """The part that needs no sockets."""
        focus = FocusConfig(
            offer=self.offer,
            allocations=self.allocations,
            needs_host=self.needs_host,
            alone_timeout=self.alone_timeout,
            initial_timeout=self.initial_timeout,
            reply_timeout=self.reply_timeout,
            slow_answer=self.slow_answer,
            reinvite_after=self.reinvite_after,
            bridge_keeps=self.bridge_keeps,
            ghosts_last=self.ghosts_last,
            ice_restart=self.ice_restart,
            early_sources=self.early_sources,
        )
        return SiteConfig(
            domain=self.domain,
            muc_prefix=self.muc_prefix,
            strict_nick=self.strict_nick,
            guest_domain=self.guest_domain,
            focus=focus,
        )

    @property
    def login(self) -> LoginRules:
        """Who may log in."""
        return LoginRules(
            domain=self.domain,
            auth_domain=self.site.auth_domain,
            accounts=self.accounts,
            tls=self.starttls,
            ack_timeout=self.ack_timeout,
            hibernation=self.hibernation,
            tokens=self.tokens,
            guest_domain=self.guest_domain,
        )
