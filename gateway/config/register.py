"""The parts of a trunk's section about who it is, or we are: registering there, digest here."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from gateway.config.section import Section
from gateway.config.values import AccountName, Host, LoginName, Password, Port
from gateway.errors import SipSyntaxError
from gateway.sip.digest import Credentials
from gateway.sip.digest_server import DigestAccount
from gateway.sip.header_values import parse_uri
from gateway.sip.locate import Destination
from gateway.sip.registration import RegistrationConfig


def _registrar(value: str) -> str:
    try:
        uri = parse_uri(value)
    except SipSyntaxError:
        uri = None
    if uri is None or uri.scheme != "sip" or uri.user:
        raise ValueError(f"{value!r} is no registrar; write e.g. sip:provider.example")
    return value


class TrunkRegisterSection(Section):
    """`[trunk.register]`: where we register to be called, and as whom."""

    registrar: Annotated[str, AfterValidator(_registrar)]
    user: AccountName
    password: Password
    auth_user: LoginName | None = None
    realm: str | None = None
    contact: AccountName | None = None
    expires: int = Field(default=3600, ge=30, le=86_400)
    refresh: float = Field(default=45.0, ge=5, le=86_400)
    host: Host | None = None
    port: Port | None = None
    transport: Literal["udp", "tcp", "tls"] | None = None

    @property
    def registration(self) -> RegistrationConfig:
        """For `gateway.sip`."""
        user = self.auth_user or self.user
        return RegistrationConfig(
            registrar=self.registrar,
            user=self.user,
            contact_user=self.contact or self.user,
            credentials=Credentials(user, self.password.get_secret_value(), self.realm),
            expires=self.expires,
            refresh=self.refresh,
        )

    @property
    def destination(self) -> Destination:
        """The next hop: that of the registrar's URI, but for what is stated otherwise."""
        there = Destination.of(parse_uri(self.registrar))
        return Destination(
            self.transport or there.transport, self.host or there.host, self.port or there.port
        )


class TrunkDigestSection(Section):
    """`[trunk.digest]`: with what the trunk's calls prove to be its own."""

    user: AccountName
    password: Password

    @property
    def account(self) -> DigestAccount:
        """For `gateway.sip`."""
        return DigestAccount(self.user, self.password.get_secret_value())
