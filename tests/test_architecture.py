"""Who may import whom, and which modules may do IO: the arrows of ARCHITECTURE.md, held."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT = {
    "audiocodecs": set(),
    "gateway.errors": set(),
    "gateway.log_writer": set(),
    "gateway.logs": {"gateway.log_writer"},
    # What operators' and the dial-in services have in common.
    "gateway.http_server": {"gateway.errors"},
    "gateway.system_limits": set(),  # for programs at their start
    "gateway.resolver": set(),  # for SIP and all others
    "gateway.host_addresses": {"gateway.resolver"},
    "gateway.web_resolver": {"gateway.host_addresses"},
    "gateway.reloading": set(),  # what certificates and PINs have in common
    "gateway.sparse_lines": set(),  # what strangers bring about, for the log
    "gateway.trust": set(),  # for everybody's TLS
    "gateway.sip": {
        "gateway.errors",
        "gateway.reloading",
        "gateway.resolver",
        "gateway.sparse_lines",
        "gateway.trust",
    },
    "gateway.sdp": {"gateway.errors"},
    "gateway.rtp": {"gateway.errors"},
    "gateway.xmpp": {
        "gateway.errors",
        "gateway.host_addresses",
        "gateway.trust",
        "gateway.web_resolver",
    },
    "gateway.webrtc": {
        "gateway.errors",
        "gateway.rtp",
        "gateway.media.messages",
        "gateway.trust",
    },
    "gateway.media": {
        "gateway.errors",
        "gateway.rtp",
        "gateway.webrtc",
        "audiocodecs",
        "gateway.logs",  # for the worker, which is a program
    },
    "gateway.conference": {
        "gateway.errors",
        "gateway.sparse_lines",
        "gateway.xmpp",
        "gateway.media.messages",
    },
    "gateway.ivr": {
        "gateway.errors",
        "gateway.http_server",
        "gateway.media.messages",
        "gateway.reloading",
        "gateway.sparse_lines",
        "gateway.host_addresses",
        "gateway.web_resolver",
        "audiocodecs",
    },
    "gateway.calls": {
        "gateway.errors",
        "gateway.sparse_lines",
        "gateway.ivr",
        "gateway.sip",
        "gateway.sdp",
        "gateway.conference",
        "gateway.media.messages",
    },
    "gateway.control": {
        "gateway.errors",
        "gateway.http_server",
        "gateway.sparse_lines",
        "gateway.calls",
        "gateway.conference.logins",
        "gateway.ivr.dial_in_counts",
        "gateway.media.messages",
        "gateway.media.load",
    },
    "gateway.lab": {
        "gateway.errors",
        "gateway.xmpp",
        "gateway.rtp",
        "gateway.webrtc",
        "gateway.sip",
        "gateway.sdp",
        "audiocodecs",
        # The lab's phones have the codecs of the gateway's, and its ears play out as that does.
        "gateway.media.messages",
        "gateway.media.playout",
        "gateway.media.decoding",
        "gateway.media.encoding",
    },
}

# Who composes may import everything that is not the lab; the lab is for these and for tests.
COMPOSERS = {
    "gateway.app",
    "gateway.bench",
    "gateway.cli",
    "gateway.config",
    "gateway.config_watch",
    "gateway.demo",
    "gateway.jigasi_accounts",
    "gateway.serving",
}
LAB_USERS = {"gateway.bench", "gateway.cli", "gateway.demo", "gateway.lab"}

# Foreign libraries that are walled in.
WALLS = {
    "aiortc": {"gateway.webrtc", "gateway.bench.plain_aiortc"},
    "aioice": {
        "gateway.webrtc",
        "gateway.bench.plain_aiortc",
        "gateway.lab.ice",
        "gateway.lab.videobridge",
    },
    "slixmpp": {"gateway.xmpp.client"},
    "aiohttp": {
        "gateway.xmpp.client",
        "gateway.xmpp.websocket",
        "gateway.xmpp.bosh_transport",
        "gateway.xmpp.http_request",
        "gateway.xmpp.web",
        "gateway.web_resolver",
        "gateway.http_server",
        "gateway.control.http",
        "gateway.conference.bridge_channel",
        "gateway.ivr.dial_in_http",
        "gateway.ivr.mapper_client",
        "gateway.lab",
    },
    "pylibsrtp": {"gateway.rtp.srtp"},
    "aiodns": {"gateway.resolver"},
    "pycares": {"gateway.sip.dns"},
    "cffi": {"audiocodecs.opus"},
    "G722": {"audiocodecs.g722"},
    "sipmessage": {"gateway.sip", "gateway.lab.phone"},
    "av": {"audiocodecs.audio_files", "gateway.lab.voice", "gateway.bench.plain_aiortc"},
    "jwt": {"gateway.conference.token", "gateway.lab.token_rules"},
    "sqlite3": {"gateway.ivr.pin_database"},
    "prometheus_client": {"gateway.control.metrics"},
}

# Packages whose every module must be free of IO and clocks, but for these.
PURE = {
    "audiocodecs": set(),
    "gateway.sdp": set(),
    "gateway.rtp": {"datagrams", "rtp_filter"},
    "gateway.sip": {
        "udp",
        "tcp",
        "tcp_connection",
        "tls",  # reads certificates
        "tls_channel",  # OpenSSL between two buffers
        "tls_watch",
        "liaison",
        "network",
        "routes",
        "user_agent",
        "call",
    },
    "gateway.xmpp": {
        "client",
        "connection",
        "bosh_transport",
        "http_request",
        "managed_stream",
        "server",  # names the type of a TLS context
        "tls",
        "web",
        "websocket",
    },
    "gateway.ivr": {
        "build_prompts",  # a program
        "dial_in",
        "dial_in_http",
        "mapper_client",
        "pin_store",
        "pins_watch",  # has them read in a thread
        "speaker",
        "synthesis",
    },
    "gateway.control": {"http", "stats"},  # stats counts threads
    "gateway.media": {
        "engine",
        "bridges",
        "clock",
        "phone_sockets",
        "recordings",  # reads them, in a thread
        "worker",  # the program of a worker
        "worker_process",
        "workers",
    },
}
IO = {
    "asyncio",
    "socket",
    "ssl",
    "time",
    "threading",
    "concurrent",
    "concurrent.futures",
    "subprocess",
    "aiohttp",
    "uvloop",
}


_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


def modules() -> dict[str, Path]:
    found = {}
    for base, folder in (("audiocodecs", ROOT / "codecs"), ("gateway", ROOT)):
        for file in (folder / base).rglob("*.py"):
            parts = file.relative_to(folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def imports(file: Path) -> set[str]:
    names = set()
    nodes: list[ast.AST] = [ast.parse(file.read_text())]
    while nodes:
        node = nodes.pop()
        # An import is a statement, and those are in nothing else than these.
        nodes += [each for each in ast.iter_child_nodes(node) if isinstance(each, _STATEMENTS)]
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


MODULES = modules()


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_is_below_it(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    known = set(MODULES)
    wrong = {
        f"{module} -> {name}"
        for module, file in MODULES.items()
        if within(module, {package})
        for name in imports(file) & known
        if not within(name, allowed) and name not in ("gateway", "gateway.media")
    }
    assert not wrong


def test_every_module_belongs_to_a_package_with_rules_or_composes() -> None:
    ruled = set(MAY_IMPORT) | COMPOSERS
    assert {name for name in MODULES if name != "gateway" and not within(name, ruled)} == set()


def test_only_the_command_line_the_demo_and_tests_use_the_lab() -> None:
    users = {
        module
        for module, file in MODULES.items()
        if any(within(name, {"gateway.lab"}) for name in imports(file))
    }
    assert {module for module in users if not within(module, LAB_USERS)} == set()


@pytest.mark.parametrize("library", WALLS)
def test_a_foreign_library_stays_behind_its_wall(library: str) -> None:
    users = {
        module
        for module, file in MODULES.items()
        if any(within(name, {library}) for name in imports(file))
    }
    assert {module for module in users if not within(module, WALLS[library])} == set()


@pytest.mark.parametrize("package", PURE)
def test_pure_modules_do_no_io_and_read_no_clock(package: str) -> None:
    edges = {f"{package}.{name}" for name in PURE[package]}
    wrong = {
        f"{module} -> {name}"
        for module, file in MODULES.items()
        if within(module, {package}) and module not in edges
        for name in imports(file) & IO
    }
    assert not wrong


def test_modules_stay_small() -> None:
    lengths = {name: len(file.read_text().splitlines()) for name, file in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > 420} == {}
