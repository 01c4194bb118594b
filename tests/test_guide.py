"""The README, the guide for newcomers, and the unit for systemd: what they say is there."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from gateway.calls.end_reason import EndReason
from gateway.cli import app
from gateway.config.configuration import parse

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "config" / "DIAL_IN.md").read_text(encoding="utf-8")
ASTERISK = (ROOT / "config" / "ASTERISK.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
UNIT = ROOT / "config" / "sip-gateway.service"
PAGES = [
    page
    for where in ("*.md", "config/*.md", "gateway/*/*.md", "sip-test-scripts/*.md")
    for page in sorted(ROOT.glob(where))
]
SOURCES = "\n".join(
    file.read_text(encoding="utf-8") for file in sorted((ROOT / "gateway").rglob("*.py"))
)


def blocks(language: str, text: str = GUIDE) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands() -> Iterator[list[str]]:
    """Each command line of ours, without the program; of pipes the first part."""
    for block in blocks("sh"):
        for line in block.splitlines():
            words = shlex.split(line.partition(" | ")[0])
            if "sip-gateway" in words and (words[0] == "sip-gateway" or "--" in words):
                yield words[max(at for at, word in enumerate(words) if word == "sip-gateway") + 1 :]


def in_full(block: dict[str, Any]) -> dict[str, Any]:
    """A piece of a configuration with what the others have: an installation, a trunk, PINs.

    What belongs below a trunk is put below that one.
    """
    trunk = {"name": "pbx", "from": ["192.0.2.1"]}
    least = {"jitsi": {"domain": "a.b"}, "trunk": [trunk], "dial_in": {"listen": "127.0.0.1:0"}}
    if isinstance(block.get("trunk"), dict):
        block["trunk"] = [trunk | block["trunk"]]
    return least | block


@pytest.mark.parametrize(
    "block", [*blocks("toml"), *blocks("toml", ASTERISK), *blocks("toml", README)]
)
def test_every_piece_of_configuration_is_good(block: str) -> None:
    parse(in_full(tomllib.loads(block)))


def anchors(text: str) -> set[str]:
    """What links can lead to within a page, as GitHub names its headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        if ":" not in file:
            there = page.parent / file if file else page
            assert there.exists(), target
            assert not anchor or anchor in anchors(there.read_text(encoding="utf-8")), target


def test_the_configuration_of_step_3_is_whole(tmp_path: Path) -> None:
    """With each of the two trunks of step 4 below it, as a file."""
    _, jitsi, registering, by_address, *_ = blocks("toml")
    for trunk in (registering, by_address):
        file = tmp_path / "gateway.toml"
        file.write_text(jitsi + trunk)
        told = CliRunner().invoke(app, ["check-config", "--config", str(file)])
        assert told.exit_code == 0, told.output
        assert "calls from 127.0.0.1/32 (test)" in told.output
    file.write_text(jitsi + registering)
    told = CliRunner().invoke(app, ["check-config", "--config", str(file)])
    assert "sip:sip.provider.example, where we register as 4312345678 (provider)" in told.output
    assert "the provider's" not in told.output


def test_every_command_is_one_with_its_options() -> None:
    known: Any = get_command(app)
    told = list(commands())
    assert {words[0] for words in told} == {"lab", "check-config", "run", "call"}
    for name, *arguments in told:
        known.commands[name].make_context(name, arguments)


def test_what_the_log_says_when_it_does_not_work_is_what_it_does_say() -> None:
    table = GUIDE.partition("## 9.")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \| .*? \|$", table, re.MULTILINE)
    seen = {quoted for row in rows for quoted in re.findall(r"`([^`]+)`", row)}
    events = {each for each in seen if f'"{each}"' in SOURCES or f'"{each}: ' in SOURCES}
    reasons = {reason.label for reason in EndReason}
    statuses = {each for each in seen if each.isdigit()}
    # Words of the text of a failure: by slixmpp, by RFC 6120 and by OpenSSL.
    others = {"unreachable", "host-unknown", "CERTIFICATE_VERIFY_FAILED"}
    assert seen == events | (seen & reasons) | statuses | others
    assert {"not registered", "a call of no trunk's", "call ended", "digit"} <= events
    assert {"no-rtp", "pin-wrong", "no-such-room", "media-failed"} <= seen


def test_the_metrics_that_are_named_are_there() -> None:
    named = set(re.findall(r"sip_gateway_\w+", GUIDE + README))
    assert named
    assert not {name for name in named if name not in SOURCES}


def test_nginx_is_told_the_same_in_both_places() -> None:
    (ours,) = blocks("nginx")
    (theirs,) = blocks("nginx", README)
    assert ours == theirs
    assert re.findall(
        r"location = /dial-in/(\w+) \{\n    proxy_pass http://127.0.0.1:8790/\1;", ours
    ) == [
        "conferenceMapper",
        "phoneNumberList",
    ]


def test_the_unit_runs_what_the_guide_has_installed() -> None:
    unit = ConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    program, *arguments = service["ExecStart"].split()
    assert program == "/opt/sip-gateway/bin/sip-gateway"
    assert arguments == ["run", "--config", "/etc/sip-gateway/gateway.toml"]
    assert service["User"] == "sip-gateway"
    assert service["RestartForceExitStatus"] == "SIGHUP"  # clean to systemd; `ExecReload` sends it
    assert service["RestartPreventExitStatus"] == "78"  # which says tests/test_cli.py as well
    assert "useradd --system --home-dir /var/lib/sip-gateway" in GUIDE
    assert f"config/{UNIT.name} /etc/systemd/system/" in GUIDE
