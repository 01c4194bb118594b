"""The certificates of the user agent: ours, and whom we believe (RFC 3261 26.3.1, RFC 5922).

Contexts are made at the start and when files have changed, since making one takes some 40 ms.
Who has a connection keeps the context it was made with: taking up a new certificate ends no call.
"""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509

from gateway.errors import ConfigError
from gateway.sip.tls_names import prove
from gateway.trust import stamp, trusting

ClientCertificates = Literal["off", "optional", "required"]

_VERIFY_MODES = {
    "off": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """Where the certificates are.

    `certificate` is ours, with its chain, as a server and as a client; `key` is its private key.
    Peers are believed if `ca_file` or, without it, the system's authorities vouch for them.
    `verify` is about servers; whether clients have to show a certificate is said apart. `name` is
    the host that `certificate` is for, where peers that verify it have to find it.
    """

    certificate: Path
    key: Path
    ca_file: Path | None = None
    client_certificates: ClientCertificates = "off"
    verify: bool = True
    name: str | None = None


class Certificates:
    """The contexts for both roles, from files; `reload` them when these have changed."""

    def __init__(self, config: TlsConfig) -> None:
        """Read the files; ConfigError if they cannot be used."""
        self._config = config
        self._state: tuple[object, ...] = ()
        self.server: ssl.SSLContext
        self.client: ssl.SSLContext
        self.expires: datetime.datetime | None
        """When ours is no longer good; None if that cannot be read."""
        self.names: tuple[str, ...] | None
        """Whom ours is for, as `tls_names` has it; None if that cannot be read."""
        self.reload()

    @property
    def verifies_servers(self) -> bool:
        return self._config.verify

    @property
    def name(self) -> str | None:
        """The host to state to peers over TLS, if it is not our address."""
        return self._config.name

    @property
    def is_for_name(self) -> bool:
        """Whether ours is for that host, as far as it can be read: others will not believe it."""
        name = self._config.name
        return name is None or self.names is None or prove(self.names, name)

    @property
    def have_changed(self) -> bool:
        """Whether the files are others than those read last."""
        return self._state != self._look()

    def reload(self) -> None:
        """Take the files as they are now; ConfigError, and all stays, if they cannot be used."""
        state = self._look()  # before they are read: what changes meanwhile is read again
        config = self._config
        try:
            server = trusting(config.ca_file, ssl.Purpose.CLIENT_AUTH)
            client = trusting(config.ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError([f"sip.tls.ca_file: {config.ca_file}: {error}"]) from error
        server.verify_mode = _VERIFY_MODES[config.client_certificates]
        if config.client_certificates != "off" and config.ca_file is None:
            server.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        client.check_hostname = False  # names are checked by `tls_names`, which knows SIP's
        if not config.verify:
            client.verify_mode = ssl.CERT_NONE
        for context in (server, client):
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.options |= ssl.OP_NO_RENEGOTIATION
            try:
                context.load_cert_chain(config.certificate, config.key, password=_no_password)
            except (OSError, ValueError) as error:
                raise ConfigError([_fault(config, error)]) from error
        self.server, self.client, self._state = server, client, state
        self.expires, self.names = _read(config.certificate)

    def _look(self) -> tuple[object, ...]:
        """What shows that a file has changed: renewed ones are often links to elsewhere."""
        config = self._config
        files = (config.certificate, config.key, config.ca_file)
        return tuple(stamp(file) for file in files if file is not None)


def _read(file: Path) -> tuple[datetime.datetime | None, tuple[str, ...] | None]:
    """Until when a certificate is good, and for whom."""
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        expires = certificate.not_valid_after_utc
        told = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return expires, ()
    except (OSError, ValueError, x509.InvalidVersion, x509.DuplicateExtension):
        # OpenSSL has taken what is stricter looked at here.
        return None, None
    kinds = (x509.DNSName, x509.UniformResourceIdentifier)
    return expires, tuple(str(name.value).lower() for name in told if isinstance(name, kinds))


def _fault(config: TlsConfig, error: Exception) -> str:
    """Which file is to blame, and for what; OpenSSL does not say ("PEM lib")."""
    for key, file, what in (
        ("certificate", config.certificate, "CERTIFICATE"),
        ("key", config.key, "PRIVATE KEY"),
    ):
        try:
            content = file.read_bytes()
        except OSError as unreadable:
            return f"sip.tls.{key}: {file}: {unreadable.strerror}"
        if f"{what}-----".encode() not in content:
            return f"sip.tls.{key}: {file} has no {what.lower()} in PEM format"
        if content.count(b"-----BEGIN ") > content.count(b"-----END "):
            return f"sip.tls.{key}: {file} is cut off: copy it again"
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"sip.tls.key: {config.key} is not the key of {config.certificate}"
    return f"sip.tls.certificate: {config.certificate} with {config.key}: {error}"


def _no_password() -> str:
    """Instead of asking at the terminal, where nobody is."""
    raise ValueError("the key has a password; it has to be readable without one")
