"""The section about SIP: where the user agent listens, and how it behaves."""

from typing import Literal, Self

from pydantic import Field, model_validator

from gateway.config.section import Section
from gateway.config.tls import SipTlsSection
from gateway.config.values import (
    AdvertisedAddress,
    DigestAlgorithms,
    ListenAddress,
    Realm,
    Seconds,
)
from gateway.sip.core import StackConfig
from gateway.sip.network import Listen
from gateway.sip.session_timer import Wanted
from gateway.sip.tcp_connection import TcpLimits
from gateway.sip.timers import Timers
from gateway.sip.user_agent import UserAgentConfig

_LEAST_SESSIONS = 2000
"""Calls as SIP counts them: those too that have ended and whose BYE is not answered yet."""


class SipSection(Section):
    """`[sip]`: where the user agent listens, and how much it takes."""

    listen: tuple[ListenAddress, ...] = Field(
        default=(Listen("udp", "0.0.0.0"), Listen("tcp", "0.0.0.0")), min_length=1
    )
    advertised_host: AdvertisedAddress | None = None
    strangers: Literal["drop", "refuse"] = "drop"
    max_calls: int = Field(default=200, ge=1)
    max_stress: float = Field(default=1.0, ge=0)
    retry_after: int = Field(default=30, ge=1, le=3600)
    t1: Seconds = 0.5
    keep_alive: float = Field(default=30.0, ge=0, le=3600)
    session_expires: int = Field(default=1800, ge=0, le=86_400)
    min_se: int = Field(default=90, ge=90, le=86_400)
    realm: Realm = "sip-gateway"
    digest_algorithms: DigestAlgorithms = ("MD5",)
    tls: SipTlsSection | None = None

    @model_validator(mode="after")
    def _check_session_timer(self) -> Self:
        if 0 < self.session_expires < self.min_se:
            raise ValueError("session_expires: must not be below min_se; 0 asks for no timer")
        return self

    @model_validator(mode="after")
    def _check_certificate(self) -> Self:
        if self.tls is None and any(listen.transport == "tls" for listen in self.listen):
            raise ValueError("listen: tls needs a certificate and its key; give them in [sip.tls]")
        return self

    @property
    def user_agent(self) -> UserAgentConfig:
        """For `gateway.sip`."""
        stack = StackConfig(
            timers=Timers(t1=self.t1),
            session_timer=Wanted(self.session_expires, self.min_se),
            retry_after=self.retry_after,
            max_sessions=max(_LEAST_SESSIONS, 2 * self.max_calls),
        )
        return UserAgentConfig(
            self.listen,
            self.advertised_host,
            stack,
            tcp=TcpLimits(keep_alive=self.keep_alive),
            tls=self.tls.for_sip if self.tls is not None else None,
        )
