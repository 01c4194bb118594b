"""What the commands tell whoever starts them."""

import re
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import system_limits
from gateway.cli import app
from tests.helpers.captured_log import log_at_once
from tests.sip.authority import Authority

_LEAST = """
[jitsi]
domain = "meet.example.org"
host = "192.0.2.20"
[[trunk]]
name = "pbx"
from = ["192.0.2.1"]
"""


@pytest.fixture(autouse=True)
def unchanged_log() -> Iterator[None]:
    yield
    log_at_once()


def _run(folder: Path, sections: str, media: str = "") -> str:
    file = folder / "gateway.toml"
    file.write_text(f"{_LEAST}\n{sections}\n[media]\nworkers = 0\n{media}\n")
    told = CliRunner().invoke(app, ["run", "-c", str(file)])
    assert told.exit_code == 1
    return told.output


def test_help_keeps_all_its_words() -> None:
    told = " ".join(CliRunner().invoke(app, ["run", "--help"]).output.split())
    assert "dial_in.pins_file and the level of the log read anew" in told


def test_the_list_of_commands_has_a_line_each() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).output
    assert re.search(r"run +Serve calls\.  ", told)
    assert "SIGHUP" not in told


def test_help_needs_nothing_of_what_serves_calls() -> None:
    program = "import sys, gateway.cli; print({'pydantic', 'aiohttp', 'numpy'} & {*sys.modules})"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert told.stdout.decode().strip() == "set()"


@pytest.mark.parametrize("command", ["run", "check-config"])
def test_an_unusable_configuration_has_an_exit_status_of_its_own(
    command: str, tmp_path: Path
) -> None:
    """By which systemd knows that it would be the same the next time."""
    (tmp_path / "gateway.toml").write_text("[jitsi]\n")
    for file in ("gateway.toml", "missing.toml"):
        told = CliRunner().invoke(app, [command, "-c", str(tmp_path / file)])
        assert told.exit_code == 78
        assert "cannot be used" in told.output


def test_the_version_is_told() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"sip-gateway {version('sip-gateway')}\n")


@pytest.mark.parametrize(
    ("kind", "listen", "address"),
    [
        (socket.SOCK_DGRAM, '[sip]\nlisten = ["udp:{}"]\n[control]\nlisten = ""', "udp:{}"),
        (socket.SOCK_STREAM, '[sip]\nlisten = ["tcp:{}"]\n[control]\nlisten = ""', "tcp:{}"),
        (
            socket.SOCK_STREAM,
            '[sip]\nlisten = ["udp:127.0.0.1:0"]\n[control]\nlisten = "{}"',
            "{}",
        ),
    ],
)
def test_an_address_in_use_is_named(
    kind: socket.SocketKind, listen: str, address: str, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            other.listen()
        port = f"127.0.0.1:{other.getsockname()[1]}"
        told = _run(tmp_path, listen.format(port))
    assert f"cannot listen on {address.format(port)}: Address already in use; " in told
    assert "ss -lntup" in told


@pytest.mark.parametrize("key", ["host", "bridge_addresses"])
def test_an_address_for_media_that_is_another_machines_is_named(key: str, tmp_path: Path) -> None:
    listen = '[sip]\nlisten = ["udp:127.0.0.1:0"]\n[control]\nlisten = ""'
    told = _run(tmp_path, listen, media=f'{key} = ["192.0.2.1"]')
    assert f"192.0.2.1 (media.{key}): Cannot assign requested address; " in told
    assert "ip addr" in told


def test_a_database_that_cannot_be_made_is_named_with_its_key(tmp_path: Path) -> None:
    database = tmp_path / "missing" / "pins.sqlite3"
    listen = '[sip]\nlisten = ["udp:127.0.0.1:0"]\n[control]\nlisten = ""'
    dial_in = f'[dial_in]\nlisten = "127.0.0.1:1"\ndatabase = "{database}"'
    told = _run(tmp_path, f"{listen}\n{dial_in}")
    assert told.startswith(f"dial_in.database: {database}: No such file or directory")


@pytest.mark.parametrize(
    ("trunk", "told"),
    [
        ('from = ["192.0.2.1"]', ["calls from 192.0.2.1/32 (pbx)"]),
        ('direction = "out"', ["calls to +43, +49 through sip.example.org (pbx)"]),
        (
            '[trunk.digest]\nuser = "pbx-1"\npassword = "long and random"',
            ["calls from anywhere who prove to be pbx-1 (pbx)"],
        ),
    ],
    ids=["address", "only out", "digest"],
)
def test_a_good_configuration_is_told_in_short(trunk: str, told: list[str], tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    through = '[trunk.dial_out]\nhost = "sip.example.org"\nprefixes = ["+43", "+49"]'
    file.write_text(
        f'[jitsi]\ndomain = "meet.example.org"\n[[trunk]]\nname = "pbx"\n{trunk}\n'
        + (through if "out" in trunk else "")
    )
    result = CliRunner().invoke(app, ["check-config", "-c", str(file)])
    assert result.exit_code == 0, result.output
    assert [line.strip() for line in result.output.splitlines() if "  calls " in line] == told


def test_a_certificate_that_is_not_for_our_name_is_told(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).sign("other.example.org")
    file = tmp_path / "gateway.toml"
    file.write_text(
        f'[sip]\nlisten = ["tls:127.0.0.1:5061"]\n[sip.tls]\ncertificate = "{certificate}"\n'
        f'key = "{key}"\nname = "sip.example.org"\n[jitsi]\ndomain = "meet.example.org"\n'
        '[[trunk]]\nname = "pbx"\nfrom = ["192.0.2.1"]\n'
    )
    checked = CliRunner().invoke(app, ["check-config", "-c", str(file)])
    assert "not for its name, sip.example.org" in checked.output


@pytest.mark.parametrize("dial_out", ["", '[trunk.dial_out]\nhost = "192.0.2.1"\nprefixes = ["+"]'])
def test_who_waits_for_orders_to_dial_and_can_obey_none_is_told(
    dial_out: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    brewery = (
        '[[brewery]]\nuser = "jigasi@auth"\npassword = "..."\nroom = "jigasibrewery@internal"\n'
    )
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        in_use = f'[control]\nlisten = "127.0.0.1:{other.getsockname()[1]}"'
        _run(tmp_path, f"{dial_out}\n{brewery}\n{in_use}")
    log_at_once()  # what was logged is written when it is left
    checked = CliRunner().invoke(app, ["check-config", "-c", str(tmp_path / "gateway.toml")])
    for told in (capfd.readouterr().err, checked.output):
        assert ("nobody can be called from meetings" in told) is (not dial_out)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["call", "here"], "malformed URI"),
        (["call", "sip:x@127.0.0.1:1", "--play", "/nowhere.wav"], "No such file"),
        (["call", "sip:x@127.0.0.1:1", "--bind", "192.0.2.1"], "cannot listen on udp:192.0.2.1:0"),
        (["demo", "--once", "--host", "192.0.2.1"], "cannot assign requested address"),
        (["demo", "--host", "localhost"], "an address of this machine"),
        (["lab", "--host", "localhost"], "an address of this machine"),
        (["lab", "--host", "0.0.0.0"], "an address of this machine"),
        (["demo", "--host", "::"], "an address of this machine"),
        (["call", "sip:x@127.0.0.1:1", "--room", "a\r\nb: c"], "one line"),
        (["call", "sip:x@127.0.0.1:1", "--record", "/nowhere/heard.wav"], "No such file"),
        (["call", "sip:x@127.0.0.1:1", "--record", "/tmp/heard"], "/tmp/heard: Could not"),
        (["call", "sip:x@127.0.0.1:1", "--record", "/tmp/heard.mp3"], "ends in .wav will do"),
        (["call", "sip:x@127.0.0.1:1", "--seconds", "nan"], "equal to 0"),
        (["call", "tel:+4312345"], "tel:+4312345 is no SIP URI"),
        (["demo", "--web", "-1"], "equal to 0"),
        (["lab", "--port", "99999"], "65535"),
        (["lab", "--port", "-1"], "equal to 0"),
        (["lab", "--web", "-1"], "equal to 0"),
        (["lab", "--port", "0", "--room", ""], "no room can be named ''"),
        (["lab", "--port", "0", "--room", "a@b"], "rooms of 'b' are not served"),
    ],
)
def test_what_a_command_cannot_do_is_told_without_a_traceback(
    arguments: list[str], told: str
) -> None:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, SystemExit)
    assert result.exit_code != 0
    assert told in " ".join(result.output.split())


def test_as_many_files_may_be_open_as_the_system_allows(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            _run(tmp_path, f'[control]\nlisten = "127.0.0.1:{other.getsockname()[1]}"')
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_limit_that_is_too_low_for_the_calls_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(system_limits, "allow_many_files", lambda: 1024)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        in_use = f'[control]\nlisten = "127.0.0.1:{other.getsockname()[1]}"'
        for max_calls, is_told in ((200, True), (100, False)):
            _run(tmp_path, f"{in_use}\n[sip]\nmax_calls = {max_calls}")
            log_at_once()  # what was logged is written when it is left
            assert ("LimitNOFILE" in capfd.readouterr().err) is is_told


def test_a_range_of_ports_that_is_too_small_for_the_calls_is_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        in_use = f'[control]\nlisten = "127.0.0.1:{other.getsockname()[1]}"'
        ports = "first_port = 20000\nlast_port = 20199"
        for max_calls, is_told in ((101, True), (100, False)):
            _run(tmp_path, f"{in_use}\n[sip]\nmax_calls = {max_calls}", media=ports)
            log_at_once()  # what was logged is written when it is left
            assert ("last_port" in capfd.readouterr().err) is is_told
