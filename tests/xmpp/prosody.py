"""A real Prosody on a free loopback port: anonymous logins, one account, a plain MUC, STARTTLS."""

import asyncio
import contextlib
import datetime
import ipaddress
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

EXECUTABLE = Path("/usr/bin/prosody")
DOMAIN = "meet.test"
MUC_DOMAIN = "conference.meet.test"
ACCOUNT_DOMAIN = "auth.meet.test"
WRONG_DOMAIN = "wrong.test"  # is not in the certificate

_CONFIG = """
daemonize = false
run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ warn = "{folder}/prosody.log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
modules_enabled = {{ "saslauth", "disco", "ping", "smacks"{tls} }}
modules_disabled = {{ "s2s", "offline" }}
c2s_require_encryption = {require_encryption}
ssl = {{ key = "{folder}/key.pem", certificate = "{folder}/certificate.pem" }}
VirtualHost "meet.test"
    authentication = "anonymous"
VirtualHost "wrong.test"
    authentication = "anonymous"
VirtualHost "auth.meet.test"
    authentication = "internal_hashed"
Component "conference.meet.test" "muc"
    muc_room_locking = false
    muc_room_default_public_jids = true
"""


@dataclass(frozen=True)
class Prosody:
    port: int
    ca_file: Path
    process: asyncio.subprocess.Process


@contextlib.asynccontextmanager
async def running_prosody(folder: Path, *, tls: bool = True) -> AsyncIterator[Prosody]:
    """Start Prosody with a certificate of its own, or without TLS; stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ca_file = write_certificate(folder)
    config = folder / "prosody.cfg.lua"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            port=port,
            require_encryption=str(tls).lower(),
            tls=', "tls"' if tls else "",
        )
    )
    register = ("register", "gateway", ACCOUNT_DOMAIN, "secret")
    await (await asyncio.create_subprocess_exec("prosodyctl", "--config", config, *register)).wait()
    process = await asyncio.create_subprocess_exec(EXECUTABLE, "--config", config)
    try:
        await _listening(port)
        yield Prosody(port, ca_file, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.05)


def write_certificate(folder: Path) -> Path:
    """A self-signed certificate for the domains, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(d) for d in (DOMAIN, ACCOUNT_DOMAIN)]
    names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
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
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    (folder / "certificate.pem").write_bytes(pem)
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "certificate.pem"
