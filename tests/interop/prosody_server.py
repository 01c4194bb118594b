"""A real Prosody, set up by the lab's own instructions, on free ports of this machine."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.lab import certificate
from gateway.lab.lab import Prosody
from gateway.lab.prosody_config import Certificate, Process, ProsodyConfig
from tests.helpers.free_ports import free_ports

HOST = "127.0.0.1"
PASSWORD = "secret of the focus"
MOST_OCCUPANTS = 6  # the focus among them
MODULES = Path(__file__).parent / "prosody_modules"


def demand_prosody() -> None:
    """Skip without Prosody, naming what to install; fail where everything has to be there."""
    if shutil.which("prosody") is None or shutil.which("prosodyctl") is None:
        missing = "Prosody is not installed: apt-get install prosody"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


class ProsodyServer:
    """`start`, `kill` and `start` it again as often as you like; `close` it at last.

    `more` is configuration of its own, for all hosts.
    """

    def __init__(self, folder: Path, more: str = "") -> None:
        self.folder = folder
        self.c2s_port, self.http_port, self.https_port = free_ports(3)
        self._own = certificate.Certificate(("lab.test", "auth.lab.test"), HOST)
        self.ca_file = self._own.ca_file
        self.config = ProsodyConfig(
            certificate=Certificate(self.ca_file, self._own.key_file),
            process=Process(folder, HOST, self.c2s_port, self.http_port, self.https_port),
        )
        self.file = folder / "lab.cfg.lua"
        limit = f'modules_enabled = {{ "muc_max_occupants" }} muc_max_occupants = {MOST_OCCUPANTS}'
        paths = f'plugin_paths = {{ "{MODULES}" }}'
        rooms = f'Component "{self.config.site.muc_domain}" "muc"\n'
        lua = self.config.to_lua().replace(rooms, f"{rooms}    {limit}\n")
        self.file.write_text(f"{paths}\n{more}\n{lua}")
        command = next(c for c in self.config.installation(self.file) if "register" in c)
        words = [PASSWORD if word == "PASSWORD" else word for word in command.split()]
        subprocess.run(words, check=True, capture_output=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def access(self) -> Prosody:
        """How the lab gets in."""
        return Prosody(HOST, self.c2s_port, PASSWORD, ca_file=self.ca_file)

    @property
    def log(self) -> str:
        """Its warnings and errors."""
        file = self.folder / "prosody.log"
        return file.read_text() if file.exists() else ""

    def start(self) -> None:
        """Return when it listens."""
        self._process = subprocess.Popen(
            ("prosody", "-F", "--config", self.file),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ports = {self.c2s_port, self.http_port, self.https_port}
        deadline = time.monotonic() + 20
        while ports:
            assert time.monotonic() < deadline, f"Prosody does not listen on {ports}"
            for port in list(ports):
                with suppress(OSError), socket.create_connection((HOST, port), 1):
                    ports.discard(port)
            time.sleep(0.02)

    def kill(self) -> None:
        """At once, without a word to anybody."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop it and remove what is not in the folder."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
        self._own.close()
