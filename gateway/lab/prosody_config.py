"""How a stock Prosody 0.12 (Debian's) has to be set up for the lab. Pure: it is only written down.

Jitsi's Prosody modules are not needed, and so what they do is absent: lobby, moderation, breakout
rooms, logins by JWT, and the component in front of the focus. Conference requests go to the focus
itself, `focus@auth.<domain>/focus`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from gateway.lab.focus_port import NICK
from gateway.lab.site import SiteConfig

DEBIAN_FILE = Path("/etc/prosody/conf.d/sip-gateway-lab.cfg.lua")
"""Debian's own configuration includes what is in that folder."""

GATEWAY = "jigasi"
"""The account of a gateway that waits to be told to dial."""

_HOST_MODULES = ("saslauth", "tls", "disco", "ping", "smacks")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A PEM certificate for the domain and the auth domain, and its key, as files of Prosody's."""

    certificate: Path
    key: Path

    @classmethod
    def of_debian(cls, domain: str) -> "Certificate":
        """Where Debian's Prosody keeps them."""
        folder = Path("/etc/prosody/certs")
        return cls(folder / f"{domain}.crt", folder / f"{domain}.key")


@dataclass(frozen=True, slots=True)
class Process:
    """A Prosody of the lab's own, beside one that may be there: its files and its ports."""

    folder: Path
    host: str = "127.0.0.1"
    c2s_port: int = 5222
    http_port: int | None = 5280
    https_port: int | None = None


@dataclass(frozen=True, slots=True)
class ProsodyConfig:
    """What is written down. Without `certificate` nothing is encrypted, which is for loopback only.

    Without `process` it is to be included in the configuration of a Prosody that is there.
    """

    site: SiteConfig = field(default_factory=SiteConfig)
    certificate: Certificate | None = None
    process: Process | None = None

    def to_lua(self, file: Path = DEBIAN_FILE) -> str:
        """What is to be in `file`; it begins with how it is put to use."""
        lines = [
            "-- Prosody 0.12 for `sip-gateway lab --xmpp`; it needs no modules but its own.",
            f"-- This is {file}; then, as root:",
            *(f"--   {command}" for command in self.installation(file)),
            *([] if self.process is None else _process(self.process, self.certificate)),
            *self._common(),
            *self._main_host(),
            *self._auth_host(),
            *self._rooms(),
        ]
        return "\n".join(lines) + "\n"

    def installation(self, file: Path = DEBIAN_FILE) -> list[str]:
        """The commands that set it up as root, once it is in `file`; PASSWORD is to be chosen."""
        domain, auth_domain = self.site.domain, self.site.auth_domain
        commands = []
        if self.certificate is not None:
            commands.append(
                "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650"
                f" -subj /CN={domain} -addext subjectAltName=DNS:{domain},DNS:{auth_domain}"
                f" -keyout {self.certificate.key} -out {self.certificate.certificate}"
                f" && chown prosody {self.certificate.key}"
            )
        at = "" if file == DEBIAN_FILE else f"--config {file} "
        commands.append(f"prosodyctl {at}register {NICK} {auth_domain} PASSWORD")
        commands.append(f"prosodyctl {at}register {GATEWAY} {auth_domain} PASSWORD")
        if self.process is None:
            commands.append("systemctl restart prosody")
        else:
            commands.append(f"prosody -F {at}".strip())
        return commands

    def _common(self) -> list[str]:
        return [
            "-- HTTP is for loopback, or for a web server in front that does TLS.",
            "consider_websocket_secure = true",
            "consider_bosh_secure = true",
            f"http_default_host = {_text(self.site.domain)}",
        ]

    def _main_host(self) -> list[str]:
        return [
            "",
            "-- Callers and speakers: guests, with a random name each.",
            f"VirtualHost {_text(self.site.domain)}",
            '    authentication = "anonymous"',
            f"    modules_enabled = {_list(*_HOST_MODULES, 'bosh', 'websocket')}",
            *self._encryption(),
        ]

    def _auth_host(self) -> list[str]:
        return [
            "",
            "-- The focus.",
            f"VirtualHost {_text(self.site.auth_domain)}",
            '    authentication = "internal_hashed"',
            f"    modules_enabled = {_list(*_HOST_MODULES)}",
            *self._encryption(),
        ]

    def _rooms(self) -> list[str]:
        return [
            "",
            "-- Only the focus makes rooms, and owns them; real JIDs are visible to everybody.",
            f'Component {_text(self.site.muc_domain)} "muc"',
            f"    admins = {_list(f'{NICK}@{self.site.auth_domain}')}",
            "    restrict_room_creation = true",
            "    muc_room_locking = false",
            "    muc_room_default_public_jids = true",
            "",
            "-- Where gateways wait to be told to dial; the focus lets accounts in.",
            f'Component {_text(self.site.brewery.partition("@")[2])} "muc"',
            f"    admins = {_list(f'{NICK}@{self.site.auth_domain}')}",
            "    restrict_room_creation = true",
            "    muc_room_locking = false",
            "    muc_room_default_members_only = true",
            "    muc_room_default_public_jids = true",
        ]

    def _encryption(self) -> list[str]:
        if self.certificate is None:
            return ["    c2s_require_encryption = false"]
        return ["    c2s_require_encryption = true", f"    ssl = {_ssl(self.certificate)}"]


def shown(*, encrypted: bool) -> str:
    """What `sip-gateway lab --show-prosody-config` prints, for Debian's Prosody."""
    site = SiteConfig()
    certificate = Certificate.of_debian(site.domain) if encrypted else None
    return ProsodyConfig(site, certificate).to_lua()


def _process(process: Process, certificate: Certificate | None) -> list[str]:
    """What a configuration has that is nowhere included."""
    https = certificate is not None and process.https_port is not None
    return [
        "run_as_root = true",
        f"pidfile = {_text(str(process.folder / 'prosody.pid'))}",
        f"certificates = {_text(str(process.folder))}",
        f"data_path = {_text(str(process.folder / 'data'))}",
        f"log = {{ warn = {_text(str(process.folder / 'prosody.log'))} }}",
        f"interfaces = {_list(process.host)}",
        f"http_interfaces = {_list(process.host)}",
        f"https_interfaces = {_list(process.host)}",
        f"c2s_ports = {_ports(process.c2s_port)}",
        f"http_ports = {_ports(process.http_port)}",
        f"https_ports = {_ports(process.https_port if https else None)}",
        *([f"https_ssl = {_ssl(certificate)}"] if https and certificate is not None else []),
        f"modules_disabled = {_list('s2s', 'offline')}",
        "",
    ]


def _ssl(certificate: Certificate) -> str:
    key, public = _text(str(certificate.key)), _text(str(certificate.certificate))
    return f"{{ key = {key}, certificate = {public} }}"


def _ports(port: int | None) -> str:
    return "{ }" if port is None else f"{{ {port} }}"


def _list(*texts: str) -> str:
    return f"{{ {', '.join(_text(text) for text in texts)} }}"


def _text(text: str) -> str:
    """A Lua string: only these three would end it, or be taken for something else."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n")):
        text = text.replace(plain, escaped)
    return f'"{text}"'
