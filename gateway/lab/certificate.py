"""The lab's own certificate: made at the start, good for a day, its own authority."""

import datetime
import ipaddress
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificate:
    """A self-signed certificate for `domains` and for the address `host`.

    `ca_file` is what a client is to trust, `key_file` what a server of its own needs besides; both
    are there until `close`.
    """

    def __init__(self, domains: Iterable[str], host: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lab-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        self.ca_file = folder / "ca.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        pem = _self_signed(key, list(domains), host).public_bytes(serialization.Encoding.PEM)
        self.ca_file.write_bytes(pem)
        self.key_file = folder / "key.pem"
        self.key_file.touch(0o600)
        self.key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.ca_file, self.key_file)

    def close(self) -> None:
        """Remove the files."""
        self._folder.cleanup()


def _self_signed(
    key: ec.EllipticCurvePrivateKey, domains: list[str], host: str
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domains[0])])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(domain) for domain in domains]
    names.append(x509.IPAddress(ipaddress.ip_address(host)))
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
