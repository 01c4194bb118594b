"""A real coturn on free ports of this machine, which relays to this machine only."""

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from gateway.lab.certificate import Certificate
from gateway.media.messages import TurnServer
from tests.helpers.free_ports import free_ports

HOST = "127.0.0.1"
SECRET = "shared with Prosody"
_CONFIG = """
listening-ip={host}
relay-ip={host}
listening-port={port}
tls-listening-port={tls_port}
cert={certificate}
pkey={key}
use-auth-secret
static-auth-secret={secret}
realm=lab.test
allow-loopback-peers
no-cli
cli-password=unused
no-dtls
userdb={folder}/turndb
pidfile={folder}/turn.pid
log-file={folder}/turn.log
simple-log
verbose
"""


def demand_coturn() -> None:
    """Skip without coturn, naming what to install; fail where everything has to be there."""
    if shutil.which("turnserver") is None:
        missing = "coturn is not installed: apt-get install coturn"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


class Coturn:
    """Runs from being made until `close`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.tls_port = free_ports(2)
        self._own = Certificate(("lab.test",), HOST)
        self.ca_file = self._own.ca_file
        file = folder / "turn.conf"
        file.write_text(
            _CONFIG.format(
                host=HOST,
                port=self.port,
                tls_port=self.tls_port,
                certificate=self.ca_file,
                key=self._own.key_file,
                secret=SECRET,
                folder=folder,
            )
        )
        self._process = subprocess.Popen(
            ("turnserver", "-c", file),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        deadline = time.monotonic() + 20
        for port in (self.port, self.tls_port):
            while not _listens(port):
                assert time.monotonic() < deadline and self._process.poll() is None, self.log
                time.sleep(0.05)

    @property
    def log(self) -> str:
        """What it has written."""
        file = self.folder / "turn.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def server(self, transport: str, *, secret: str = SECRET) -> TurnServer:
        """As Prosody would name it, with credentials for a minute."""
        username = str(int(time.time()) + 60)
        digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
        port = self.tls_port if transport == "tls" else self.port
        return TurnServer(HOST, port, transport, username, base64.b64encode(digest).decode())

    def kill(self) -> None:
        """At once, without a word to anybody."""
        self._process.kill()
        self._process.wait(10)

    def close(self) -> None:
        """Stop it and remove what is not in the folder."""
        self.kill()
        self._own.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
