"""A real Kamailio on free ports of this machine: a record-routing proxy, and a registrar.

It is strict in one thing more than others: within a dialog nothing gets through it that does not
name it in a Route.
"""

import asyncio
import os
import re
import shutil
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from gateway.sip.digest import Credentials
from gateway.sip.locate import Destination
from gateway.sip.tls import TlsConfig
from tests.helpers.free_ports import free_ports

HOST = "127.0.0.1"
_SBIN = "/usr/sbin"  # is not on everybody's path
_MODULES = ("tm", "tmx", "sl", "rr", "maxfwd", "pv", "xlog", "siputils", "textops")
_REGISTRAR_MODULES = ("usrloc", "registrar", "auth")
_TLS_MODULE = "lib/*/kamailio/modules/tls.so"
_STARTING, _STOPPING = 20.0, 10.0  # seconds

_GENERAL = """
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
tcp_connection_lifetime=60
"""
_ROUTES = """
request_route {
    force_rport();
    if (!mf_process_maxfwd_header("70")) { sl_send_reply("483", "Too Many Hops"); exit; }
    if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
    if (has_totag()) {
        if (loose_route()) {
            xlog("L_NOTICE", "routed $rm $pr\\n");
            t_relay();
        } else if (is_method("ACK")) {
            if (t_check_trans()) t_relay();
        } else {
            xlog("L_NOTICE", "without route $rm\\n");
            sl_send_reply("403", "Without Route");
        }
        exit;
    }
    if (is_method("REGISTER")) { route(REGISTER); exit; }
    route(PLACE);
}
"""
_PROXY = """
route[REGISTER] { sl_send_reply("405", "Method Not Allowed"); }
route[PLACE] {
    record_route();
    $du = "{next_hop}";
    t_relay();
}
"""
# The auth module counts the nonces' uses: one that does not rise is stale.
_REGISTRAR = """
modparam("auth", "algorithm", "{algorithm}")
modparam("auth", "nonce_count", 1)
modparam("auth", "qop", "auth")
modparam("registrar", "min_expires", 60)
modparam("usrloc", "db_mode", 0)

route[REGISTER] {
    if (!pv_www_authenticate("kamailio", "{password}", "0") || $au != "{user}") {
        www_challenge("kamailio", "1");
        exit;
    }
    consume_credentials();
    if (save("location")) xlog("L_NOTICE", "saved $tU $hdr(Expires)\\n");
}
route[PLACE] {
    if (lookup("location")) {
        record_route();
        t_relay();
        exit;
    }
    if (!pv_proxy_authenticate("kamailio", "{password}", "0") || $au != "{user}") {
        proxy_challenge("kamailio", "1");
        exit;
    }
    consume_credentials();
    xlog("L_NOTICE", "proved $rm $rU\\n");
    record_route();
    $du = "{next_hop}";
    t_relay();
}
"""
_TLS = """
[server:default]
method = TLSv1.2+
private_key = {key}
certificate = {certificate}

[client:default]
method = TLSv1.2+
private_key = {key}
certificate = {certificate}
ca_list = {authority}
verify_certificate = yes
require_certificate = yes
"""


def demand_kamailio() -> None:
    """Skip without Kamailio, naming what to install; fail where everything has to be there."""
    if _program() is None or not any(Path("/usr").glob(_TLS_MODULE)):
        missing = "Kamailio is not installed: apt-get install kamailio kamailio-tls-modules"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)


class Kamailio:
    """Runs between `async with` and its end, in the foreground; its ports are known before.

    Calls go on to `next_hop`. With an `account` it is the registrar of that user as well: what
    the user has registered comes first, and everybody who wants to go on has to be the user.
    """

    def __init__(
        self,
        folder: Path,
        next_hop: Destination,
        *,
        account: Credentials | None = None,
        algorithm: str = "MD5",
        tls: TlsConfig | None = None,
    ) -> None:
        self._folder = folder
        self._next_hop = next_hop
        self._account = account
        self._algorithm = algorithm
        self._tls = tls
        transports = ("udp", "tcp") if tls is None else ("udp", "tcp", "tls")
        ports = [*free_ports(1, socket.SOCK_DGRAM), *free_ports(len(transports) - 1)]
        self._ports = dict(zip(transports, ports, strict=True))
        self._process: asyncio.subprocess.Process

    async def __aenter__(self) -> Self:
        file = self._folder / "kamailio.cfg"
        file.write_text(self._configuration())
        await self._start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), _STOPPING)
            except TimeoutError:
                await self._kill()

    def address(self, transport: str) -> tuple[str, int]:
        """Where it listens."""
        return HOST, self._ports[transport]

    def uri(self, user: str, transport: str) -> str:
        """What it is called by, to reach somebody there."""
        return f"sip:{user}@{HOST}:{self._ports[transport]};transport={transport}"

    @property
    def log(self) -> str:
        """What it has written."""
        file = self._folder / "kamailio.log"
        return file.read_text(errors="replace") if file.exists() else ""

    @property
    def told(self) -> Sequence[str]:
        """What its routes have said, in order: "routed BYE udp", "saved 123 3600"."""
        return re.findall(r"<script>: (.*)", self.log)

    async def restart(self) -> None:
        """Die without a word to anybody, and come back with nothing remembered."""
        await self._kill()
        await self._start()

    async def _start(self) -> None:
        program = _program()
        assert program is not None, "demand_kamailio() comes first"
        file = self._folder / "kamailio.cfg"
        with (self._folder / "kamailio.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(program, "-DD", "-E", "-f", file, "-w", self._folder, "-Y", self._folder),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # its processes die together
            )
        async with asyncio.timeout(_STARTING):
            while not _listens(self._ports["tcp"]):
                assert self._process.returncode is None, self.log
                await asyncio.sleep(0.02)

    async def _kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    def _configuration(self) -> str:
        modules = _MODULES if self._account is None else (*_MODULES, *_REGISTRAR_MODULES)
        lines = [f"listen={transport}:{HOST}:{port}" for transport, port in self._ports.items()]
        if self._tls is not None:
            lines.append("enable_tls=yes")
            modules = (*modules, "tls")
        lines += [f'loadmodule "{module}.so"' for module in modules]
        if self._tls is not None:
            file = self._folder / "tls.cfg"
            file.write_text(
                _TLS.format(
                    key=self._tls.key,
                    certificate=self._tls.certificate,
                    authority=self._tls.ca_file,
                )
            )
            lines.append(f'modparam("tls", "config", "{file}")')
        next_hop = f"sip:{self._next_hop.host}:{self._next_hop.port}"
        next_hop += f";transport={self._next_hop.transport}"
        return "\n".join((_GENERAL, *lines, self._places(next_hop), _ROUTES))

    def _places(self, next_hop: str) -> str:
        if self._account is None:
            return _PROXY.replace("{next_hop}", next_hop)
        values = {
            "next_hop": next_hop,
            "user": self._account.user,
            "password": self._account.password,
            "algorithm": self._algorithm,
        }
        return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], _REGISTRAR)


def _program() -> str | None:
    path = os.environ.get("PATH", os.defpath)
    return shutil.which("kamailio", path=f"{path}{os.pathsep}{_SBIN}")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
