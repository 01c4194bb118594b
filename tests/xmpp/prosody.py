"""A real Prosody on a free loopback port: anonymous logins, one account, a plain MUC, STARTTLS."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from gateway.lab.certificate import Certificate
from tests.helpers.free_ports import free_ports

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
ssl = {{ key = "{key}", certificate = "{certificate}" }}
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
    (port,) = free_ports(1)
    with contextlib.closing(Certificate((DOMAIN, ACCOUNT_DOMAIN), "127.0.0.1")) as own:
        config = folder / "prosody.cfg.lua"
        config.write_text(
            _CONFIG.format(
                folder=folder,
                port=port,
                key=own.key_file,
                certificate=own.ca_file,
                require_encryption=str(tls).lower(),
                tls=', "tls"' if tls else "",
            )
        )
        register = ("register", "gateway", ACCOUNT_DOMAIN, "secret")
        await (
            await asyncio.create_subprocess_exec("prosodyctl", "--config", config, *register)
        ).wait()
        process = await asyncio.create_subprocess_exec(EXECUTABLE, "--config", config)
        try:
            await _listening(port)
            yield Prosody(port, own.ca_file, process)
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
