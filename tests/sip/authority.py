"""A certificate authority for tests: what it signs, and contexts for peers that are not ours."""

import datetime
import ipaddress
import ssl
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.sip.tls import ClientCertificates, TlsConfig
from gateway.trust import trusting

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


class Authority:
    """Signs certificates and keeps them in files of a folder."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        builder = _builder(self._name, self._name, self._key.public_key(), NOW + DAY)
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        certificate = builder.add_extension(constraint, critical=True).sign(
            self._key, hashes.SHA256()
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(_pem(certificate))

    def config(
        self,
        *names: str,
        file: str = "own",
        until: datetime.datetime = NOW + DAY,
        client_certificates: ClientCertificates = "off",
        verify: bool = True,
    ) -> TlsConfig:
        """A certificate for these names, and trust in this authority."""
        certificate, key = self.sign(*names, file=file, until=until)
        return TlsConfig(certificate, key, self.file, client_certificates, verify)

    def sign(
        self, *names: str, file: str = "own", until: datetime.datetime = NOW + DAY
    ) -> tuple[Path, Path]:
        """The files of a certificate and its key; a second one of a name takes its place."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name("somebody"), self._name, key.public_key(), until)
        alternatives = x509.SubjectAlternativeName(_alternatives(names))
        certificate = builder.add_extension(alternatives, critical=False).sign(
            self._key, hashes.SHA256()
        )
        paths = self._folder / f"{file}.crt", self._folder / f"{file}.key"
        paths[0].write_bytes(_pem(certificate))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def client(self, *names: str) -> ssl.SSLContext:
        """The context of a foreign client that trusts this authority, with names if it has any."""
        context = trusting(self.file)
        context.check_hostname = False
        if names:
            context.load_cert_chain(*self.sign(*names, file="client"))
        return context

    def server(self, *names: str) -> ssl.SSLContext:
        """The context of a foreign server."""
        context = trusting(purpose=ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.sign(*names, file="server"))
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            is_uri = ":" in name
            found.append(x509.UniformResourceIdentifier(name) if is_uri else x509.DNSName(name))
    return found


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    until: datetime.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 2 * DAY)
        .not_valid_after(until)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
